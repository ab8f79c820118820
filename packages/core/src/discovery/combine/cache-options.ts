import { isAbsolute } from "node:path";

import { configError } from "../../errors.ts";
import { knownKeys, record, text, wholeNumber } from "../../registry/option-checks.ts";
import type { DiscoverySource } from "../source.ts";

/** How lists of endpoints are kept on a disk. */
export interface CacheOptions {
  /** An absolute path; made with mode 0700 when it is not there. One that others may write to is not used. */
  readonly directory: string;
  /** How long the registry may take before the disk is asked, 0 to 60,000 ms. Default: 2,000. */
  readonly coldStartWaitMs?: number;
  /** An older list is not used, 1,000 to 31,536,000,000 ms. Default: the source's own, else 24 hours. */
  readonly maxAgeMs?: number;
  /** The least time between two writes of the same list, 100 to 3,600,000 ms. Default: 5,000. */
  readonly writeEveryMs?: number;
  /** A longer list is not written, and a longer file not read, 1,024 to 268,435,456 bytes. Default: 16,777,216. */
  readonly maxBytes?: number;
  /** How many lists the directory holds, for a while up to an eighth more; the oldest go, 1 to 100,000. Default: 1,000. */
  readonly maxFiles?: number;
}

/** Checked and complete. */
export interface CacheSettings {
  readonly directory: string;
  readonly coldStartWaitMs: number;
  readonly maxAgeMs: number;
  readonly writeEveryMs: number;
  readonly maxBytes: number;
  readonly maxFiles: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** How old a list on a disk may be where its source says nothing of it. */
export const usualMaxAgeMs: number = dayMs;
const keys = ["directory", "coldStartWaitMs", "maxAgeMs", "writeEveryMs", "maxBytes", "maxFiles"] as const;

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` naming the field, what is legal and what came */
export function resolveCache(given: unknown, source: DiscoverySource): CacheSettings {
  const options = record("options", given);
  knownKeys("", options, keys);
  const directory = text("directory", options["directory"]);
  if (!isAbsolute(directory)) throw configError("directory", "an absolute path", directory);
  const ownAge = Math.min(365 * dayMs, Math.max(1_000, Math.floor(source.cacheMaxAgeMs ?? usualMaxAgeMs)));
  return {
    directory,
    coldStartWaitMs: wholeNumber("coldStartWaitMs", options["coldStartWaitMs"], 2_000, 0, 60_000),
    maxAgeMs: wholeNumber("maxAgeMs", options["maxAgeMs"], ownAge, 1_000, 365 * dayMs),
    writeEveryMs: wholeNumber("writeEveryMs", options["writeEveryMs"], 5_000, 100, hourMs),
    maxBytes: wholeNumber("maxBytes", options["maxBytes"], 16_777_216, 1_024, 268_435_456),
    maxFiles: wholeNumber("maxFiles", options["maxFiles"], 1_000, 1, 100_000),
  };
}
