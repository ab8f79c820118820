import { configError } from "@proxyless/core";

import { knownKeys, optionalText, record, text, wholeNumber } from "./option-checks.ts";

/** How to speak TLS to Consul; every address is then `https://`. */
export interface ConsulTls {
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string | Buffer;
  /** PEM of the client certificate, where Consul verifies incoming connections; needs `key`. */
  readonly cert?: string | Buffer;
  /** PEM of the client certificate's private key; needs `cert`. */
  readonly key?: string | Buffer;
  /** The name the certificate must carry (`server.dc1.consul`), when it is not the address's host. */
  readonly serverName?: string;
  /** `false` turns verification off, for a laboratory; nothing else does, the environment included. Default: true. */
  readonly rejectUnauthorized?: boolean;
}

/** What reading and registering have in common: whom to ask, as whom, and in which part of Consul. */
export interface ConsulConnectionOptions {
  /** An ACL token; sent in the `X-Consul-Token` header only. Not together with `tokenFile`. */
  readonly token?: string;
  /** A file that holds an ACL token; read again when Consul refuses the one it held. Not together with `token`. */
  readonly tokenFile?: string;
  readonly tls?: ConsulTls;
  /** A namespace of Consul Enterprise. Default: the token's. */
  readonly namespace?: string;
  /** An admin partition of Consul Enterprise. Default: the agent's. */
  readonly partition?: string;
  /** Milliseconds to wait for an answer that Consul has no reason to delay, 100 to 600,000. Default: 10,000. */
  readonly requestTimeoutMs?: number;
}

/** The option names of {@link ConsulConnectionOptions}. */
export const connectionKeys = [
  "token",
  "tokenFile",
  "tls",
  "namespace",
  "partition",
  "requestTimeoutMs",
] as const;

/** Connection options, checked and complete. */
export interface Connection {
  readonly urls: readonly [URL, ...URL[]];
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly tls: ConsulTls | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
  readonly requestTimeoutMs: number;
}

/** Checks connection options; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveConnection(options: ConsulConnectionOptions, urls: readonly unknown[]): Connection {
  const [first, ...rest] = urls.map((url, i) => address(urls.length === 1 ? "url" : `url[${i}]`, url));
  if (first === undefined) throw configError("url", "an address or a non-empty array of addresses", urls);
  const token = optionalToken(options.token);
  const tokenFile = optionalText("tokenFile", options.tokenFile);
  if (token !== undefined && tokenFile !== undefined) {
    throw configError("tokenFile", "absent when token is given", tokenFile);
  }
  const tls = options.tls === undefined ? undefined : resolveTls(options.tls);
  const plain = [first, ...rest].find((url) => url.protocol === "http:");
  if (tls !== undefined && plain !== undefined) {
    throw configError("url", "https:// when tls is given", plain.href);
  }
  const other = rest.findIndex((url) => url.protocol !== first.protocol);
  if (other >= 0)
    throw configError(`url[${other + 1}]`, `${first.protocol}// like url[0]`, rest[other]?.href);
  return {
    urls: [first, ...rest],
    token,
    tokenFile,
    tls,
    namespace: optionalText("namespace", options.namespace),
    partition: optionalText("partition", options.partition),
    requestTimeoutMs: wholeNumber("requestTimeoutMs", options.requestTimeoutMs, 10_000, 100, 600_000),
  };
}

function address(field: string, value: unknown): URL {
  const expected = "an http:// or https:// address without credentials, query or fragment";
  if (typeof value !== "string" || !URL.canParse(value)) throw configError(field, expected, value);
  const url = new URL(value);
  // The address itself is kept out of the error: what stands before the @ is a secret.
  if (url.username !== "" || url.password !== "") throw configError(field, expected, "one with credentials");
  if (!["http:", "https:"].includes(url.protocol) || url.search !== "" || url.hash !== "") {
    throw configError(field, expected, value);
  }
  return url;
}

function optionalToken(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string" || !isToken(value)) {
    throw configError(
      "token",
      "printable ASCII without spaces",
      typeof value === "string" ? "something else" : value,
    );
  }
  return value;
}

/** Whether a text can be sent as a token: a header value that cannot be broken out of. */
export function isToken(value: string): boolean {
  return /^[\x21-\x7e]{1,4096}$/.test(value);
}

function resolveTls(value: unknown): ConsulTls {
  const tls = record("tls", value);
  knownKeys("tls", tls, ["ca", "cert", "key", "serverName", "rejectUnauthorized"]);
  const ca = pem("tls.ca", tls["ca"]);
  const cert = pem("tls.cert", tls["cert"]);
  const key = pem("tls.key", tls["key"]);
  if ((cert === undefined) !== (key === undefined)) {
    throw configError(
      cert === undefined ? "tls.cert" : "tls.key",
      "given when the other of tls.cert and tls.key is",
      undefined,
    );
  }
  const { rejectUnauthorized } = tls;
  if (rejectUnauthorized !== undefined && typeof rejectUnauthorized !== "boolean") {
    throw configError("tls.rejectUnauthorized", "true or false", rejectUnauthorized);
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(tls["serverName"] === undefined ? {} : { serverName: text("tls.serverName", tls["serverName"]) }),
    rejectUnauthorized: rejectUnauthorized ?? true,
  };
}

function pem(field: string, value: unknown): string | Buffer | undefined {
  if (value === undefined) return undefined;
  if ((typeof value !== "string" && !Buffer.isBuffer(value)) || !value.includes("-----BEGIN ")) {
    throw configError(field, "PEM text", typeof value === "string" ? "text without a PEM block" : value);
  }
  return value;
}
