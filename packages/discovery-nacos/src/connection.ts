import { configError } from "@proxyless/core";
import { oneOf, optionalText, resolveTls, resolveUrls, text, wholeNumber } from "@proxyless/core/discovery";
import type { RegistryTls, RegistryUrls } from "@proxyless/core/discovery";

/**
 * Which HTTP API is spoken. `v3`: that of Nacos 3. `v1`: that of Nacos 1 and 2, which 3 can still have. `auto`: `v3`, and
 * `v1` where that does not exist.
 */
export type NacosApi = "auto" | "v3" | "v1";

/** What reading and registering have in common: whom to ask, as whom, and in which part of Nacos. */
export interface NacosConnectionOptions {
  /**
   * Address of a server (`http://127.0.0.1:8848`), or several: the next one is asked when one fails. Without a path the
   * API is looked for under `/nacos`.
   */
  readonly url: string | readonly string[];
  /** The id of a namespace. Default: `public`. */
  readonly namespace?: string;
  /** Default: `DEFAULT_GROUP`. */
  readonly group?: string;
  /** Who logs in; together with `password`. */
  readonly username?: string;
  /** Sent in the body of the login only. */
  readonly password?: string;
  /** Default: `auto`. */
  readonly api?: NacosApi;
  readonly tls?: RegistryTls;
  /** Milliseconds to wait for an answer, 100 to 600,000. Default: 10,000. */
  readonly requestTimeoutMs?: number;
}

/** The option names of {@link NacosConnectionOptions}. */
export const connectionKeys: readonly string[] = [
  "url",
  "namespace",
  "group",
  "username",
  "password",
  "api",
  "tls",
  "requestTimeoutMs",
];

/** Who logs in. */
interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Connection options, checked and complete. */
export interface Connection {
  readonly urls: RegistryUrls;
  readonly namespace: string;
  readonly group: string;
  readonly credentials: Credentials | undefined;
  readonly api: NacosApi;
  readonly tls: RegistryTls | undefined;
  readonly requestTimeoutMs: number;
}

/** Checks connection options; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveConnection(options: NacosConnectionOptions): Connection {
  const tls = resolveTls(options.tls);
  const [first, ...rest] = resolveUrls(options.url, tls !== undefined);
  const group = optionalText("group", options.group) ?? "DEFAULT_GROUP";
  if (group.includes("@@")) throw configError("group", "a name without @@", group);
  return {
    urls: [withPath(first), ...rest.map((url) => withPath(url))],
    namespace: optionalText("namespace", options.namespace) ?? "public",
    group,
    credentials: resolveCredentials(options),
    api: oneOf("api", options.api, ["auto", "v3", "v1"], "auto"),
    tls,
    requestTimeoutMs: wholeNumber("requestTimeoutMs", options.requestTimeoutMs, 10_000, 100, 600_000),
  };
}

function withPath(url: URL): URL {
  return url.pathname === "/" ? new URL("/nacos", url) : url;
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG`; a refused password is never quoted */
function resolveCredentials({ username, password }: NacosConnectionOptions): Credentials | undefined {
  if (username === undefined && password === undefined) return undefined;
  if (typeof password !== "string" || password === "") {
    const came = password === undefined ? undefined : "something else";
    throw configError("password", "a non-empty string, together with username", came);
  }
  return { username: text("username", username), password };
}
