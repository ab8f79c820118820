import { optionalText, resolveTls, resolveToken, resolveUrls, wholeNumber } from "@proxyless/core/discovery";
import type { RegistryTls, RegistryUrls } from "@proxyless/core/discovery";

/** What reading and registering have in common: whom to ask, as whom, and in which part of Consul. */
export interface ConsulConnectionOptions {
  /** An ACL token; sent in the `X-Consul-Token` header only. Not together with `tokenFile`. */
  readonly token?: string;
  /** A file that holds an ACL token; read again when Consul refuses the one it held. Not together with `token`. */
  readonly tokenFile?: string;
  readonly tls?: RegistryTls;
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
  readonly urls: RegistryUrls;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly tls: RegistryTls | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
  readonly requestTimeoutMs: number;
}

/** Checks connection options; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveConnection(options: ConsulConnectionOptions, url: unknown): Connection {
  const tls = resolveTls(options.tls);
  const { token, tokenFile } = resolveToken(options);
  return {
    urls: resolveUrls(url, tls !== undefined),
    token,
    tokenFile,
    tls,
    namespace: optionalText("namespace", options.namespace),
    partition: optionalText("partition", options.partition),
    requestTimeoutMs: wholeNumber("requestTimeoutMs", options.requestTimeoutMs, 10_000, 100, 600_000),
  };
}
