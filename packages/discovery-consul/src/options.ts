import { configError } from "@proxyless/core";

import { connectionKeys, resolveConnection } from "./connection.ts";
import type { Connection, ConsulConnectionOptions } from "./connection.ts";
import { knownKeys, oneOf, optionalText, record, text, wholeNumber } from "./option-checks.ts";

/**
 * Who answers. `stale`: any server, also without a leader, usually some milliseconds behind. `default`: the leader.
 * `consistent`: the leader after asking a quorum; slow, not for watching. `cached`: the local agent, which keeps one
 * watch for all its clients.
 */
export type ConsulMode = "stale" | "default" | "consistent" | "cached";

/** How to look services up in Consul. */
export interface ConsulOptions extends ConsulConnectionOptions {
  /** Address of an agent (`http://127.0.0.1:8500`), or several: the next one is asked when one fails. */
  readonly url: string | readonly string[];
  /** Default: the agent's own. */
  readonly datacenter?: string;
  /** Consul's filter expression (`Service.Meta.version == "2"`). Default: none. */
  readonly filter?: string;
  /** Only instances that carry this tag, or all of these. Default: all instances. */
  readonly tags?: string | readonly string[];
  /** Default: `stale`. */
  readonly mode?: ConsulMode;
  /**
   * How long one long poll waits for a change, in milliseconds, 1,000 to 600,000. Silence is noticed after 17/16 of it
   * plus 10 s. Default: 30,000.
   */
  readonly waitMs?: number;
  /** Which of an instance's tagged addresses to use (`wan`, `lan_ipv6`); its plain address where it has none. */
  readonly addressTag?: string;
  /** The metadata key of an instance or its node that names the zone. Default: `zone`, then the node's `availability_zone`. */
  readonly zoneKey?: string;
  /** The registered weight that counts as 1, 1 to 65,535: 100 where instances register 100 as normal. Default: 1. */
  readonly weightBase?: number;
  /** Long polls open at once, 1 to 150; services beyond it are polled in turn. An agent allows 200 connections. Default: 100. */
  readonly maxConcurrentWatches?: number;
  /** How often a service beyond `maxConcurrentWatches` is polled, in milliseconds, 100 to 600,000. Default: 2,000. */
  readonly overflowPollMs?: number;
  /** The largest answer that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 60,000. */
  readonly emptyHoldMs?: number;
}

const keys = [
  ...connectionKeys,
  "url",
  "datacenter",
  "filter",
  "tags",
  "mode",
  "waitMs",
  "addressTag",
  "zoneKey",
  "weightBase",
  "maxConcurrentWatches",
  "overflowPollMs",
  "maxBodyBytes",
  "emptyHoldMs",
];

/** {@link ConsulOptions}, checked and complete. */
export interface Settings {
  readonly connection: Connection;
  readonly datacenter: string | undefined;
  readonly filter: string | undefined;
  readonly tags: readonly string[];
  readonly mode: ConsulMode;
  readonly waitMs: number;
  readonly addressTag: string | undefined;
  readonly zoneKey: string | undefined;
  readonly weightBase: number;
  readonly maxConcurrentWatches: number;
  readonly overflowPollMs: number;
  readonly maxBodyBytes: number;
  readonly emptyHoldMs: number;
}

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: ConsulOptions): Settings {
  knownKeys("", record("options", options), keys);
  const urls: readonly unknown[] = Array.isArray(options.url) ? options.url : [options.url];
  return Object.freeze({
    connection: resolveConnection(options, urls),
    datacenter: optionalText("datacenter", options.datacenter),
    filter: optionalText("filter", options.filter),
    tags: tagList(options.tags),
    mode: oneOf("mode", options.mode, ["stale", "default", "consistent", "cached"], "stale"),
    waitMs: wholeNumber("waitMs", options.waitMs, 30_000, 1000, 600_000),
    addressTag: optionalText("addressTag", options.addressTag),
    zoneKey: optionalText("zoneKey", options.zoneKey),
    weightBase: wholeNumber("weightBase", options.weightBase, 1, 1, 65_535),
    maxConcurrentWatches: wholeNumber("maxConcurrentWatches", options.maxConcurrentWatches, 100, 1, 150),
    overflowPollMs: wholeNumber("overflowPollMs", options.overflowPollMs, 2000, 100, 600_000),
    maxBodyBytes: wholeNumber("maxBodyBytes", options.maxBodyBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 60_000, 0, 86_400_000),
  });
}

function tagList(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === "string") return [text("tags", value)];
  if (!Array.isArray(value)) throw configError("tags", "a tag or an array of tags", value);
  return value.map((tag: unknown, i) => text(`tags[${i}]`, tag));
}
