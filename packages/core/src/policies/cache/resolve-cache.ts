import { configError } from "../../errors.ts";
import { checkObject, fieldPath } from "../../option-checks.ts";
import { resolveStoreSize, storeSize } from "../store-size.ts";
import type { ResolvedCache } from "./cache-policy.ts";

const initial: ResolvedCache = { type: "private", ...storeSize };

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
  return Object.freeze({ type, ...resolveStoreSize(given, path, base) });
}
