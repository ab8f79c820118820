import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import { resolveStatuses } from "../statuses.ts";
import type { ResolvedHedge } from "./hedge-policy.ts";

const maxTimerMs = 2 ** 31 - 1;

const defaults: ResolvedHedge = Object.freeze({
  delayMs: undefined,
  percentile: 99,
  minDelayMs: 1,
  maxHedges: 1,
  statuses: Object.freeze([429, 502, 503, 504]),
});

/**
 * Checks a {@link HedgePolicy}; `false` where nothing is given.
 * @param base what a route inherits
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveHedge(
  input: unknown,
  path: string,
  base: ResolvedHedge | false = false,
): ResolvedHedge | false {
  if (input === undefined) return base;
  if (input === false) return false;
  const inherited = base === false ? defaults : base;
  const given = checkObject(
    input,
    path,
    ["delayMs", "percentile", "minDelayMs", "maxHedges", "statuses"],
    true,
  );
  const number = (key: string, min: number, max: number, integer = false): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), { min, max, integer });
  const delayMs = number("delayMs", 1, maxTimerMs);
  const percentile = number("percentile", 50, 99.99);
  if (delayMs !== undefined && percentile !== undefined) {
    throw configError(
      fieldPath(path, "percentile"),
      `absent where ${fieldPath(path, "delayMs")} is given`,
      percentile,
    );
  }
  const minDelayMs = number("minDelayMs", 0, maxTimerMs);
  if (delayMs !== undefined && minDelayMs !== undefined) {
    const limit = `absent where ${fieldPath(path, "delayMs")} is given: it bounds a measured delay`;
    throw configError(fieldPath(path, "minDelayMs"), limit, minDelayMs);
  }
  return Object.freeze({
    delayMs: delayMs ?? (percentile === undefined ? inherited.delayMs : undefined),
    percentile: percentile ?? inherited.percentile,
    minDelayMs: minDelayMs ?? inherited.minDelayMs,
    maxHedges: number("maxHedges", 1, 4, true) ?? inherited.maxHedges,
    statuses: resolveStatuses(given["statuses"], fieldPath(path, "statuses")) ?? inherited.statuses,
  });
}
