import { configError } from "../../errors.ts";
import { checkArray, checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { CircuitMode } from "./circuit-policy.ts";
import { maxOpenLimitMs, maxWindowCalls, readMode } from "./resolve-circuit.ts";
import type { WindowHistory, WindowSlice } from "./trip-window.ts";

/**
 * What a circuit knows, as plain data that can be written as JSON and taken over by another process: all times are
 * durations as of the export, so that no clock has to agree with another.
 */
export interface CircuitSnapshot extends WindowHistory {
  /** The version of this format. */
  readonly version: 1;
  /** A half-open circuit is exported as open for another 0 ms: whoever takes it over makes its own probes. */
  readonly state: "closed" | "open";
  /** The mode, where it was switched and is not the policy's. */
  readonly mode?: CircuitMode | undefined;
  /** How often it opened without having been closed for a whole window. */
  readonly openings: number;
  /** Milliseconds until a probe may run; 0 unless open. */
  readonly openForMs: number;
  /** For how many milliseconds it has been closed; 0 unless closed. */
  readonly closedForMs: number;
}

/** A state to take over. */
export interface CircuitImport {
  /** A {@link CircuitSnapshot}; nothing about it is trusted. */
  readonly snapshot: unknown;
  /** Milliseconds between the export and now, where known; 0 by default. */
  readonly elapsedMs?: number | undefined;
}

const duration = { min: 0, max: Number.MAX_SAFE_INTEGER };
const count = { min: 0, max: 2 ** 31 - 1, integer: true };

/**
 * Checks a {@link CircuitImport} and makes the snapshot as of now out of it.
 * @param path where it comes from, for error messages
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` with the field at fault
 */
export function readSnapshot(input: CircuitImport, path: string): CircuitSnapshot {
  const elapsedMs = checkNumber(input.elapsedMs, fieldPath(path, "elapsedMs"), duration) ?? 0;
  const at = fieldPath(path, "snapshot");
  if (input.snapshot === undefined) throw configError(at, "an object", input.snapshot);
  const fields = [
    "version",
    "state",
    "mode",
    "openings",
    "openForMs",
    "closedForMs",
    "slices",
    "consecutiveFailures",
  ];
  const given = checkObject(input.snapshot, at, fields);
  const { mode, slices, state, version } = given;
  if (version !== 1) throw configError(fieldPath(at, "version"), "1", version);
  if (state !== "closed" && state !== "open")
    throw configError(fieldPath(at, "state"), '"closed" or "open"', state);
  const openForMs = needed(given, "openForMs", at, { min: 0, max: maxOpenLimitMs * 2 });
  const closedForMs = needed(given, "closedForMs", at, duration);
  return {
    version,
    state,
    mode: readMode(mode, fieldPath(at, "mode")),
    openings: needed(given, "openings", at, count),
    openForMs: Math.max(0, openForMs - elapsedMs),
    closedForMs: closedForMs + elapsedMs,
    slices: readSlices(slices, fieldPath(at, "slices"), elapsedMs),
    consecutiveFailures: needed(given, "consecutiveFailures", at, count),
  };
}

function readSlices(input: unknown, path: string, elapsedMs: number): readonly WindowSlice[] {
  const given = checkArray(input, path, "slices");
  if (given === undefined || given.length > maxWindowCalls)
    throw configError(path, `an array of at most ${maxWindowCalls} slices`, input);
  let before = Infinity;
  return given.map((value, index) => {
    const at = `${path}[${index}]`;
    const slice = checkObject(value, at, ["ageMs", "calls", "failures", "slow"]);
    const calls = needed(slice, "calls", at, { ...count, min: 1 });
    const most = { ...count, max: calls };
    const ageMs = needed(slice, "ageMs", at, duration);
    if (ageMs > before) throw configError(`${at}.ageMs`, `at most that of the one before (${before})`, ageMs);
    before = ageMs;
    return {
      ageMs: ageMs + elapsedMs,
      calls,
      failures: needed(slice, "failures", at, most),
      slow: needed(slice, "slow", at, most),
    };
  });
}

function needed(
  given: Readonly<Record<string, unknown>>,
  key: string,
  path: string,
  rule: { readonly min: number; readonly max: number; readonly integer?: boolean },
): number {
  const value = checkNumber(given[key], fieldPath(path, key), rule);
  if (value === undefined) throw configError(fieldPath(path, key), "a number", value);
  return value;
}
