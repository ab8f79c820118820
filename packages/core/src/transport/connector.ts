import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
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

/** Makes connectors for the endpoints of a service. */
export interface ConnectorFactory {
  /**
   * A connector for one endpoint.
   * @param endpoint what the endpoint is known by
   * @param serverName what TLS verifies; the name in the `host` header where there is none
   */
  readonly connector: (endpoint: object, serverName: string | undefined) => buildConnector.connector;
  /** Since when a connection to an endpoint is being opened; undefined when none is. */
  readonly openingSince: (endpoint: object) => number | undefined;
  /** The version of HTTP that was agreed on with an endpoint, as of its last connection; undefined before the first. */
  readonly protocolOf: (endpoint: object) => string | undefined;
  /** Gives up the connections that are being opened. */
  readonly abort: () => void;
}

/**
 * Makes connectors with a time limit of our own: undici's connect timer rounds everything below a second up to a
 * second. The endpoints of a service share one, and with it their TLS sessions; each may be verified by another name.
 */
export function createConnector(
  clock: Clock,
  connectMs: () => number,
  http2: boolean,
  tls: TlsOptions | undefined,
  onHttp2: (endpoint: object, socket: Socket) => void = () => undefined,
): ConnectorFactory {
  const { serverName: _, ...tlsOptions } = tls ?? {};
  const connect = buildConnector({ ...tlsOptions, allowH2: http2, timeout: 0 });
  /** What ends each opening, and whose it is. */
  const opening = new Map<(error: Error) => void, { readonly endpoint: object; readonly since: number }>();
  /** A TLS connection of one that speaks both may be either. */
  const protocols = new WeakMap<object, string>();
  const connector: ConnectorFactory["connector"] = (endpoint, serverName) => (options, callback) => {
    const give = (...result: Parameters<typeof callback>): void => {
      if (!opening.delete(giveUp)) return;
      clock.clearTimer(timer);
      const [, opened] = result;
      if (opened !== null) {
        const isHttp2 = opened instanceof TLSSocket && opened.alpnProtocol === "h2";
        protocols.set(endpoint, isHttp2 ? "2" : "1.1");
        if (isHttp2) onHttp2(endpoint, opened);
      }
      callback(...result);
    };
    const giveUp = (error: Error): void => {
      give(error, null);
      if (socket instanceof Socket) socket.destroy();
    };
    const limitMs = connectMs();
    opening.set(giveUp, { endpoint, since: clock.now() });
    const timer = clock.setTimer(
      () => {
        const where = `${options.hostname}:${options.port}`;
        const message = `connecting to ${where} took longer than ${limitMs} ms`;
        giveUp(new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, { timeout: "connect", flag: "UF" }));
      },
      limitMs,
      undefined,
    );
    const named = serverName === undefined ? options : { ...options, servername: serverName };
    const socket: unknown = connect(named, give);
  };
  return {
    connector,
    protocolOf: (endpoint) => protocols.get(endpoint),
    // The oldest comes first.
    openingSince: (endpoint) => [...opening.values()].find((one) => one.endpoint === endpoint)?.since,
    abort: () => {
      for (const giveUp of opening.keys()) giveUp(new Error("the mesh was closed"));
    },
  };
}
