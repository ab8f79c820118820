import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { ResolvedCache } from "./cache-policy.ts";

const initial: ResolvedCache = {
  type: "private",
  maxEntries: 1_000,
  maxBytes: 33_554_432,
  maxEntryBytes: 1_048_576,
};

/**
 * Checks a cache policy; `false`, for no cache, where nothing is given. `true` takes every default.
 * @param defaults the service's policy, which a route inherits field by field
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveCache(
  input: unknown,
  path: string,
  defaults: ResolvedCache | false = false,
): ResolvedCache | false {
  if (input === undefined) return defaults;
  if (input === false) return false;
  const base = defaults === false ? initial : defaults;
  if (input === true) return Object.freeze({ ...base });
  if (typeof input !== "object") throw configError(path, "true, false or an object", input);
  const given = checkObject(input, path, ["type", "maxEntries", "maxBytes", "maxEntryBytes"], true);
  const type = given["type"] ?? base.type;
  if (type !== "private" && type !== "shared") {
    throw configError(fieldPath(path, "type"), `"private" or "shared"`, type);
  }
  const whole = (key: string, min: number, max: number): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), { min, max, integer: true });
  return Object.freeze({
    type,
    maxEntries: whole("maxEntries", 1, 1_000_000) ?? base.maxEntries,
    maxBytes: whole("maxBytes", 1, 2 ** 40) ?? base.maxBytes,
    maxEntryBytes: whole("maxEntryBytes", 0, 2 ** 30) ?? base.maxEntryBytes,
  });
}
