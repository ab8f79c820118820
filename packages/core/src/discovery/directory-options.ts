import { configError } from "../errors.ts";
import type { DiscoverySource, SourceProtection } from "./source.ts";

/** How a directory treats what its source says. */
export interface DirectoryOptions {
  /** After how long without an answer `ready()` rejects, 1 to 600,000 ms; 10,000 by default. */
  readonly initTimeoutMs?: number;
  /** How long a watch outlives its last user, 0 to 3,600,000 ms; 30,000 by default. */
  readonly lingerMs?: number;
  /**
   * How long changes are collected before they are told, 0 to 60,000 ms; the source's own value, else 20. The first
   * answer, recovery from an empty list, worsening health and explicit removals are never delayed.
   */
  readonly debounceMs?: number;
  /**
   * How long an empty answer, or the loss of most endpoints, is held back, 0 (take every answer as it is) to
   * 86,400,000 ms; the source's own value, else 30,000.
   */
  readonly emptyHoldMs?: number;
  /**
   * The share of endpoints that may go in one update, 0 to 1; 0.5 by default. When more than that and at least three
   * go, they stay as a last resort for `emptyHoldMs`. Envoy's panic threshold guards the same from the other side.
   */
  readonly maxShrinkRatio?: number;
  /** The least time between two refresh hints to the source, 0 to 3,600,000 ms; 5,000 by default. */
  readonly refreshMinMs?: number;
  /** A longer list is refused, 1 to 1,000,000; 10,000 by default. */
  readonly maxEndpoints?: number;
  /** How long `close()` waits for the source to let go, 0 to 600,000 ms; 5,000 by default. */
  readonly closeTimeoutMs?: number;
  /**
   * How long endpoints are served that the source cannot confirm, 1,000 ms to `Infinity`; the source's own value, else
   * `Infinity`: the last good list is served for as long as the trouble lasts. After it the service has failed until the
   * source is well (go-kit's `InvalidateOnError`).
   */
  readonly maxStaleMs?: number;
  /**
   * What becomes of the known endpoints when an answer makes no sense (an error of class `data`); the source's own value,
   * else `keep`. `drop`: the service has failed until an answer makes sense (gRFC A88 calls this the data error policy).
   */
  readonly onDataError?: "keep" | "drop";
}

export interface ResolvedDirectoryOptions extends Readonly<Required<DirectoryOptions>> {
  /** What the user asked for, for a source that sees to it itself. */
  readonly protection: SourceProtection;
}

type NumberOption = Exclude<keyof DirectoryOptions, "onDataError">;

interface Range {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

const ranges: Readonly<Record<NumberOption, Range>> = {
  initTimeoutMs: { value: 10_000, min: 1, max: 600_000 },
  lingerMs: { value: 30_000, min: 0, max: 3_600_000 },
  debounceMs: { value: 20, min: 0, max: 60_000 },
  emptyHoldMs: { value: 30_000, min: 0, max: 86_400_000 },
  maxShrinkRatio: { value: 0.5, min: 0, max: 1 },
  refreshMinMs: { value: 5_000, min: 0, max: 3_600_000 },
  maxEndpoints: { value: 10_000, min: 1, max: 1_000_000 },
  closeTimeoutMs: { value: 5_000, min: 0, max: 600_000 },
  maxStaleMs: { value: Infinity, min: 1_000, max: Infinity },
};
const known: readonly string[] = [...Object.keys(ranges), "onDataError"];

/**
 * Fills in the defaults of the source and of the directory.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a value out of range or an option that does not exist
 */
export function resolveDirectoryOptions(
  options: DirectoryOptions,
  source: DiscoverySource,
): ResolvedDirectoryOptions {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw configError(`directory.${key}`, `one of ${known.join(", ")}`, key);
  }
  const pick = (key: NumberOption, own?: number): number => {
    const range = ranges[key];
    const given = options[key];
    // A source out of range is somebody else's mistake: it gets the default, not the caller.
    if (given === undefined) return own !== undefined && fits(own, range) ? own : range.value;
    if (fits(given, range)) return given;
    throw configError(`directory.${key}`, `a number from ${range.min} to ${range.max}`, given);
  };
  const maxEndpoints = pick("maxEndpoints");
  if (!Number.isInteger(maxEndpoints)) {
    throw configError("directory.maxEndpoints", "an integer", maxEndpoints);
  }
  const emptyHoldMs = pick("emptyHoldMs", source.emptyHoldMs);
  const maxShrinkRatio = pick("maxShrinkRatio");
  return Object.freeze({
    initTimeoutMs: pick("initTimeoutMs"),
    lingerMs: pick("lingerMs"),
    debounceMs: pick("debounceMs", source.debounceMs),
    // Once more would be twice as long.
    emptyHoldMs: source.protectsItself === true ? 0 : emptyHoldMs,
    maxShrinkRatio,
    protection: { emptyHoldMs: options.emptyHoldMs, maxShrinkRatio: options.maxShrinkRatio },
    refreshMinMs: pick("refreshMinMs"),
    maxEndpoints,
    closeTimeoutMs: pick("closeTimeoutMs"),
    maxStaleMs: pick("maxStaleMs", source.maxStaleMs),
    onDataError: readOnDataError(options.onDataError, source.onDataError),
  });
}

function readOnDataError(given: unknown, own: unknown): "keep" | "drop" {
  if (given === undefined) return own === "drop" ? "drop" : "keep";
  if (given === "keep" || given === "drop") return given;
  throw configError("directory.onDataError", "keep or drop", given);
}

function fits(value: unknown, { min, max }: Range): boolean {
  return typeof value === "number" && value >= min && value <= max;
}
