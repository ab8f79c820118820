import { configError, systemClock } from "@proxyless/core";
import type { Clock, Mesh } from "@proxyless/core";

import type { FeedSource } from "./feed.ts";

/** Options of {@link createDashboard}. */
export interface DashboardOptions {
  /** The mesh to show; or several as one, as `@proxyless/cluster` collects them. These are shown, and not operated. */
  readonly mesh: Mesh | FeedSource;
  /**
   * Where the page stands: `/` and one or more segments of letters, digits, `.`, `_`, `~` and `-`; `/proxyless` by default. Everything
   * below it is the page's.
   */
  readonly path?: string | undefined;
  /**
   * What who looks must know, 16 to 512 printable ASCII characters; nobody is asked by default. With a token, who knows it sees the
   * page and may operate circuits; without one, whoever reaches the page sees it, and nobody may do anything.
   */
  readonly token?: string | undefined;
  /**
   * Further host names that the page is reached by, without port (`mesh.internal`); `*.internal` for every name below it.
   * `localhost` and addresses are always allowed; another name is refused, because a page of anybody's could point its own name at
   * this machine (DNS rebinding). None by default; at most 100.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** The page's heading, 1 to 100 characters; `mesh` by default. */
  readonly title?: string | undefined;
  /** How many may watch at once, page and stream together; a whole number from 1 to 1,000; 16 by default. */
  readonly maxWatchers?: number | undefined;
  /** The source of time; the system's by default. */
  readonly clock?: Clock | undefined;
}

/** {@link DashboardOptions} with every field known. */
export interface ResolvedOptions {
  readonly mesh: Mesh | FeedSource;
  readonly path: string;
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
  readonly title: string;
  readonly maxWatchers: number;
  readonly clock: Clock;
}

const keys = ["mesh", "path", "token", "allowedHosts", "title", "maxWatchers", "clock"];
const hostName = /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/i;

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveOptions(options: DashboardOptions): ResolvedOptions {
  for (const key of Object.keys(options)) {
    if (!keys.includes(key))
      throw configError(key.slice(0, 60), `left out (it takes ${keys.join(", ")})`, "it");
  }
  const { allowedHosts = [], clock = systemClock, maxWatchers = 16, mesh } = options;
  const { path = "/proxyless", title = "mesh", token } = options;
  const isOfMesh = mesh !== undefined && ("feed" in mesh || typeof mesh.inspect === "function");
  if (!isOfMesh) throw configError("mesh", "a mesh", mesh);
  if (typeof path !== "string" || !/^(\/[\w.~-]+)+$/.test(path)) {
    throw configError("path", "a path such as /proxyless", path);
  }
  if (token !== undefined && (typeof token !== "string" || !/^[\x21-\x7e]{16,512}$/.test(token))) {
    // Its value is nobody's business, however wrong it is.
    throw configError("token", "16 to 512 printable ASCII characters without a space", "another value");
  }
  if (!Array.isArray(allowedHosts) || allowedHosts.length > 100) {
    throw configError("allowedHosts", "an array of at most 100 host names", allowedHosts);
  }
  for (const [i, host] of allowedHosts.entries()) {
    if (typeof host !== "string" || !hostName.test(host)) {
      throw configError(`allowedHosts[${i}]`, "a host name without port, or *. and one", host);
    }
  }
  if (typeof title !== "string" || title.length === 0 || title.length > 100) {
    throw configError("title", "1 to 100 characters", title);
  }
  if (!Number.isInteger(maxWatchers) || maxWatchers < 1 || maxWatchers > 1000) {
    throw configError("maxWatchers", "a whole number from 1 to 1000", maxWatchers);
  }
  const hosts = allowedHosts.map((host: string) => host.toLowerCase());
  return { mesh, path, token, allowedHosts: hosts, title, maxWatchers, clock };
}
