import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { CircuitMode } from "../../../src/policies/circuit/circuit-policy.ts";
import type { CircuitOutcome } from "../../../src/policies/circuit/circuit-types.ts";
import { CircuitDuel } from "./circuit-duel.ts";
import type { Step } from "./circuit-duel.ts";
import { policyOf } from "./circuit-kit.ts";

const mode = fc.constantFrom<CircuitMode>("auto", "auto", "metrics-only", "forced-open", "forced-closed");
const ratio = fc.constantFrom(0.05, 0.3, 0.5, 0.7, 1);

/** What any engine can do. */
const common = {
  minCalls: fc.integer({ min: 1, max: 6 }),
  openMs: fc.constantFrom(1, 100, 300),
  openGrowth: fc.constantFrom(1, 1.5, 2),
  openJitter: fc.constantFrom(0, 0.2, 1),
  probes: fc.integer({ min: 1, max: 6 }),
  probeIntervalMs: fc.constantFrom(0, 0, 50),
  probeTimeoutMs: fc.constantFrom(20, 200),
  mode: fc.oneof({ weight: 4, arbitrary: fc.constant<CircuitMode>("auto") }, { weight: 1, arbitrary: mode }),
};
const opossum = fc.record({
  ...common,
  engine: fc.constant("opossum" as const),
  failureRatio: ratio,
  windowMs: fc.constantFrom(100, 1_000),
});
const native = fc
  .record({
    ...common,
    engine: fc.constant("native" as const),
    failureRatio: fc.oneof(
      { weight: 3, arbitrary: ratio },
      { weight: 1, arbitrary: fc.constant(false as const) },
    ),
    window: fc.constantFrom(
      { windowMs: 100 },
      { windowMs: 1_000 },
      { windowMs: undefined, windowCalls: 6 },
      { windowMs: undefined, windowCalls: 13 },
    ),
    consecutiveFailures: fc.constantFrom(false as const, false as const, 1, 3),
    slowCallMs: fc.constantFrom(false as const, 100),
    slowCallRatio: ratio,
  })
  .map(({ window, ...rest }) => Object.assign(rest, window));
const policies = fc.oneof(opossum, native).map((given) => policyOf(Object.assign(given, { maxOpenMs: 700 })));

const outcome = fc.constantFrom<CircuitOutcome>("success", "success", "failure", "failure", "neutral");
const ms = fc.constantFrom(10, 100, 101);
const waits = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constantFrom(100, 250, 900, 3_000));
const of = <T extends Step["do"]>(name: T): { readonly do: fc.Arbitrary<T> } => ({ do: fc.constant(name) });
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ ...of("start"), times: fc.integer({ min: 1, max: 4 }) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        ...of("end"),
        which: fc.nat(12),
        outcome,
        ms,
        retryAfterMs: fc.constantFrom(0, 0, 0, 400, 5_000),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ ...of("burst"), times: fc.integer({ min: 1, max: 8 }), outcome, ms }),
    },
    { weight: 6, arbitrary: fc.record({ ...of("wait"), ms: waits }) },
    { weight: 1, arbitrary: fc.record({ ...of("mode"), mode }) },
    { weight: 1, arbitrary: fc.record(of("reset")) },
    { weight: 1, arbitrary: fc.record({ ...of("update"), policy: fc.record(common, { requiredKeys: [] }) }) },
    { weight: 1, arbitrary: fc.record({ ...of("restart"), elapsedMs: waits }) },
  ),
  { maxLength: 50 },
);

describe("a circuit, in ten thousand schedules", () => {
  it("does what its plain model does with either engine, and closes once the service is well", () => {
    const property = fc.property(policies, steps, fc.integer(), (policy, schedule, seed) => {
      const duel = new CircuitDuel(policy, seed);
      for (const step of schedule) duel.step(step);
      duel.recover();
    });
    expect(() => {
      fc.assert(property, { seed: 40, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});
