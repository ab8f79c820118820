import { expect } from "vitest";

/** As the page writes it. */
export function percent(ratio: number): string {
  const value = 100 * ratio;
  return `${value > 0 && value < 10 ? Math.round(10 * value) / 10 : Math.round(value)} %`;
}

/** The same of a number. */
export function threeDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}

/** The same of a time. */
export function inMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  const shown = Math.round((ms < 10 ? 100 : 10) * ms) / (ms < 10 ? 100 : 10);
  return shown >= 1_000 ? `${threeDigits(shown / 1_000)} s` : `${threeDigits(shown)} ms`;
}

/** A number that came through the page's buckets. What takes no time is in the lowest of them. */
export function nearly(ms: number | undefined): unknown {
  if (ms === undefined) return undefined;
  return expect.toSatisfy(
    (seen: unknown) => typeof seen === "number" && Math.abs(seen - ms) <= Math.max(0.05, 0.04 * ms),
    `about ${ms} ms`,
  );
}
