import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RetryBudget } from "../../../src/policies/retry/retry-budget.ts";
import { seededRandom } from "../../../src/random.ts";

function withdrawAll(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.tryWithdraw(now)) taken++;
  return taken;
}

function depositing(budget: RetryBudget, successes: number, now: number): RetryBudget {
  for (let i = 0; i < successes; i++) budget.deposit(now);
  return budget;
}

/** Calls of up to three attempts, one after the other, of which a share fails. */
function run(
  budget: RetryBudget,
  { calls, failRatio, gapMs, seed }: { calls: number; failRatio: number; gapMs: number; seed: number },
): { succeeded: number; sends: number } {
  const random = seededRandom(seed);
  let succeeded = 0;
  let sends = 0;
  for (let call = 0; call < calls; call++) {
    const now = call * gapMs;
    for (let attempt = 1; attempt <= 3; attempt++) {
      if (attempt > 1 && !budget.tryWithdraw(now)) break;
      sends++;
      if (random() < failRatio) continue;
      succeeded++;
      budget.deposit(now);
      break;
    }
  }
  return { succeeded, sends };
}

describe("a retry budget", () => {
  it.each([
    [0.2, 5, 1],
    [0.2, 15, 3],
    [0.29, 100, 29],
    [0.7, 10, 7],
    [1, 3, 3],
    [0.2, 4, 0],
  ])("with a ratio of %d pays after %d successes for exactly %d retries", (ratio, successes, retries) => {
    const budget = depositing(new RetryBudget({ ratio, minPerSecond: 0 }, 0), successes, 0);
    expect(withdrawAll(budget, 0)).toBe(retries);
  });

  it("pays nothing when both its parts are zero", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0 }, 0);
    for (let i = 0; i < 1_000; i++) budget.deposit(i);
    expect(budget.tryWithdraw(1_000)).toBe(false);
  });

  it("pays for two retries in a row, and for one more after each success, however little is called", () => {
    expect(withdrawAll(new RetryBudget({ ratio: 0.2, minPerSecond: 10 }, 0), 0)).toBe(2);
    const known = depositing(new RetryBudget({ ratio: 0, minPerSecond: 10 }, 0), 1, 0);
    expect(withdrawAll(known, 0)).toBe(2);
    known.deposit(0);
    expect(withdrawAll(known, 0)).toBe(1);
  });

  it("pays no more than its minimum from the reserve, however often that is filled", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 1 }, 0);
    let retries = 0;
    for (let i = 0; i < 100; i++) {
      budget.deposit(0);
      if (budget.tryWithdraw(0)) retries++;
    }
    expect(retries).toBe(10);
    expect(budget.tryWithdraw(10_000)).toBe(true);
  });

  it("forgets deposits and withdrawals after ten seconds", () => {
    const budget = depositing(new RetryBudget({ ratio: 0.5, minPerSecond: 1 }, 500), 100, 600);
    expect(withdrawAll(budget, 700)).toBe(52);
    expect(budget.balance(10_499)).toBe(0);
    expect(depositing(budget, 2, 10_500).balance(10_500)).toBe(3);
    expect(budget.balance(1e9)).toBe(2);
  });

  it("owes what it paid from deposits that have left the window, and has its reserve all the same", () => {
    const budget = depositing(new RetryBudget({ ratio: 0.5, minPerSecond: 0 }, 0), 100, 0);
    expect(withdrawAll(budget, 9_500)).toBe(50);
    expect(depositing(budget, 90, 10_000).tryWithdraw(10_000)).toBe(false);
    expect(depositing(budget, 12, 10_000).tryWithdraw(10_000)).toBe(true);
  });

  it("takes nothing when it refuses", () => {
    const budget = new RetryBudget({ ratio: 0, minPerSecond: 0.05 }, 0);
    const before = budget.balance(0);
    expect(budget.tryWithdraw(0)).toBe(false);
    expect(budget.balance(0)).toBe(before);
  });

  it("leaves half of what was earned, and the reserve, to retries", () => {
    const budget = depositing(new RetryBudget({ ratio: 0.2, minPerSecond: 10 }, 0), 50, 0);
    let hedges = 0;
    while (budget.tryWithdrawForHedge(0)) hedges++;
    expect(hedges).toBe(5);
    expect(withdrawAll(budget, 0)).toBe(7);
    expect(budget.tryWithdrawForHedge(0)).toBe(false);
  });

  it.each([10, 100, 1_000])(
    "does not leak with %d processes that share a rate of 100 per second",
    (clients) => {
      const load = (failRatio: number): { sends: number; ok: number } => {
        let sends = 0;
        let succeeded = 0;
        for (let seed = 0; seed < clients; seed++) {
          const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 10 }, 0);
          const client = run(budget, { calls: 10_000 / clients, failRatio, gapMs: 10 * clients, seed });
          sends += client.sends;
          succeeded += client.succeeded;
        }
        return { sends: sends / 10_000, ok: succeeded / 10_000 };
      };
      expect(load(1).sends).toBeLessThanOrEqual(1.2);
      expect(load(0.05).ok).toBeGreaterThanOrEqual(0.999);
      expect(load(0.1).ok).toBeGreaterThanOrEqual(0.998);
    },
  );

  it("keeps its promise over every window of ten slots, whatever the traffic", () => {
    const event = fc.record({ gapMs: fc.nat(1_500), successes: fc.nat(30), retries: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 1 }, 0);
        const log: { slot: number; successes: number; retries: number }[] = [];
        let now = 0;
        for (const { gapMs, successes, retries } of events) {
          now += gapMs;
          depositing(budget, successes, now);
          let paid = 0;
          while (paid < retries && budget.tryWithdraw(now)) paid++;
          const slot = Math.floor(now / 1_000);
          log.push({ slot, successes, retries: paid });
          const recent = log.filter((entry) => entry.slot > slot - 10);
          const deposited = recent.reduce((sum, entry) => sum + entry.successes, 0);
          const withdrawn = recent.reduce((sum, entry) => sum + entry.retries, 0);
          expect(paid === 0 || withdrawn <= 10 + 0.2 * deposited + 1e-6).toBe(true);
        }
      }),
      { seed: 32, numRuns: 100 },
    );
  });

  it("spends from the reserve two more than there were successes, at most", () => {
    const step = fc.record({ gapMs: fc.nat(3_000), success: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const budget = new RetryBudget({ ratio: 0, minPerSecond: 1_000 }, 0);
        let now = 0;
        let successes = 0;
        let retries = 0;
        for (const { gapMs, success } of steps) {
          now += gapMs;
          if (success) {
            budget.deposit(now);
            successes++;
          } else if (budget.tryWithdraw(now)) retries++;
          expect(retries).toBeLessThanOrEqual(successes + 2);
        }
      }),
      { seed: 33, numRuns: 200 },
    );
  });
});
