import { knownKeys, optionalText, record, wholeNumber } from "@proxyless/core/discovery";

import { connectionKeys } from "./connection.ts";
import type { EntryReading } from "./health-entry.ts";
import { modeOf, readKeys, resolveWatch, textList, watchKeys } from "./watch-options.ts";
import type { ConsulMode, ConsulWatchOptions, WatchSettings } from "./watch-options.ts";

/** How health entries are read, whoever wrote them. */
export interface ConsulReadingOptions {
  /** Which of an instance's tagged addresses to use (`wan`, `lan_ipv6`); its plain address where it has none. */
  readonly addressTag?: string;
  /** The metadata key of an instance or its node that names the zone. Default: `zone`, then the node's `availability_zone`. */
  readonly zoneKey?: string;
  /** The registered weight that counts as 1, 1 to 65,535: 10 for Kitex, 100 where 100 is normal. Default: 1. */
  readonly weightBase?: number;
}

/** How to look services up in Consul. */
export interface ConsulOptions extends ConsulWatchOptions, ConsulReadingOptions {
  /** Cluster peers whose instances are used when none of the datacenters' can be, in this order. Default: none. */
  readonly peer?: string | readonly string[];
  /** Consul's filter expression (`Service.Meta.version == "2"`). Default: none. */
  readonly filter?: string;
  /** Only instances that carry this tag, or all of these. Default: all instances. */
  readonly tags?: string | readonly string[];
  /** Default: `stale`. */
  readonly mode?: ConsulMode;
}

/** The option names of {@link ConsulReadingOptions}. */
export const readingKeys = ["addressTag", "zoneKey", "weightBase"] as const;

const keys = [...connectionKeys, ...readKeys, ...watchKeys, ...readingKeys, "peer", "filter", "tags", "mode"];

/** {@link ConsulOptions}, checked and complete. */
export interface Settings extends WatchSettings, EntryReading {
  readonly peers: readonly string[];
  readonly filter: string | undefined;
  readonly tags: readonly string[];
}

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: ConsulOptions): Settings {
  knownKeys("", record("options", options), keys);
  return Object.freeze({
    ...resolveWatch(options, modeOf(options.mode, ["stale", "default", "consistent", "cached"])),
    ...resolveReading(options),
    peers: textList("peer", options.peer),
    filter: optionalText("filter", options.filter),
    tags: textList("tags", options.tags, "tag"),
  });
}

/** Checks how entries are read; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveReading(options: ConsulReadingOptions): EntryReading {
  return {
    addressTag: optionalText("addressTag", options.addressTag),
    zoneKey: optionalText("zoneKey", options.zoneKey),
    weightBase: wholeNumber("weightBase", options.weightBase, 1, 1, 65_535),
  };
}
