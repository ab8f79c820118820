import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { ResolvedAdaptiveThrottling } from "./adaptive-throttling-policy.ts";
import { criticalities, levels } from "./criticality.ts";

const keys = ["k", "windowMs", "minRequests", "shedOnRetryAfter", "maxRetryAfterMs", "rampMs"];

const standard: ResolvedAdaptiveThrottling = {
  k: Object.freeze(criticalities.map(() => 2)),
  windowMs: 120_000,
  minRequests: 10,
  shedFrom: criticalities.indexOf("sheddable_plus"),
  maxRetryAfterMs: 60_000,
  rampMs: 5_000,
};

/**
 * Checks adaptive throttling and fills in what is missing.
 * @param input `undefined` leaves it as `defaults` has it, `false` is none
 * @param defaults what it is laid over; `false` where there is none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveAdaptiveThrottling(
  input: unknown,
  path: string,
  defaults: ResolvedAdaptiveThrottling | false = false,
): ResolvedAdaptiveThrottling | false {
  if (input === false) return false;
  if (input === undefined) return defaults;
  const given = checkObject(input, path, keys, true);
  const base = defaults === false ? standard : defaults;
  const number = (key: string, min: number, max: number, integer = false): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), { min, max, integer });
  return Object.freeze({
    k: resolveK(given["k"], fieldPath(path, "k"), base.k),
    windowMs: number("windowMs", 1_000, 3_600_000) ?? base.windowMs,
    minRequests: number("minRequests", 0, 1_000_000, true) ?? base.minRequests,
    shedFrom: resolveShedding(given["shedOnRetryAfter"], fieldPath(path, "shedOnRetryAfter"), base.shedFrom),
    maxRetryAfterMs: number("maxRetryAfterMs", 0, 3_600_000) ?? base.maxRetryAfterMs,
    rampMs: number("rampMs", 0, 3_600_000) ?? base.rampMs,
  });
}

function resolveK(input: unknown, path: string, base: readonly number[]): readonly number[] {
  if (input === undefined) return base;
  const rule = { min: 1, max: 100 };
  if (typeof input === "number") {
    const k = checkNumber(input, path, rule) ?? 2;
    return Object.freeze(base.map(() => k));
  }
  if (typeof input !== "object") throw configError(path, "a number from 1 to 100, or an object", input);
  const given = checkObject(input, path, criticalities);
  return Object.freeze(
    criticalities.map(
      (level, index) => checkNumber(given[level], fieldPath(path, level), rule) ?? base[index] ?? 2,
    ),
  );
}

function resolveShedding(input: unknown, path: string, base: number): number {
  if (input === undefined) return base;
  if (input === false) return levels;
  const level = criticalities.findIndex((name) => name === input);
  if (level === -1) throw configError(path, `false or one of ${criticalities.join(", ")}`, input);
  return level;
}
