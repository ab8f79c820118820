import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { ResolvedDelay } from "./fault-policy.ts";

type Given = Readonly<Record<string, unknown>>;

const maxMs = 2 ** 31 - 1;
const anyMs = { min: 0, max: maxMs };
const share = { min: 0, max: 100 };

/** Before the default of its share is known. */
export type Unshared<T> = T extends unknown
  ? Omit<T, "percent"> & { readonly percent: number | undefined }
  : never;

/**
 * Checks how long an injected delay lasts.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveDelay(input: unknown, path: string): Unshared<ResolvedDelay> | undefined {
  if (input === undefined) return undefined;
  const { distribution, fixedMs } = checkObject(input, path, delayKeys);
  if (distribution === undefined) {
    const given = checkObject(input, path, ["percent", "fixedMs"]);
    if (fixedMs === undefined) throw configError(path, "given fixedMs or a distribution", input);
    return { kind: "fixed", percent: percentOf(given, path), ms: required(given, path, "fixedMs") };
  }
  if (distribution === "uniform") {
    const given = checkObject(input, path, ["percent", "distribution", "minMs", "maxMs"]);
    const min = required(given, path, "minMs");
    const max = required(given, path, "maxMs");
    if (max < min) {
      throw configError(fieldPath(path, "maxMs"), `at least ${fieldPath(path, "minMs")} (${min})`, max);
    }
    return { kind: "uniform", percent: percentOf(given, path), minMs: min, maxMs: max };
  }
  if (distribution === "normal") {
    const given = checkObject(input, path, ["percent", "distribution", "meanMs", "deviationMs", "maxMs"]);
    return {
      kind: "normal",
      percent: percentOf(given, path),
      meanMs: required(given, path, "meanMs"),
      deviationMs: required(given, path, "deviationMs"),
      maxMs: optional(given, path, "maxMs") ?? maxMs,
    };
  }
  if (distribution === "exponential") {
    const given = checkObject(input, path, ["percent", "distribution", "meanMs", "maxMs"]);
    return {
      kind: "exponential",
      percent: percentOf(given, path),
      meanMs: required(given, path, "meanMs", true),
      maxMs: optional(given, path, "maxMs") ?? maxMs,
    };
  }
  throw configError(fieldPath(path, "distribution"), `"uniform", "normal" or "exponential"`, distribution);
}

const delayKeys = ["percent", "fixedMs", "distribution", "minMs", "maxMs", "meanMs", "deviationMs"];

/** The share of an injected delay or abort. */
export function percentOf(given: Given, path: string): number | undefined {
  return checkNumber(given["percent"], fieldPath(path, "percent"), share);
}

function optional(given: Given, path: string, key: string): number | undefined {
  return checkNumber(given[key], fieldPath(path, key), anyMs);
}

function required(given: Given, path: string, key: string, above = false): number {
  const value = checkNumber(given[key], fieldPath(path, key), { ...anyMs, above });
  if (value === undefined) throw configError(fieldPath(path, key), "given, in milliseconds", value);
  return value;
}
