import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RetryBudget } from "../../src/policies/retry-budget.ts";

function withdrawAll(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.tryWithdraw(now)) taken++;
  return taken;
}

describe("a retry budget", () => {
  it("pays its minimum without any deposit", () => {
    expect(withdrawAll(new RetryBudget({ ratio: 0.2, minPerSecond: 10 }, 0), 0)).toBe(100);
  });

  it.each([
    [0.2, 5, 1],
    [0.2, 15, 3],
    [0.29, 100, 29],
    [0.7, 10, 7],
    [1, 3, 3],
    [0.2, 4, 0],
  ])("with a ratio of %d pays after %d calls for exactly %d retries", (ratio, calls, retries) => {
    const budget = new RetryBudget({ ratio, minPerSecond: 0 }, 0);
    for (let i = 0; i < calls; i++) budget.deposit(0);
    expect(withdrawAll(budget, 0)).toBe(retries);
  });

  it("pays nothing when both its parts are zero", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 }, 0);
    for (let i = 0; i < 1_000; i++) budget.deposit(i);
    expect(budget.tryWithdraw(1_000)).toBe(false);
  });

  it("forgets deposits and withdrawals after ten seconds", () => {
    const budget = new RetryBudget({ ratio: 0.5, minPerSecond: 1 }, 500);
    for (let i = 0; i < 100; i++) budget.deposit(600);
    expect(withdrawAll(budget, 700)).toBe(60);
    expect(budget.balance(10_499)).toBe(0);
    expect(budget.balance(10_500)).toBe(10);
    expect(budget.balance(1e9)).toBe(10);
  });

  it("owes what it paid from deposits that have left the window", () => {
    const budget = new RetryBudget({ ratio: 0.5, minPerSecond: 0 }, 0);
    for (let i = 0; i < 100; i++) budget.deposit(0);
    expect(withdrawAll(budget, 9_500)).toBe(50);
    expect(budget.balance(10_000)).toBe(-50);
    expect(budget.balance(19_000)).toBe(0);
  });

  it("takes nothing when it refuses", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0.05 }, 0);
    const before = budget.balance(0);
    expect(budget.tryWithdraw(0)).toBe(false);
    expect(budget.balance(0)).toBe(before);
  });

  it("keeps a dead dependency's load within 1 + ratio plus the minimum, at any rate", () => {
    const scenario = fc.record({
      ratio: fc.double({ min: 0, max: 1, noNaN: true }),
      minPerSecond: fc.integer({ min: 0, max: 20 }),
      gapMs: fc.double({ min: 0.5, max: 300, noNaN: true }),
      seconds: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(scenario, ({ ratio, minPerSecond, gapMs, seconds }) => {
        const budget = new RetryBudget({ ratio, minPerSecond }, 0);
        let calls = 0;
        let retries = 0;
        for (let now = 0; now < seconds * 1_000; now += gapMs) {
          budget.deposit(now);
          calls++;
          // Every attempt fails, and each call would make nine retries.
          for (let i = 0; i < 9 && budget.tryWithdraw(now); i++) retries++;
        }
        const windows = Math.ceil(seconds / 10);
        expect(retries).toBeLessThanOrEqual(ratio * calls + minPerSecond * 10 * windows + windows * 1e-6);
      }),
      { seed: 31, numRuns: 60 },
    );
  });

  it("holds its promise over every window of ten slots, whatever the traffic", () => {
    const event = fc.record({ gapMs: fc.nat(1_500), calls: fc.nat(30), retries: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 1 }, 0);
        const log: { slot: number; calls: number; retries: number }[] = [];
        let now = 0;
        for (const { gapMs, calls, retries } of events) {
          now += gapMs;
          for (let i = 0; i < calls; i++) budget.deposit(now);
          let paid = 0;
          while (paid < retries && budget.tryWithdraw(now)) paid++;
          const slot = Math.floor(now / 1_000);
          log.push({ slot, calls, retries: paid });
          const recent = log.filter((entry) => entry.slot > slot - 10);
          const deposited = recent.reduce((sum, entry) => sum + entry.calls, 0);
          const withdrawn = recent.reduce((sum, entry) => sum + entry.retries, 0);
          expect(budget.balance(now)).toBeCloseTo(10 + 0.2 * deposited - withdrawn, 6);
          expect(paid === 0 || withdrawn <= 10 + 0.2 * deposited + 1e-6).toBe(true);
        }
      }),
      { seed: 32, numRuns: 100 },
    );
  });
});
