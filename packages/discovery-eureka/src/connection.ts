import { configError } from "@proxyless/core";
import {
  isRecord,
  optionalText,
  record,
  resolveTls,
  resolveUrls,
  wholeNumber,
} from "@proxyless/core/discovery";
import type { RegistryTls, RegistryUrls } from "@proxyless/core/discovery";

/** What reading and registering have in common: whom to ask, and as whom. */
export interface EurekaConnectionOptions {
  /**
   * Address of a server with the path its API stands under (`http://127.0.0.1:8761/eureka`), or several: the next one is
   * asked when one fails. Either this or `zones`.
   */
  readonly url?: string | readonly string[];
  /** The servers of each availability zone; those of `zone` are asked first. Either this or `url`. */
  readonly zones?: Readonly<Record<string, string | readonly string[]>>;
  /** The zone of this process, one of `zones`. Default: none, so that `zones` are asked in their order. */
  readonly zone?: string;
  /** For HTTP basic authentication; together with `password`. Sent in the `Authorization` header only. */
  readonly user?: string;
  readonly password?: string;
  /** Sent with every request: `{ "x-namespace": "default" }` chooses a namespace of Polaris. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly tls?: RegistryTls;
  /** Milliseconds to wait for an answer, 100 to 600,000. Default: 10,000. */
  readonly requestTimeoutMs?: number;
}

/** The option names of {@link EurekaConnectionOptions}. */
export const connectionKeys: readonly string[] = [
  "url",
  "zones",
  "zone",
  "user",
  "password",
  "headers",
  "tls",
  "requestTimeoutMs",
];

/** Connection options, checked and complete. */
export interface Connection {
  /** In the order in which they are tried. */
  readonly urls: RegistryUrls;
  /** The zone of this process. */
  readonly zone: string | undefined;
  readonly user: string | undefined;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: RegistryTls | undefined;
  readonly requestTimeoutMs: number;
}

const ownHeaders = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "content-type",
  "host",
  "transfer-encoding",
]);

/** Checks connection options; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveConnection(options: EurekaConnectionOptions): Connection {
  const tls = resolveTls(options.tls);
  return {
    urls: resolveServers(options, tls !== undefined),
    zone: options.zone,
    user: options.user,
    authorization: basic(options.user, options.password),
    headers: resolveHeaders(options.headers),
    tls,
    requestTimeoutMs: wholeNumber("requestTimeoutMs", options.requestTimeoutMs, 10_000, 100, 600_000),
  };
}

function resolveServers(options: EurekaConnectionOptions, hasTls: boolean): RegistryUrls {
  const zone = optionalText("zone", options.zone);
  if (options.zones === undefined) {
    if (zone !== undefined) throw configError("zone", "absent without zones", zone);
    return resolveUrls(options.url, hasTls);
  }
  if (options.url !== undefined) throw configError("url", "absent when zones is given", "both");
  const zones = Object.entries(record("zones", options.zones));
  if (zone !== undefined && !zones.some(([name]) => name === zone)) {
    throw configError("zone", `one of zones (${zones.map(([name]) => name).join(", ")})`, zone);
  }
  const inOrder = zones.toSorted(([a], [b]) => Number(b === zone) - Number(a === zone));
  const checked = inOrder.flatMap(([name, urls]) =>
    resolveUrls(urls, hasTls, `zones.${name}`).map(({ href }) => href),
  );
  // Once more as one list: it is not empty, and all of one scheme.
  return resolveUrls(checked, hasTls, "zones");
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG`; a refused password is never quoted */
function basic(user: unknown, password: unknown): string | undefined {
  if (user === undefined && password === undefined) return undefined;
  // RFC 7617: the first colon ends the user's name.
  if (typeof user !== "string" || user === "" || user.includes(":")) {
    throw configError("user", "a non-empty string without a colon, together with password", user);
  }
  if (typeof password !== "string") {
    const came = password === undefined ? undefined : "something else";
    throw configError("password", "a string, together with user", came);
  }
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

function resolveHeaders(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw configError("headers", "an object of strings", value);
  const headers: Record<string, string> = {};
  for (const [given, content] of Object.entries(value)) {
    const name = given.toLowerCase();
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name) || ownHeaders.has(name)) {
      throw configError("headers", `names of headers, none of ${[...ownHeaders].join(", ")}`, given);
    }
    if (typeof content !== "string" || !/^[\x20-\x7e]{0,4096}$/.test(content)) {
      // Its content may be a secret.
      throw configError(`headers.${given}`, "printable ASCII", "something else");
    }
    headers[name] = content;
  }
  return headers;
}
