import { createHash } from "node:crypto";

import { RequestKeys } from "../../policies/request-key.ts";
import { partitionHeader } from "./response-store.ts";

const credentials: readonly string[] = ["authorization", "proxy-authorization", "cookie"];
/** In a private cache whatever may say who asks tells requests apart, whether the answer says so (`vary`) or not. */
const requestKeys = new RequestKeys(undefined);
/** HTTP has rules of its own about these. */
const negotiated =
  /^(?:accept(?:-.*)?|cache-control|if-.*|pragma|range|content-.*|host|connection|user-agent)$/;

/**
 * The headers that a cache tells requests apart by: by lower-case name, with a digest of who asks in place of the credentials. A shared cache
 * sees `authorization` itself, for HTTP has rules about it.
 * @param headers name, value, name, value…
 * @param isChange it is no request for something that may be kept; what it says of caching does not matter
 */
export function keyHeaders(
  headers: readonly string[],
  isShared: boolean,
  isChange: boolean,
): Record<string, string> {
  const apart = isShared ? ["cookie"] : credentials;
  const own: Record<string, string> = {};
  let who = "";
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    const value = headers[i + 1]!;
    const isWho = !isShared && requestKeys.counts(name) && !negotiated.test(name);
    if (isWho || apart.includes(name)) who += `${name}:${value.length}:${value}`;
    if (apart.includes(name)) continue;
    if (name !== "cache-control" || !isChange) {
      own[name] = own[name] === undefined ? value : `${own[name]}, ${value}`;
    }
  }
  // A digest: what is kept for long should hold no secrets.
  own[partitionHeader] = who === "" ? "" : createHash("sha256").update(who).digest("base64");
  return own;
}

/** Without what the caller says of caching: that was said of its own call. */
export function withoutDirectives(headers: readonly string[]): string[] {
  return headers.filter((_, i) => {
    const name = headers[i - (i % 2)]!.toLowerCase();
    return name !== "cache-control" && name !== "pragma";
  });
}
