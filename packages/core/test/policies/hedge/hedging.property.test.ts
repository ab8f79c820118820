import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Hedging } from "../../../src/policies/hedge/hedging.ts";
import { resolveHedge } from "../../../src/policies/hedge/resolve-hedge.ts";
import { SlidingHistogram } from "../../../src/policies/hedge/sliding-histogram.ts";
import { RetryBudget } from "../../../src/policies/retry/retry-budget.ts";

const sliceMs = 10_000;
/** A bucket is this much wider at its end than at its beginning. */
const width = 2 ** (1 / 8);

describe("a sliding histogram, in ten thousand schedules", () => {
  it("has the percentile of what came in the running slice and the two before it, to within a bucket", () => {
    const step = fc.record({
      gapMs: fc.oneof(fc.constant(0), fc.nat(4_000), fc.nat(60_000)),
      ms: fc.double({ min: 0, max: 30_000, noNaN: true }),
      percent: fc.double({ min: 50, max: 99.99, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const histogram = new SlidingHistogram(0, sliceMs);
        const log: { readonly slice: number; readonly ms: number }[] = [];
        let now = 0;
        for (const { gapMs, ms, percent } of steps) {
          now += gapMs;
          const slice = Math.floor(now / sliceMs);
          histogram.record(ms, now);
          log.push({ slice, ms });
          const inside = log.filter((entry) => entry.slice > slice - 3).map((entry) => entry.ms);
          const descending = inside.toSorted((a, b) => b - a);
          const exact = descending[Math.floor(inside.length * (1 - percent / 100))] ?? descending.at(-1)!;
          const found = histogram.percentile(percent, now);
          expect(histogram.count(now)).toBe(inside.length);
          expect(found).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
          expect(found).toBeLessThanOrEqual(Math.max(0.125, exact * width) * (1 + 1e-9));
        }
      }),
      { seed: 91, numRuns: 10_000 },
    );
  });
});

describe("hedging, in ten thousand schedules", () => {
  it("stops while more than half of the hedges of the last second or two were late, and spends nothing then", () => {
    const step = fc.record({
      gapMs: fc.oneof(fc.constant(0), fc.nat(300), fc.nat(5_000)),
      what: fc.constantFrom("late", "early", "ask"),
    });
    const policy = resolveHedge({ delayMs: 10 }, "hedge");
    if (policy === false) throw new Error("hedging is on");
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const hedging = new Hedging(policy, 0);
        const budget = new RetryBudget({ ratio: 1, minPerSecond: 0 }, 0);
        const log: { readonly second: number; readonly late: boolean }[] = [];
        let now = 0;
        for (const { gapMs, what } of steps) {
          now += gapMs;
          const second = Math.floor(now / 1_000);
          for (let i = 0; i < 10; i++) budget.deposit(now);
          if (what !== "ask") {
            hedging.hedged(what === "late", now);
            log.push({ second, late: what === "late" });
            continue;
          }
          const recent = log.filter((entry) => entry.second > second - 2);
          const late = recent.filter((entry) => entry.late).length;
          const isSlow = recent.length >= 5 && 2 * late > recent.length;
          const before = budget.balance(now);
          expect(hedging.tryHedge(budget, now)).toBe(!isSlow);
          expect(budget.balance(now)).toBeCloseTo(isSlow ? before : before - 1, 6);
        }
      }),
      { seed: 92, numRuns: 10_000 },
    );
  });

  it("waits for a hundred latencies before it measures a delay, and never less than it is told", () => {
    const policy = resolveHedge({ percentile: 90, minDelayMs: 20 }, "hedge");
    if (policy === false) throw new Error("hedging is on");
    const hedging = new Hedging(policy, 0);
    for (let i = 0; i < 99; i++) hedging.record(5, 0);
    expect(hedging.delayMs(0)).toBeUndefined();
    hedging.record(5, 0);
    expect(hedging.delayMs(0)).toBe(20);
    for (let i = 0; i < 100; i++) hedging.record(80, 0);
    expect(hedging.delayMs(499)).toBe(20);
    expect(hedging.delayMs(500)).toBeGreaterThanOrEqual(80);
    expect(hedging.delayMs(500)).toBeLessThan(80 * width);
  });
});
