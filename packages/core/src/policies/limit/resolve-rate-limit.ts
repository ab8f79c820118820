import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { ResolvedRateLimit } from "./rate-limit-policy.ts";

const keys = ["tokensPerSecond", "burst", "perKey", "maxKeys", "maxWaitMs"];

/**
 * Checks a rate limit and fills in what is missing.
 * @param input `undefined` leaves it as `defaults` has it, `false` is none
 * @param defaults what it is laid over; `false` where there is none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveRateLimit(
  input: unknown,
  path: string,
  defaults: ResolvedRateLimit | false = false,
): ResolvedRateLimit | false {
  if (input === false) return false;
  if (input === undefined) return defaults;
  const given = checkObject(input, path, keys, true);
  const base = defaults === false ? undefined : defaults;
  const ratePath = fieldPath(path, "tokensPerSecond");
  const rule = { min: 0, max: 1_000_000, above: true };
  const rate = checkNumber(given["tokensPerSecond"], ratePath, rule);
  const tokensPerSecond = rate ?? base?.tokensPerSecond;
  if (tokensPerSecond === undefined) {
    throw configError(ratePath, "a number above 0 and at most 1000000", undefined);
  }
  const perKey = given["perKey"] ?? base?.perKey ?? false;
  if (typeof perKey !== "boolean") throw configError(fieldPath(path, "perKey"), "true or false", perKey);
  const count = { min: 1, max: 1_000_000, integer: true };
  const maxKeys = checkNumber(given["maxKeys"], fieldPath(path, "maxKeys"), count);
  if (maxKeys !== undefined && !perKey) {
    throw configError(
      fieldPath(path, "maxKeys"),
      `left out unless ${fieldPath(path, "perKey")} is true`,
      maxKeys,
    );
  }
  const burst = checkNumber(given["burst"], fieldPath(path, "burst"), { min: 1, max: 1_000_000 });
  const wait = checkNumber(given["maxWaitMs"], fieldPath(path, "maxWaitMs"), { min: 0, max: 3_600_000 });
  // A new rate brings its own burst, unless one is given as well.
  const inherited = rate === undefined ? base?.burst : undefined;
  return Object.freeze({
    tokensPerSecond,
    burst: burst ?? inherited ?? Math.max(1, tokensPerSecond),
    perKey,
    maxKeys: maxKeys ?? base?.maxKeys ?? 10_000,
    maxWaitMs: wait ?? base?.maxWaitMs ?? 0,
  });
}
