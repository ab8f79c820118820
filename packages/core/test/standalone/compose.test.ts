import { describe, expect, it } from "vitest";

import {
  bulkhead,
  circuit,
  compose,
  fallback,
  hedge,
  rateLimit,
  retry,
  retryBudget,
  timeout,
} from "../../src/standalone/index.ts";
import { refusalOf, still } from "./kit.ts";

describe("policies that contradict each other", () => {
  it("are refused: a time that does not fit into a timeout around it", () => {
    expect(refusalOf(() => compose(timeout({ totalMs: 100 }), retry(), timeout({ totalMs: 200 })))).toBe(
      "timeout.totalMs must be at most the timeout.totalMs around it (100), got 200",
    );
    const outer = timeout({ totalMs: 100 });
    expect(refusalOf(() => compose(outer, hedge({ delayMs: 101 })))).toContain(
      "hedge.delayMs must be at most",
    );
    expect(refusalOf(() => compose(outer, rateLimit({ tokensPerSecond: 1, maxWaitMs: 500 })))).toContain(
      "rateLimit.maxWaitMs must be at most",
    );
    const queue = { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 101 };
    expect(refusalOf(() => compose(outer, bulkhead(queue)))).toContain(
      "bulkhead.queueTimeoutMs must be at most",
    );
    expect(compose(timeout({ totalMs: 200 }), outer, hedge({ delayMs: 100 })).inspect()).toHaveLength(3);
    expect(compose(retry(), bulkhead(queue), timeout({ totalMs: 100 })).inspect()).toHaveLength(3);
  });

  it("are refused: retries and hedges that add up", () => {
    const message = "hedge.budget must be shared by the retries and hedges that are composed";
    expect(refusalOf(() => compose(retry(), hedge()))).toContain(message);
    const budget = retryBudget();
    expect(refusalOf(() => compose(retry({}, { budget }), hedge()))).toContain(message);
    expect(compose(retry({}, { budget }), hedge({}, { budget })).inspect()).toHaveLength(2);
    // @ts-expect-error -- a hedge has to be paid for
    expect(refusalOf(() => hedge({}, { budget: false }))).toBe(
      "options.budget must be made by retryBudget(), got false",
    );
    expect(refusalOf(() => retry({ budget: { ratio: 0.1 } }, { budget }))).toContain(
      "retry.budget must be left out where options.budget is given",
    );
  });

  it("are refused: one that stands there twice, two clocks, something else", () => {
    const one = bulkhead({ maxConcurrent: 1 }, { name: "db" });
    expect(refusalOf(() => compose(one, compose(circuit(), one)))).toContain('bulkhead \\"db\\" twice');
    expect(refusalOf(() => compose(circuit(), retry({}, still())))).toContain(
      "retry.clock must be the clock of",
    );
    // @ts-expect-error -- not a policy
    expect(refusalOf(() => compose(circuit(), {}))).toBe("compose[1] must be a policy, got an object");
  });

  it("may be contradictory elsewhere than in one composition", () => {
    const shared = circuit();
    expect(compose(shared).inspect()).toEqual(compose(shared, compose()).inspect());
  });
});

describe("a composition", () => {
  it("has the types of what comes out of it", async () => {
    const s = still();
    const policy = compose(
      fallback(() => "none" as const, s),
      retry({}, s),
      fallback({ value: null }, s),
    );
    const result: number | "none" | null = await policy.execute(() => 1);
    // @ts-expect-error -- it may be something else
    const number: number = await policy.execute(() => 1);
    const plain: number = await compose(retry({}, s), circuit({}, s)).execute(async () => 1);
    expect([result, number, plain]).toEqual([1, 1, 1]);
  });
});
