import { ProxylessError, show } from "../../errors.ts";
import { withoutSecrets } from "../without-secrets.ts";

/** Where a request goes. */
export interface TargetUrl {
  /** `http:` or `https:` */
  readonly protocol: string;
  /** Host name, with the port when it is not the protocol's own. */
  readonly host: string;
  /** Protocol and host, as `Response.url` begins. */
  readonly origin: string;
  /** Path and query, serialised as the WHATWG URL standard does; never a fragment. */
  readonly path: string;
}

interface Origin {
  readonly protocol: string;
  readonly host: string;
  readonly origin: string;
}

const maxCachedOrigins = 1000;
const origins = new Map<string, Origin>();

// Only what the URL parser leaves alone in a path and in a query; everything else takes the long way.
const plain = /^\/[\w\-~!$&()*+,;=:@%./]*(?:\?[\w\-~!$&()*+,;=:@%./?]*)?$/;
const dotSegment = /\/(?:\.|%2e)/i;

/**
 * Parses an absolute URL. Returns `null` for schemes that have no host and no network (`data:`, `blob:`, `about:`).
 * @throws ProxylessError `ERR_PROXYLESS_REQUEST` when it is no absolute `http:` or `https:` URL
 * @throws TypeError when it carries a user name or password
 */
export function parseTarget(url: string): TargetUrl | null {
  // Most calls go to few origins with plain paths: for those a `URL` object per call is wasted.
  const start = url.indexOf("://") + 3;
  if (start > 3) {
    const slash = url.indexOf("/", start);
    if (slash !== -1) {
      const origin = origins.get(url.slice(0, slash));
      if (origin !== undefined) {
        const path = url.slice(slash);
        if (plain.test(path) && !dotSegment.test(path)) {
          return { protocol: origin.protocol, host: origin.host, origin: origin.origin, path };
        }
      }
    }
  }
  const target = parseWhole(url);
  if (target !== null && url.startsWith(`${target.origin}/`)) remember(target);
  return target;
}

function parseWhole(url: string): TargetUrl | null {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new ProxylessError(
      "ERR_PROXYLESS_REQUEST",
      `the URL must be absolute and well-formed, got ${show(withoutSecrets(url))}`,
      { cause: cause instanceof Error ? new TypeError("Invalid URL") : cause },
    );
  }
  const { protocol, host, origin, username, password } = parsed;
  if (protocol !== "http:" && protocol !== "https:") {
    if (protocol === "data:" || protocol === "blob:" || protocol === "about:") return null;
    throw new ProxylessError(
      "ERR_PROXYLESS_REQUEST",
      `the URL must begin with http: or https:, got the scheme ${show(protocol)}`,
    );
  }
  if (username !== "" || password !== "") {
    throw new TypeError(`Request cannot be constructed from a URL that includes credentials (${origin})`);
  }
  parsed.hash = "";
  return { protocol, host, origin, path: parsed.href.slice(origin.length) };
}

function remember(target: TargetUrl): void {
  if (origins.size >= maxCachedOrigins) origins.clear();
  origins.set(target.origin, { protocol: target.protocol, host: target.host, origin: target.origin });
}
