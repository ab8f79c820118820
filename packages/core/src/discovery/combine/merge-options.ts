import { configError } from "../../errors.ts";
import { knownKeys, oneOf, record, wholeNumber } from "../../registry/option-checks.ts";
import type { DiscoverySource } from "../source.ts";

/** How several sources become one. */
export interface MergeOptions {
  /**
   * `union`: the endpoints of all sources are alike. `failover`: those of the second source are used when the first has
   * nothing usable, and so on; default: `union`.
   */
  readonly mode?: "union" | "failover";
  /**
   * In `failover`, how much worse the priority of each source is than that of the one before, 1 to 10,000. Priorities
   * within a source are kept below that. Default: 100.
   */
  readonly priorityStep?: number;
  /**
   * In `failover`, how long a source whose endpoints were all gone has to have some again before they are preferred, 0 to
   * 3,600,000 ms; at once where nobody else has any. Default: 10,000.
   */
  readonly failbackMs?: number;
  /**
   * How long the others wait for a source that has never answered before their word alone may remove endpoints, 0 to
   * 600,000 ms. What they list is used at once. Default: 5,000.
   */
  readonly settleMs?: number;
  /** A longer list of one source is refused, 1 to 1,000,000. Default: 10,000. */
  readonly maxEndpoints?: number;
}

/** Checked and complete. */
export type MergeSettings = Readonly<Required<MergeOptions>>;

const keys = ["mode", "priorityStep", "failbackMs", "settleMs", "maxEndpoints"] as const;

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` naming the field, what is legal and what came */
export function resolveMerge(given: unknown): MergeSettings {
  const options = record("options", given);
  knownKeys("", options, keys);
  return {
    mode: oneOf("mode", options["mode"], ["union", "failover"], "union"),
    priorityStep: wholeNumber("priorityStep", options["priorityStep"], 100, 1, 10_000),
    failbackMs: wholeNumber("failbackMs", options["failbackMs"], 10_000, 0, 3_600_000),
    settleMs: wholeNumber("settleMs", options["settleMs"], 5_000, 0, 600_000),
    maxEndpoints: wholeNumber("maxEndpoints", options["maxEndpoints"], 10_000, 1, 1_000_000),
  };
}

/** The sources under their labels, in their order. A label that looks like a number would change its place in an object. */
export function readSources(given: unknown): readonly (readonly [string, DiscoverySource])[] {
  const entries = Object.entries(record("sources", given));
  if (entries.length === 0) throw configError("sources", "an object with at least one source", given);
  return entries.map(([label, source]) => {
    if (!/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/u.test(label)) {
      throw configError(
        "sources",
        "labels of 1 to 32 letters, digits, ., - and _ that begin with a letter",
        label,
      );
    }
    if (!isSource(source)) throw configError(`sources.${label}`, "a source", source);
    return [label, source] as const;
  });
}

function isSource(value: unknown): value is DiscoverySource {
  return (
    typeof value === "object" &&
    value !== null &&
    "watch" in value &&
    typeof value.watch === "function" &&
    "key" in value &&
    typeof value.key === "function"
  );
}
