import fc from "fast-check";
import { expect, it } from "vitest";

import { RetryBudget } from "../../../src/policies/retry/retry-budget.ts";

type Step = "success" | "retry" | "hedge";

/** The budget as its docstring says it: a log of what happened, and sums over it. */
class PlainBudget {
  readonly #ratio: number;
  readonly #minPerSecond: number;
  readonly #log: { readonly second: number; readonly what: "success" | "earned" | "reserve" }[] = [];
  #reserve = 2;

  constructor(ratio: number, minPerSecond: number) {
    this.#ratio = ratio;
    this.#minPerSecond = minPerSecond;
  }

  #count(second: number, what: string): number {
    return this.#log.filter((entry) => entry.second > second - 10 && entry.what === what).length;
  }

  /** @returns whether it was granted; always for a success */
  step(step: Step, second: number): boolean {
    if (step === "success") {
      this.#log.push({ second, what: "success" });
      this.#reserve = Math.min(2, this.#reserve + 1);
      return true;
    }
    const successes = this.#ratio * this.#count(second, "success");
    const fromReserve = this.#count(second, "reserve");
    const earned = successes - this.#count(second, "earned") - fromReserve;
    if (step === "hedge" && earned - 1 < successes / 2 - 1e-9) return false;
    if (earned >= 1 - 1e-9) {
      this.#log.push({ second, what: "earned" });
      return true;
    }
    if (Math.min(this.#reserve, 10 * this.#minPerSecond - fromReserve) < 1 - 1e-9) return false;
    this.#reserve--;
    this.#log.push({ second, what: "reserve" });
    return true;
  }
}

it("a retry budget, in ten thousand schedules, grants what its plain account grants", () => {
  const step = fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.nat(400), fc.nat(20_000)),
    what: fc.constantFrom<Step>("success", "success", "success", "retry", "retry", "hedge"),
    times: fc.integer({ min: 1, max: 6 }),
  });
  const scenario = fc.record({
    ratio: fc.constantFrom(0, 0.1, 0.2, 0.29, 0.5, 1),
    minPerSecond: fc.constantFrom(0, 0.1, 0.3, 10),
    steps: fc.array(step, { maxLength: 40 }),
  });
  fc.assert(
    fc.property(scenario, ({ minPerSecond, ratio, steps }) => {
      const budget = new RetryBudget({ ratio, minPerSecond }, 0);
      const plain = new PlainBudget(ratio, minPerSecond);
      let now = 0;
      for (const { gapMs, times, what } of steps) {
        now += gapMs;
        for (let i = 0; i < times; i++) {
          const granted =
            what === "success"
              ? (budget.deposit(now), true)
              : what === "retry"
                ? budget.tryWithdraw(now)
                : budget.tryWithdrawForHedge(now);
          expect(granted).toBe(plain.step(what, Math.floor(now / 1_000)));
        }
      }
    }),
    { seed: 77, numRuns: 10_000 },
  );
});
