import { configError } from "@proxyless/core";
import { optionalText, resolveTls, resolveUrls, wholeNumber } from "@proxyless/core/discovery";
import type { RegistryTls, RegistryUrls } from "@proxyless/core/discovery";

/** What reading and registering have in common: whom to ask, and as whom. */
export interface EtcdConnectionOptions {
  /** Address of a member (`http://127.0.0.1:2379`), or of several: the next one is asked when one fails. */
  readonly url: string | readonly string[];
  /** A user of etcd; needs `password` or `passwordFile`. Default: nobody, which is enough where access is open. */
  readonly username?: string;
  readonly password?: string;
  /** A file that holds the password; read again whenever a new token is fetched. Not together with `password`. */
  readonly passwordFile?: string;
  readonly tls?: RegistryTls;
  /** Milliseconds to wait for an answer, 100 to 600,000. Default: 3,000. */
  readonly requestTimeoutMs?: number;
}

/** The option names of {@link EtcdConnectionOptions}. */
export const connectionKeys: readonly string[] = [
  "url",
  "username",
  "password",
  "passwordFile",
  "tls",
  "requestTimeoutMs",
];

/** Who asks: a user whose token is fetched by password. */
export interface Credentials {
  readonly username: string;
  readonly password: string | undefined;
  readonly passwordFile: string | undefined;
}

/** Connection options, checked and complete. */
export interface Connection {
  readonly urls: RegistryUrls;
  readonly credentials: Credentials | undefined;
  readonly tls: RegistryTls | undefined;
  readonly requestTimeoutMs: number;
}

/** Checks connection options; throws `ERR_PROXYLESS_CONFIG`, which never quotes a password. */
export function resolveConnection(options: EtcdConnectionOptions): Connection {
  const tls = resolveTls(options.tls);
  return {
    urls: resolveUrls(options.url, tls !== undefined),
    credentials: resolveCredentials(options),
    tls,
    requestTimeoutMs: wholeNumber("requestTimeoutMs", options.requestTimeoutMs, 3000, 100, 600_000),
  };
}

function resolveCredentials(options: EtcdConnectionOptions): Credentials | undefined {
  const username = optionalText("username", options.username);
  const passwordFile = optionalText("passwordFile", options.passwordFile);
  const password: unknown = options.password;
  if (password !== undefined && (typeof password !== "string" || password === "")) {
    throw configError("password", "a non-empty string", typeof password === "string" ? "" : typeof password);
  }
  if (password !== undefined && passwordFile !== undefined) {
    throw configError("passwordFile", "absent when password is given", passwordFile);
  }
  const isGiven = password !== undefined || passwordFile !== undefined;
  if (username === undefined) {
    if (isGiven) throw configError("username", "given when a password is", undefined);
    return undefined;
  }
  if (!isGiven) throw configError("password", "given, or passwordFile, when username is", undefined);
  return { username, password, passwordFile };
}
