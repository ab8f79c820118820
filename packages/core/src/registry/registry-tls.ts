import { configError } from "../errors.ts";
import { knownKeys, record, text } from "./option-checks.ts";

/** How to speak TLS to a registry. */
export interface RegistryTls {
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string | Buffer;
  /** PEM of the client certificate, where the registry verifies incoming connections; needs `key`. */
  readonly cert?: string | Buffer;
  /** PEM of the client certificate's private key; needs `cert`. */
  readonly key?: string | Buffer;
  /** The name the certificate must carry (`server.dc1.consul`), when it is not the address's host. */
  readonly serverName?: string;
  /** `false` turns verification off, for a laboratory; nothing else does, the environment included. Default: true. */
  readonly rejectUnauthorized?: boolean;
}

/**
 * Checks TLS options; `undefined` where none were given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveTls(value: unknown, field = "tls"): RegistryTls | undefined {
  if (value === undefined) return undefined;
  const tls = record(field, value);
  knownKeys(field, tls, ["ca", "cert", "key", "serverName", "rejectUnauthorized"]);
  const ca = pem(`${field}.ca`, tls["ca"]);
  const cert = pem(`${field}.cert`, tls["cert"]);
  const key = pem(`${field}.key`, tls["key"]);
  if ((cert === undefined) !== (key === undefined)) {
    throw configError(
      `${field}.${cert === undefined ? "cert" : "key"}`,
      `given when the other of ${field}.cert and ${field}.key is`,
      undefined,
    );
  }
  const { rejectUnauthorized, serverName } = tls;
  if (rejectUnauthorized !== undefined && typeof rejectUnauthorized !== "boolean") {
    throw configError(`${field}.rejectUnauthorized`, "true or false", rejectUnauthorized);
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { serverName: text(`${field}.serverName`, serverName) }),
    rejectUnauthorized: rejectUnauthorized ?? true,
  };
}

/** The same as `node:tls` wants it. Verification is said aloud, so that no environment variable can turn it off. */
export function tlsConnectOptions(tls: RegistryTls | undefined): {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
} {
  return {
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
    rejectUnauthorized: tls?.rejectUnauthorized ?? true,
  };
}

function pem(field: string, value: unknown): string | Buffer | undefined {
  if (value === undefined) return undefined;
  if ((typeof value !== "string" && !Buffer.isBuffer(value)) || !value.includes("-----BEGIN ")) {
    throw configError(field, "PEM text", typeof value === "string" ? "text without a PEM block" : value);
  }
  return value;
}
