import { configError } from "@proxyless/core";

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** @returns the seconds of a duration as Prometheus writes it, with one unit: `30s`, `5m`, `6h`, `3d`; otherwise undefined */
function secondsOf(value: unknown): number | undefined {
  const [, count, unit = ""] = typeof value === "string" ? (/^(\d{1,6})([smhd])$/.exec(value) ?? []) : [];
  return count === undefined ? undefined : Number(count) * (units[unit] ?? 0);
}

/**
 * A duration of a rule, or the default when absent.
 * @param minSeconds 0 where it may be nothing
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function duration(field: string, value: unknown, fallback: string, minSeconds: number): string {
  if (value === undefined) return fallback;
  const seconds = secondsOf(value);
  const legal = `${minSeconds}s to 90d, as a whole number and one of s, m, h, d`;
  if (typeof value !== "string" || seconds === undefined || seconds < minSeconds || seconds > 7_776_000) {
    throw configError(field, legal, value);
  }
  return value;
}

/** Whether a duration that was checked is longer than another. */
export function isLonger(one: string, other: string): boolean {
  return (secondsOf(one) ?? 0) > (secondsOf(other) ?? 0);
}
