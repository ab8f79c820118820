import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { backoffMs, jitters } from "../../../src/policies/retry/backoff.ts";
import type { Jitter } from "../../../src/policies/retry/backoff.ts";
import { seededRandom } from "../../../src/random.ts";

const limits = (jitter: Jitter): { baseDelayMs: number; jitter: Jitter; maxDelayMs: number } => ({
  baseDelayMs: 25,
  jitter,
  maxDelayMs: 250,
});

describe("a back-off", () => {
  it.each([
    ["full", 0, [0, 0, 0, 0, 0, 0]],
    ["full", 1, [25, 50, 100, 200, 250, 250]],
    ["equal", 0, [12.5, 25, 50, 100, 125, 125]],
    ["equal", 1, [25, 50, 100, 200, 250, 250]],
    ["none", 0.3, [25, 50, 100, 200, 250, 250]],
  ] as const)("with %s jitter and a chance of %d doubles up to the maximum", (jitter, chance, expected) => {
    const waits = [1, 2, 3, 4, 5, 6].map((retry) => backoffMs(retry, limits(jitter), 0, () => chance));
    expect(waits).toEqual(expected);
  });

  it("with decorrelated jitter lies between the base and three times what was waited before", () => {
    expect(backoffMs(1, limits("decorrelated"), 0, () => 1)).toBe(25);
    expect(backoffMs(2, limits("decorrelated"), 40, () => 0)).toBe(25);
    expect(backoffMs(2, limits("decorrelated"), 40, () => 1)).toBe(120);
    expect(backoffMs(3, limits("decorrelated"), 120, () => 1)).toBe(250);
  });

  it("with full jitter spreads evenly between nothing and the limit", () => {
    const random = seededRandom(7);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 20_000; i++) tenths[Math.floor(backoffMs(3, limits("full"), 0, random) / 10)]!++;
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  it("is a number between 0 and the maximum for every retry, every jitter and every legal limit", () => {
    const ms = fc.double({ min: 0, max: 2 ** 31 - 1, noNaN: true });
    const scenario = fc.record({
      retry: fc.integer({ min: 1, max: 5_000 }),
      pair: fc.tuple(ms, ms).map(([a, b]) => ({ baseDelayMs: Math.min(a, b), maxDelayMs: Math.max(a, b) })),
      jitter: fc.constantFrom(...jitters),
      previousMs: ms,
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(scenario, ({ jitter, pair, previousMs, retry, seed }) => {
        const delay = backoffMs(retry, { ...pair, jitter }, previousMs, seededRandom(seed));
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(pair.maxDelayMs);
      }),
      { seed: 41 },
    );
  });
});
