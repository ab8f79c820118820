import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { ResolvedBulkhead } from "./bulkhead-policy.ts";

/**
 * Checks a bulkhead and fills in what is missing.
 * @param input `undefined` leaves it as `defaults` has it, `false` is none
 * @param defaults what it is laid over; `false` where there is none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveBulkhead(
  input: unknown,
  path: string,
  defaults: ResolvedBulkhead | false = false,
): ResolvedBulkhead | false {
  if (input === false) return false;
  if (input === undefined) return defaults;
  const given = checkObject(input, path, ["maxConcurrent", "maxQueue", "queueTimeoutMs"], true);
  const base = defaults === false ? undefined : defaults;
  const count = { max: 1_000_000, integer: true };
  const concurrentPath = fieldPath(path, "maxConcurrent");
  const maxConcurrent =
    checkNumber(given["maxConcurrent"], concurrentPath, { ...count, min: 1 }) ?? base?.maxConcurrent;
  if (maxConcurrent === undefined)
    throw configError(concurrentPath, "a whole number from 1 to 1000000", undefined);
  const maxQueue =
    checkNumber(given["maxQueue"], fieldPath(path, "maxQueue"), { ...count, min: 0 }) ?? base?.maxQueue ?? 0;
  const timeoutPath = fieldPath(path, "queueTimeoutMs");
  const timeout = checkNumber(given["queueTimeoutMs"], timeoutPath, { min: 1, max: 2 ** 31 - 1 });
  if (timeout !== undefined && maxQueue === 0) {
    throw configError(timeoutPath, `left out while ${fieldPath(path, "maxQueue")} is 0`, timeout);
  }
  return Object.freeze({
    maxConcurrent,
    maxQueue,
    queueTimeoutMs: timeout ?? base?.queueTimeoutMs ?? 1_000,
  });
}
