import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { GateDuel } from "./gate-duel.ts";

const policies = fc.record({
  baseEjectionMs: fc.constant(10_000),
  maxEjectionMs: fc.constant(30_000),
  maxEjectionPercent: fc.constantFrom(0, 10, 34, 50, 100),
  halfOpen: fc.record({
    probes: fc.integer({ min: 1, max: 3 }),
    failures: fc.integer({ min: 1, max: 3 }),
    successes: fc.integer({ min: 1, max: 3 }),
    intervalMs: fc.constantFrom(0, 200),
    leaseMs: fc.constantFrom(500, 5_000),
  }),
});

const actions = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("burst"), on: fc.nat(20) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom("fail", "succeed", "ignored"), on: fc.nat(20) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("retry-after"), on: fc.nat(20) }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("claim"), on: fc.nat(20) }) },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom("good", "bad", "neutral", "refused"), on: fc.nat(20) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("stale"), on: fc.nat(20) }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("wait"), on: fc.constantFrom(1, 200, 1_000, 6_000, 31_000) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom("sick", "well", "check", "checks"), on: fc.nat(20) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("add", "remove", "use"), on: fc.nat(20) }) },
  ),
  { maxLength: 60 },
);

describe("a gate, in ten thousand schedules", () => {
  it("does what its plain model does, keeps to the limit, leaks no lease, touches nobody else, and lets everybody back", () => {
    const property = fc.property(
      policies,
      fc.integer({ min: 1, max: 7 }),
      actions,
      (policy, count, steps) => {
        const duel = new GateDuel(policy, count);
        for (const step of steps) {
          duel.step(step.do, step.on);
          duel.check();
        }
        duel.recover();
      },
    );
    expect(() => {
      fc.assert(property, { seed: 20, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});
