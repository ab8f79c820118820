import { configError } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";
import { knownKeys, optionalText, record, wholeNumber } from "@proxyless/core/discovery";

import { connectionKeys } from "./connection.ts";
import { readingKeys, resolveReading } from "./options.ts";
import type { ConsulReadingOptions } from "./options.ts";
import { PreparedQuery } from "./prepared-query.ts";
import { modeOf, readKeys, resolveRead } from "./watch-options.ts";
import type { ConsulMode, ConsulReadOptions } from "./watch-options.ts";
import { WatchSlots } from "./watch-slots.ts";
import { watchSource } from "./watch-source.ts";

/** How to look services up by Consul's prepared queries. */
export interface ConsulQueryOptions extends ConsulReadOptions, ConsulReadingOptions {
  /** Name or id of the query, with `{service}` for the service's name. Default: `{service}`. */
  readonly query?: string;
  /** How often it is run, in milliseconds, 100 to 600,000; each time a little differently. Default: 2,000. */
  readonly intervalMs?: number;
  /** Where to begin. Default: the agent's own. */
  readonly datacenter?: string;
  /** Sorts by distance from this node; `_agent` is the agent's own. Default: what the query says. */
  readonly near?: string;
  /** The most instances of one answer, 1 to 10,000. Default: all. */
  readonly limit?: number;
  /** Default: `stale`. */
  readonly mode?: ConsulMode;
}

const keys = [
  ...connectionKeys,
  ...readKeys,
  ...readingKeys,
  "query",
  "intervalMs",
  "datacenter",
  "near",
  "limit",
  "mode",
];

/**
 * Finds services by prepared queries, which are polled because Consul cannot wait for a change of their answer. A query
 * leaves out who is critical, and fails over to other datacenters and peers by itself.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function consulQuery(options: ConsulQueryOptions): DiscoverySource {
  knownKeys("", record("options", options), keys);
  const query = optionalText("query", options.query) ?? "{service}";
  if (query.includes("/")) throw configError("query", "a name or an id without a slash", query);
  const limit = wholeNumber("limit", options.limit, 0, 1, 10_000);
  const mode = modeOf(options.mode, ["stale", "default", "consistent", "cached"]);
  const settings = {
    ...resolveRead(options),
    ...resolveReading(options),
    mode,
    datacenter: optionalText("datacenter", options.datacenter),
    near: optionalText("near", options.near),
    limit: limit === 0 ? undefined : limit,
    intervalMs: wholeNumber("intervalMs", options.intervalMs, 2000, 100, 600_000),
  };
  const { datacenter, near, intervalMs, addressTag, zoneKey, weightBase } = settings;
  return watchSource({
    name: "consul-query",
    settings,
    // Nothing waits, so nothing of this is used.
    waitMs: 0,
    overflowPollMs: intervalMs,
    maxConcurrentWatches: 1,
    slots: new WatchSlots(1),
    scope: [query, datacenter, near, limit, intervalMs, addressTag, zoneKey, weightBase],
    question: (service) => new PreparedQuery(query.replaceAll("{service}", service), settings),
  });
}
