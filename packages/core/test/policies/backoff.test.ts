import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { backoffMs } from "../../src/policies/backoff.ts";
import { seededRandom } from "../../src/random.ts";

describe("full-jitter back-off", () => {
  it("doubles its upper limit up to the maximum", () => {
    const limits = [1, 2, 3, 4, 5, 6].map((retry) => backoffMs(retry, 25, 250, () => 1));
    expect(limits).toEqual([25, 50, 100, 200, 250, 250]);
  });

  it("spreads evenly between nothing and the limit", () => {
    const random = seededRandom(7);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 20_000; i++) tenths[Math.floor(backoffMs(3, 25, 250, random) / 10)]!++;
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  it("is a number between 0 and the maximum for every retry and every legal limit", () => {
    const ms = fc.double({ min: 0, max: 2 ** 31 - 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), ms, ms, fc.integer(), (retry, base, max, seed) => {
        const delay = backoffMs(retry, base, max, seededRandom(seed));
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(max);
      }),
      { seed: 41 },
    );
  });
});
