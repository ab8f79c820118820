import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ResolvedAdaptiveConcurrency } from "../../../src/policies/limit/adaptive-concurrency/adaptive-concurrency-policy.ts";
import { resolveAdaptiveConcurrency } from "../../../src/policies/limit/adaptive-concurrency/resolve-adaptive-concurrency.ts";
import { LimiterWitness } from "./limiter-witness.ts";

const algorithms = fc.constantFrom("adaptive", "gradient2", "vegas", "aimd");
const policies = fc.record({
  algorithm: algorithms,
  initialLimit: fc.integer({ min: 1, max: 4 }),
  maxLimit: fc.constantFrom(4, 8),
  queueFactor: fc.constantFrom(0, 1, 16),
  maxQueue: fc.constantFrom(0, 3, 1_000),
  queueTimeoutMs: fc.constantFrom(10, 1_000),
});

const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("ask" as const), level: fc.nat(3) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("release" as const),
        which: fc.nat(20),
        outcome: fc.constantFrom("success", "success", "failure", "ignored", "overload"),
        ms: fc.constantFrom(1, 5, 100),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 7, 200) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat(20) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("update" as const),
        algorithm: algorithms,
        minLimit: fc.constantFrom(1, 2),
      }),
    },
  ),
  { maxLength: 80 },
);

function resolved(input: object): ResolvedAdaptiveConcurrency {
  const policy = resolveAdaptiveConcurrency(input, "adaptiveConcurrency");
  if (policy === false) throw new Error("it is off");
  return policy;
}

describe("an adaptive limiter, in ten thousand schedules", () => {
  it("keeps count, lets the most important go first and puts out the least, tells everybody once, and leaks nothing", () => {
    const property = fc.property(policies, steps, (input, schedule) => {
      const witness = new LimiterWitness(resolved(input));
      const { clock, complaints, limiter } = witness;
      for (const [id, step] of schedule.entries()) {
        if (step.do === "ask") witness.ask(id, step.level);
        else if (step.do === "release") witness.release(step.which, step.outcome, step.ms);
        else if (step.do === "wait") clock.pass(step.ms);
        else if (step.do === "cancel") witness.cancel(step.which);
        else {
          const { algorithm, minLimit } = step;
          limiter.update(resolved({ ...input, algorithm, minLimit, initialLimit: 4 }), clock.now());
        }
        witness.check();
      }
      witness.drain();
      witness.check();
      expect(complaints).toStrictEqual([]);
      expect(limiter.inspect()).toMatchObject({ inFlight: 0, queued: 0 });
    });
    expect(() => {
      fc.assert(property, { seed: 5, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});
