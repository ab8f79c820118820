import type { SimulatedPolicy } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { optionsOf } from "../../scripts/sim/policies.ts";
import { agreements, contradictions, ranking } from "./outcome.ts";
import { overSockets } from "./over-sockets.ts";
import { scenarioOf } from "./scenarios.ts";
import { inTheSimulator } from "./simulated.ts";

/** Calls that hang must end. */
const timeout = { attemptMs: 1_500 };
const policies: readonly SimulatedPolicy[] = [
  "round-robin",
  "random",
  "least-request",
  "peak-ewma",
  "default",
  "default+ejection",
].map((name) => ({ name, service: { ...optionsOf(name), timeout } }));

/**
 * Percent points below which two policies tie. With some 600 calls each, a share of 70 % has a standard deviation of 2 points, and
 * the difference of two such shares one of 3.
 */
const margin = 4;

describe("contradictions", () => {
  it("lets policies swap places that are close in either world, and no others", () => {
    const simulated = { good: 95, fair: 88, poor: 85 };
    expect(contradictions(simulated, { good: 96, fair: 84, poor: 88 }, 4)).toEqual([]);
    expect(contradictions(simulated, { good: 88, fair: 95, poor: 70 }, 4)).toEqual([
      "good is 7.0 points better than fair, and here -7.0",
    ]);
  });

  it("does not take it for a tie when what is far apart in one world is not in the other", () => {
    expect(contradictions({ good: 97, poor: 85 }, { good: 90, poor: 90.5 }, 4)).toHaveLength(1);
  });
});

describe("ten servers over real sockets, three of which turn bad", () => {
  it.for(["slow", "failing", "hanging", "refusing", "resetting"] as const)(
    "rank the balancers as the simulator does when the bad ones are %s",
    { timeout: 60_000 },
    async (fault) => {
      const scenario = scenarioOf(fault);
      const simulated = await inTheSimulator(scenario, policies);
      const real = await overSockets(scenario, policies);
      const found = {
        contradictions: contradictions(simulated, real, margin),
        simulated: ranking(simulated),
        real: ranking(real),
      };
      expect(found).toHaveProperty("contradictions", []);
      // Two ways to turn a blind eye, beside four others, make eight pairs that nobody should mix up.
      expect(agreements(simulated, real, margin)).toBeGreaterThanOrEqual(8);
      expect(real["default"]! - real["round-robin"]!).toBeGreaterThan(margin);
    },
  );
});
