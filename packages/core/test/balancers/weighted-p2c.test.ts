import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import type { AttemptResult } from "../../src/endpoints/attempt-result.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { simulate } from "../../src/testing/index.ts";
import { constantTime, exponentialTime } from "../../src/testing/simulator/service-time.ts";
import type { ServiceTime } from "../../src/testing/simulator/service-time.ts";
import { endpointStates, pickContext, pickerDeps, sharesOf } from "../support/balancing.ts";

/** Those that compare the costs of some. */
const comparing: readonly unknown[] = [
  "success-aware-ewma",
  "least-request",
  { type: "least-request", choices: 3 },
  { type: "least-request", choices: "all" },
  "least-response-time",
  "peak-ewma",
];

const unequal: readonly (readonly number[])[] = [
  [1, 2, 4],
  [1, 2],
  [0.1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  [100, 101],
  Array.from({ length: 100 }, (_, i) => 1 + (i % 7)),
];

/** What each endpoint is due, and what it got. */
async function simulated(balancer: unknown, weights: readonly number[], serviceTime: ServiceTime) {
  const servers = weights.map((weight, i) => ({ id: `s${i}`, weight, serviceTime }));
  const scenario = { name: "weights", durationMs: 1_000_000, servers, callsPerSecond: 20, limitMs: 1_000 };
  const service = { retry: false, circuit: false, outlierDetection: false, balancer } as const;
  // @ts-expect-error -- what is under test is made from data, as a user's JSON is
  const { shares } = await simulate(scenario, { policy: { name: "p", service }, seed: 1 });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight, i) => ({ due: weight / total, got: shares[`s${i}`] ?? 0 }));
}

describe.each(comparing.map((balancer) => [JSON.stringify(balancer), balancer] as const))(
  "weights under %s",
  (_, balancer) => {
    it.each(unequal)(
      "are kept to within one percent of the picks where all are alike: %j, %j…",
      (...weights) => {
        const deps = pickerDeps(7);
        const states = endpointStates(weights.length, deps.table, (i) => ({ weight: weights[i]! }));
        const picker = resolveBalancer(balancer, "balancer").build(states, deps);
        const shares = sharesOf(picker, 100_000);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [i, weight] of weights.entries()) {
          expect(Math.abs((shares.get(`e${i}`) ?? 0) - weight / total)).toBeLessThan(0.01);
        }
      },
    );

    it("are kept to within one percent of the calls at low load", { timeout: 20_000 }, async () => {
      for (const weights of [
        [1, 2, 4],
        [0.1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
      ]) {
        for (const { due, got } of await simulated(balancer, weights, constantTime(5))) {
          expect(Math.abs(got - due)).toBeLessThan(0.01);
        }
      }
    });

    it("are kept to closely where service times vary as widely as they do", { timeout: 20_000 }, async () => {
      // Peaks are higher where there are more requests, so that the heavier ones look slower than they are.
      const tolerance = balancer === "peak-ewma" ? 0.03 : 0.012;
      for (const { due, got } of await simulated(balancer, [1, 2, 4], exponentialTime(5))) {
        expect(Math.abs(got - due)).toBeLessThan(tolerance);
      }
    });

    it("are what requests in flight are in proportion to where there are many", () => {
      const weights = [1, 2, 4, 0.5, 1, 1.5];
      const deps = pickerDeps(5);
      const states = endpointStates(weights.length, deps.table, (i) => ({ weight: weights[i]! }));
      const picker = resolveBalancer(balancer, "balancer").build(states, deps);
      for (const state of states) {
        deps.table.succeeded(state.offset, 10, 0);
        picker.settled?.(state, answer(10), 0);
      }
      for (let i = 0; i < 10_000; i++) deps.table.started(picker.pick(pickContext())!.offset);
      for (const [i, { pending }] of states.entries())
        expect(pending / (1_000 * weights[i]!)).toBeCloseTo(1, 1);
    });

    it("never lead to a tried or a closed endpoint while there is another", () => {
      const world = fc.record({
        weights: fc.array(fc.constantFrom(1, 1, 2, 100, 0.01), { minLength: 2, maxLength: 12 }),
        closed: fc.array(fc.nat(11), { maxLength: 2 }),
        tried: fc.array(fc.nat(11), { maxLength: 3 }),
        seed: fc.nat(),
      });
      fc.assert(
        fc.property(world, ({ closed, seed, tried, weights }) => {
          const deps = pickerDeps(seed);
          const states = endpointStates(weights.length, deps.table, (i) => ({ weight: weights[i]! }));
          const picker = resolveBalancer(balancer, "balancer").build(states, deps);
          for (const i of closed) if (i < states.length) deps.table.setClosed(states[i]!.offset, true);
          const before = states.filter((_state, i) => tried.includes(i));
          const context = pickContext({ tried: before.length > 0 ? before : undefined });
          for (let i = 0; i < 20; i++) {
            const picked = picker.pick(context)!;
            expect(states).toContain(picked);
            expect(before.length < states.length && before.includes(picked)).toBe(false);
            const isOther = states.some((state) => state.open && !before.includes(state));
            // A heavy one that is closed is drawn again and again, a few times; then another one is taken.
            expect(isOther && !picked.open && before.length === 0 && closed.length === 1).toBe(false);
          }
        }),
        { seed: 3, numRuns: 300 },
      );
    });
  },
);

function answer(latencyMs: number): AttemptResult {
  return {
    outcome: "success",
    status: 200,
    phase: "body",
    timedOut: false,
    isSuperseded: false,
    isAnswered: false,
    latencyMs,
    headers: {},
  };
}

describe("the power of two choices among different weights", () => {
  function world(weights: readonly number[]) {
    const deps = pickerDeps(5);
    const states = endpointStates(weights.length, deps.table, (i) => ({ weight: weights[i]! }));
    for (const { offset } of states) deps.table.succeeded(offset, 10, 0);
    return { table: deps.table, states, picker: resolveBalancer(undefined, "balancer").build(states, deps) };
  }

  it("keeps away from the heavy one of two while that is far slower, though it is mostly drawn against itself", () => {
    const { picker, states, table } = world([1, 9]);
    for (let i = 0; i < 40; i++) table.succeeded(states[1]!.offset, 100, 0);
    expect(sharesOf(picker, 1_000).get("e0")).toBeCloseTo(1);
  });

  it("keeps away from a heavy one that fails, and is back as soon as it does not", () => {
    const { picker, states, table } = world([1, 1, 8]);
    for (let i = 0; i < 10; i++) table.failed(states[2]!.offset, 0);
    expect(sharesOf(picker, 1_000).get("e2") ?? 0).toBe(0);
    for (let i = 0; i < 60; i++) table.succeeded(states[2]!.offset, 10, 0);
    expect(sharesOf(picker, 10_000).get("e2")).toBeCloseTo(0.8, 1);
  });

  it("takes latencies that differ by less than half for alike", () => {
    const { picker, states, table } = world([1, 2]);
    for (let i = 0; i < 100; i++) table.succeeded(states[0]!.offset, 14, 0);
    expect(sharesOf(picker, 20_000).get("e0")).toBeCloseTo(1 / 3, 1);
    for (let i = 0; i < 100; i++) table.succeeded(states[0]!.offset, 20, 0);
    expect(sharesOf(picker, 20_000).get("e0")).toBeCloseTo(1 / 9, 1);
  });

  it("tells what was compared, the choice first, at a cost in which an average weight counts as 1", () => {
    const { picker, states, table } = world([1, 3]);
    for (let i = 0; i < 6; i++) table.started(states[1]!.offset);
    const trace: { endpoint: EndpointState; cost: number }[] = [];
    while (trace.length < 2) {
      trace.length = 0;
      expect(picker.pick(pickContext(), trace)).toBe(trace[0]!.endpoint);
    }
    expect(trace.map(({ cost, endpoint }) => [endpoint.id, cost])).toEqual([
      ["e0", 10],
      ["e1", 50],
    ]);
  });
});
