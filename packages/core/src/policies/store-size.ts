import { configError } from "../errors.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";

/** How much of what was answered is kept in memory. */
export interface StoreSize {
  readonly maxEntries: number;
  /** All of it. */
  readonly maxBytes: number;
  /** A longer body is not kept. */
  readonly maxEntryBytes: number;
}

/** What holds where nobody says. */
export const storeSize: StoreSize = { maxEntries: 1_000, maxBytes: 33_554_432, maxEntryBytes: 1_048_576 };

/**
 * Reads the size of a store. A default that would contradict a given value gives way to it.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveStoreSize(
  given: Readonly<Record<string, unknown>>,
  path: string,
  base: StoreSize = storeSize,
): StoreSize {
  const whole = (key: keyof StoreSize, min: number, max: number): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), { min, max, integer: true });
  const maxEntries = whole("maxEntries", 1, 1_000_000);
  const maxBytes = whole("maxBytes", 1, 2 ** 40);
  const maxEntryBytes = whole("maxEntryBytes", 0, 2 ** 30);
  if (maxBytes !== undefined && maxEntryBytes !== undefined && maxEntryBytes > maxBytes) {
    const limit = `at most ${fieldPath(path, "maxBytes")} (${maxBytes})`;
    throw configError(fieldPath(path, "maxEntryBytes"), limit, maxEntryBytes);
  }
  return {
    maxEntries: maxEntries ?? base.maxEntries,
    maxBytes: maxBytes ?? Math.max(base.maxBytes, maxEntryBytes ?? 0),
    maxEntryBytes: maxEntryBytes ?? Math.min(base.maxEntryBytes, maxBytes ?? Infinity),
  };
}
