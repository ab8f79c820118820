import { describe, expect, it } from "vitest";

import type { BalancerName } from "../../src/balancers/balancers.ts";
import { resolveSlowStart, slowStartFactor } from "../../src/endpoints/slow-start.ts";
import { simulate } from "../../src/testing/index.ts";
import { exponentialTime } from "../../src/testing/simulator/service-time.ts";
import { GateRig, answer } from "./gate/gate-rig.ts";

const policy = { windowMs: 10_000, aggression: 1, minWeightPercent: 10 };

/** A gate with a warm service, and one endpoint that has just come. */
function rigWithNewcomer(weight = 1): GateRig {
  const rig = new GateRig({ count: 3, slowStart: { windowMs: 10_000 }, over: () => ({ weight }) });
  rig.advance(60_000);
  rig.remove(rig.at(0));
  rig.readd(0);
  return rig;
}

describe("the factor of slow start", () => {
  it("grows with time where there are enough requests, from the minimum to 1", () => {
    const factors = [0, 1_000, 2_500, 5_000, 10_000, 20_000].map((age) =>
      slowStartFactor(policy, age, 1_000),
    );
    expect(factors).toEqual([0.1, 0.1, 0.25, 0.5, 1, 1]);
  });

  it("is Envoy's power of aggression", () => {
    expect(slowStartFactor({ ...policy, aggression: 2 }, 2_500, 1_000)).toBe(0.5);
    expect(slowStartFactor({ ...policy, aggression: 0.5 }, 5_000, 1_000)).toBe(0.25);
    expect(slowStartFactor({ ...policy, minWeightPercent: 40 }, 2_500, 1_000)).toBe(0.4);
  });

  it("is held back by few requests, so that nobody leaves the window as cold as it came (envoyproxy/envoy#19437)", () => {
    expect(slowStartFactor(policy, 10_000, 0)).toBe(0.5);
    expect(slowStartFactor(policy, 10_000, 4)).toBe(0.5);
    expect(slowStartFactor(policy, 10_000, 7)).toBe(0.8);
    expect(slowStartFactor(policy, 10_000, 9)).toBe(1);
  });

  it("is 1 after twice the window even without requests, and never 0 (envoyproxy/envoy#24629, #29259)", () => {
    expect(slowStartFactor(policy, 20_000, 0)).toBe(1);
    for (let age = 0; age < 30_000; age += 100) {
      expect(slowStartFactor(policy, age, 0)).toBeGreaterThanOrEqual(0.1);
    }
  });
});

describe("an endpoint that warms up", () => {
  it("has little weight at first, more each second, and all of its own in the end", () => {
    const rig = rigWithNewcomer(4);
    const state = rig.newest;
    const weights = [state.weight];
    for (let i = 0; i < 11; i++) {
      rig.settle(state, answer(), 5);
      rig.advance(1_000);
      weights.push(state.weight);
    }
    expect(weights[0]).toBeCloseTo(0.4, 9);
    expect(weights).toEqual(weights.toSorted((a, b) => a - b));
    expect(weights.at(-1)).toBe(4);
    expect(rig.at(1).weight).toBe(4);
  });

  it("makes the pickers anew each second until it is warm, and no more", () => {
    const rig = rigWithNewcomer();
    rig.changes = 0;
    rig.advance(20_000);
    const changes = rig.changes;
    expect(changes).toBeGreaterThan(5);
    rig.advance(20_000);
    expect(rig.changes).toBe(changes);
  });

  it("is not one of the first list: where all are new nobody is to be spared (envoyproxy/envoy#29259)", () => {
    const rig = new GateRig({ slowStart: { windowMs: 10_000 } });
    expect(rig.states.map(({ weight }) => weight)).toEqual([1, 1, 1, 1]);
  });

  it("keeps its part when the registry changes its weight", () => {
    const rig = rigWithNewcomer();
    const state = rig.newest;
    state.update({ ...state.spec, weight: 8 });
    rig.gate.update(state, rig.now);
    expect(state.weight).toBeCloseTo(0.8, 9);
  });

  it("is also one that comes back: from an ejection, a health check, or the registry", () => {
    const ways: Readonly<Record<string, (rig: GateRig) => void>> = {
      ejection: (rig) => {
        rig.eject(rig.at(0));
        rig.gate.setActiveHealth(rig.at(0), "healthy", "", rig.now);
      },
      "health check": (rig) => {
        rig.gate.setActiveHealth(rig.at(0), "unhealthy", "", rig.now);
        rig.gate.setActiveHealth(rig.at(0), "healthy", "", rig.now);
      },
      registry: (rig) => {
        const { spec } = rig.at(0);
        for (const health of ["starting", "healthy"] as const) {
          rig.at(0).update({ ...spec, health });
          rig.gate.update(rig.at(0), rig.now);
        }
      },
    };
    for (const come of Object.values(ways)) {
      const rig = new GateRig({ slowStart: { windowMs: 10_000 } });
      rig.advance(60_000);
      come(rig);
      expect(rig.at(0).open).toBe(true);
      expect(rig.at(0).weight).toBeCloseTo(0.1, 9);
    }
  });

  it("does not spend the time in which it may not be picked", () => {
    const rig = new GateRig({
      slowStart: { windowMs: 10_000 },
      over: (i) => (i === 0 ? { health: "starting" } : {}),
    });
    rig.advance(60_000);
    rig.at(0).update({ ...rig.at(0).spec, health: "healthy" });
    rig.gate.update(rig.at(0), rig.now);
    expect(rig.at(0).weight).toBeCloseTo(0.1, 9);
  });

  it("has its full weight at once where slow start is off, as it is by default", () => {
    const rig = new GateRig();
    rig.remove(rig.at(0));
    expect(rig.readd(0).weight).toBe(1);
  });
});

describe.each<BalancerName>([
  "success-aware-ewma",
  "least-request",
  "least-response-time",
  "peak-ewma",
  "weighted-round-robin",
  "weighted-random",
])("an endpoint that comes to four others under %s", (balancer) => {
  /** Its calls, from 10 s to 10 s, of 50 s. */
  async function ramp(callsPerSecond: number, seed: number): Promise<readonly number[]> {
    const servers = Array.from({ length: 5 }, (_, i) => ({
      id: `s${i}`,
      serviceTime: exponentialTime(5),
      present: [[i === 0 ? 10_000 : 0, Infinity]] as const,
    }));
    const service = {
      balancer,
      slowStart: { windowMs: 30_000 },
      retry: false,
      circuit: false,
      outlierDetection: false,
    } as const;
    const scenario = { name: "ramp", durationMs: 60_000, servers, callsPerSecond, limitMs: 1_000 };
    const { seconds } = await simulate(scenario, { policy: { name: balancer, service }, seed });
    return [10, 20, 30, 40, 50].map((from) =>
      seconds.slice(from, from + 10).reduce((sum, { sends }) => sum + sends[0]!, 0),
    );
  }

  it("gets calls in proportion to the time since it came", async () => {
    const calls = await ramp(300, 1);
    // A third of the way, two thirds, all of it, on average over each ten seconds; the rest is shared with four.
    const due = [0.19, 0.5, 0.83, 1, 1].map((part) => (3_000 * part) / (4 + part));
    for (const [i, count] of calls.entries()) expect(Math.abs(count / due[i]! - 1)).toBeLessThan(0.25);
  });

  it("is never without calls, however few there are", async () => {
    const rounds = await Promise.all([1, 2, 3].map((seed) => ramp(20, seed)));
    const [first = 0, second = 0, third = 0, fourth = 0] = [0, 1, 2, 3].map((i) =>
      rounds.reduce((sum, calls) => sum + calls[i]!, 0),
    );
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThan(75);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(50);
    expect(fourth).toBeGreaterThan(60);
  });
});

describe("the options of slow start", () => {
  it("are off by default, and need a window", () => {
    expect(resolveSlowStart(undefined, "slowStart")).toBe(false);
    expect(resolveSlowStart({ windowMs: 5_000 }, "slowStart")).toEqual({ ...policy, windowMs: 5_000 });
    expect(() => resolveSlowStart({}, "slowStart")).toThrow(
      "slowStart.windowMs must be a number from 1000 to 3600000",
    );
    expect(() => resolveSlowStart({ windowMs: 10 }, "slowStart")).toThrow("got 10");
    expect(() => resolveSlowStart({ windowMs: 5_000, minWeightPercent: 0 }, "slowStart")).toThrow(
      "minWeightPercent",
    );
  });
});
