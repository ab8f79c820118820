import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import { resolveHeaderNames } from "../header-names.ts";
import type { ResolvedCoalesce } from "./coalesce-policy.ts";

const keys = ["headers", "maxBytes", "holdMs", "maxWaiters", "maxFlights"];
const initial: ResolvedCoalesce = {
  headers: undefined,
  maxBytes: 1_048_576,
  holdMs: 1_000,
  maxWaiters: 1_000,
  maxFlights: 1_000,
};

/**
 * Checks how calls are coalesced; `false`, for not at all, where nothing is given. `true` takes every default.
 * @param defaults the service's policy, which a route inherits field by field
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveCoalesce(
  input: unknown,
  path: string,
  defaults: ResolvedCoalesce | false = false,
): ResolvedCoalesce | false {
  if (input === undefined) return defaults;
  if (input === false) return false;
  const base = defaults === false ? initial : defaults;
  if (input === true) return Object.freeze({ ...base });
  if (typeof input !== "object") throw configError(path, "true, false or an object", input);
  const given = checkObject(input, path, keys, true);
  const whole = (key: string, min: number, max: number): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), { min, max, integer: true });
  const hold = checkNumber(given["holdMs"], fieldPath(path, "holdMs"), { min: 0, max: 3_600_000 });
  return Object.freeze({
    headers: resolveHeaderNames(given["headers"], fieldPath(path, "headers")) ?? base.headers,
    maxBytes: whole("maxBytes", 0, 2 ** 30) ?? base.maxBytes,
    holdMs: hold ?? base.holdMs,
    maxWaiters: whole("maxWaiters", 1, 1_000_000) ?? base.maxWaiters,
    maxFlights: whole("maxFlights", 1, 1_000_000) ?? base.maxFlights,
  });
}
