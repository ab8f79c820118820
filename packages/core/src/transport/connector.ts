import { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";

import { buildConnector } from "undici";

import type { Clock } from "../clock.ts";
import { ProxylessError } from "../errors.ts";

/** TLS settings of a service, as `node:tls` has them. Verification is on unless `rejectUnauthorized` is false. */
export type TlsOptions = Pick<
  ConnectionOptions,
  | "ca"
  | "cert"
  | "key"
  | "pfx"
  | "passphrase"
  | "minVersion"
  | "maxVersion"
  | "ciphers"
  | "rejectUnauthorized"
  | "checkServerIdentity"
> & {
  /** The name to verify and to send as SNI; the endpoint's own, else the service's name, by default. */
  readonly serverName?: string;
};

/**
 * Makes connectors with a time limit of our own: undici's connect timer rounds everything below a second up to a
 * second. The endpoints of a service share one, and with it their TLS sessions; each may be verified by another name.
 * @returns makes the connector for a TLS server name; without one it is the name in the `host` header
 */
export function createConnector(
  clock: Clock,
  connectMs: number,
  http2: boolean,
  tls: TlsOptions | undefined,
): (serverName: string | undefined) => buildConnector.connector {
  const { serverName: _, ...tlsOptions } = tls ?? {};
  const connect = buildConnector({ ...tlsOptions, allowH2: http2, timeout: 0 });
  return (serverName) => (options, callback) => {
    let settled = false;
    const settle = (...result: Parameters<typeof callback>): void => {
      if (settled) return;
      settled = true;
      clock.clearTimer(timer);
      callback(...result);
    };
    const socket: unknown = connect(
      serverName === undefined ? options : { ...options, servername: serverName },
      settle,
    );
    const timer = clock.setTimer(
      () => {
        const where = `${options.hostname}:${options.port}`;
        const message = `connecting to ${where} took longer than ${connectMs} ms`;
        settle(
          new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, { timeout: "connect", flag: "UF" }),
          null,
        );
        if (socket instanceof Socket) socket.destroy();
      },
      connectMs,
      undefined,
    );
  };
}
