import { systemClock } from "@proxyless/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ExplicitDuration } from "../src/series/duration.ts";
import { ExponentialDuration } from "../src/series/exponential-duration.ts";

const durations = fc.array(
  fc.oneof(fc.double({ min: 1e-9, max: 100, noNaN: true }), fc.constantFrom(0, 0.005, 0.01, 1e-9, 1, 86_400)),
  { maxLength: 300 },
);

/** How many values lie above `low` and at most at `high`. */
function between(values: readonly number[], low: number, high: number): number {
  return values.filter((value) => value > low && value <= high).length;
}

describe("explicit histograms", () => {
  it("count each value once, in the bucket whose bound it does not exceed", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const bounds = [0.005, 0.01, 0.1, 1, 10];
        const histogram = new ExplicitDuration({}, bounds, systemClock);
        for (const value of values) histogram.record(value, undefined);
        const edges = [-Infinity, ...bounds, Infinity];
        const plain = edges.slice(1).map((high, i) => between(values, edges[i]!, high));
        expect([...histogram.counts]).toEqual(plain);
        expect(histogram.count).toBe(values.length);
        expect(histogram.sum).toBeCloseTo(values.reduce((sum, value) => sum + value, 0));
        expect(histogram.min).toBe(Math.min(...values));
        expect(histogram.max).toBe(Math.max(...values));
      }),
    );
  });
});

describe("exponential histograms", () => {
  it("count each value once, in the bucket that it lies in, with 160 buckets at most", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const histogram = new ExponentialDuration({}, systemClock);
        for (const value of values) histogram.record(value);
        const { counts, offset, scale } = histogram;
        expect(counts.length).toBeLessThanOrEqual(160);
        expect(histogram.zeroCount).toBe(values.filter((value) => value === 0).length);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length - histogram.zeroCount);
        const edge = (index: number): number => 2 ** (index / 2 ** scale);
        for (const [i, count] of counts.entries()) {
          // A hair on both sides: the edges themselves are rounded.
          const low = edge(offset + i);
          const high = edge(offset + i + 1);
          expect(count).toBeLessThanOrEqual(between(values, low * (1 - 1e-9), high * (1 + 1e-9)));
          expect(count).toBeGreaterThanOrEqual(between(values, low * (1 + 1e-9), high * (1 - 1e-9)));
        }
      }),
    );
  });

  it("is as fine as what it holds allows", () => {
    const histogram = new ExponentialDuration({}, systemClock);
    for (let i = 0; i <= 100; i++) histogram.record(0.1 + i / 1_000);
    // From 0.1 to 0.2 is one power of two: 160 buckets of it are a little more than 2^7.
    expect(histogram.scale).toBe(7);
  });
});
