import { configError } from "../errors.ts";

/** Addresses of one registry, tried in turn; all of one scheme. */
export type RegistryUrls = readonly [URL, ...URL[]];

/**
 * Checks the addresses of a registry.
 * @param given one address or several
 * @param tls whether TLS options were given, which `http://` contradicts
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`; an address with credentials is never quoted
 */
export function resolveUrls(given: unknown, tls = false, field = "url"): RegistryUrls {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const [first, ...rest] = list.map((url, i) => address(list.length === 1 ? field : `${field}[${i}]`, url));
  if (first === undefined) throw configError(field, "an address or a non-empty array of addresses", given);
  const plain = [first, ...rest].find((url) => url.protocol === "http:");
  if (tls && plain !== undefined) throw configError(field, "https:// when tls is given", plain.href);
  const other = rest.findIndex((url) => url.protocol !== first.protocol);
  if (other >= 0) {
    throw configError(`${field}[${other + 1}]`, `${first.protocol}// like ${field}[0]`, rest[other]?.href);
  }
  return [first, ...rest];
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
