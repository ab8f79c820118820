import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import { StaticStride } from "../../src/balancers/static-stride.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { endpointStates, pickContext, pickerDeps, sharesOf } from "../support/balancing.ts";

function shares(balancer: unknown, weights: readonly number[], picks = 100_000): readonly number[] {
  const deps = pickerDeps(7);
  const states = endpointStates(weights.length, deps.table, (index) => ({ weight: weights[index]! }));
  const found = sharesOf(resolveBalancer(balancer, "balancer").build(states, deps), picks);
  return states.map(({ id }) => found.get(id) ?? 0);
}

describe.each(["weighted-round-robin", "weighted-random", "client-side-weighted-round-robin"])(
  "%s",
  (name) => {
    it.each([[[1, 1]], [[1, 2, 3]], [[5, 1, 1, 1]], [Array.from({ length: 100 }, (_, i) => 1 + (i % 10))]])(
      "keeps to the weights %j within one percent of the picks",
      (weights) => {
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [index, share] of shares(name, weights).entries()) {
          expect(Math.abs(share - weights[index]! / total)).toBeLessThan(0.01);
        }
      },
    );

    it("passes over what is closed or was tried", () => {
      const deps = pickerDeps(3);
      const states = endpointStates(5, deps.table);
      deps.table.setClosed(states[0]!.offset, true);
      const picker = resolveBalancer(name, "balancer").build(states, deps);
      for (let i = 0; i < 200; i++) {
        const { id } = picker.pick(pickContext({ tried: [states[1]!] }))!;
        expect(["e2", "e3", "e4"]).toContain(id);
      }
    });
  },
);

describe("weighted-round-robin", () => {
  it("is smooth: no endpoint is ever far from its part of the picks so far", () => {
    const weights = [5, 1, 3, 1];
    const schedule = new StaticStride(weights, 12_345);
    const counts = [0, 0, 0, 0];
    for (let pick = 1; pick <= 10_000; pick++) {
      counts[schedule.next()]!++;
      for (const [index, weight] of weights.entries()) {
        expect(Math.abs(counts[index]! - (pick * weight) / 10)).toBeLessThan(3);
      }
    }
  });

  it("goes on where it was when the list changes", () => {
    const deps = pickerDeps(1);
    const states = endpointStates(3, deps.table);
    const balancer = resolveBalancer("weighted-round-robin", "balancer");
    let picker = balancer.build(states, deps);
    const counts = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      picker = balancer.build(states, deps, picker);
      const { id } = picker.pick(pickContext())!;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([1_000, 1_000, 1_000]);
  });

  it("ends for any weights", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.001, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 50 }),
        fc.nat(),
        (weights, start) => {
          const schedule = new StaticStride(weights, start);
          for (let i = 0; i < 100; i++) {
            const index = schedule.next();
            expect(index).toBeLessThan(weights.length);
          }
        },
      ),
      { seed: 2 },
    );
  });
});

describe("least-request", () => {
  const open = (choices: unknown, count: number, requests: number): readonly number[] => {
    const deps = pickerDeps(5);
    const states = endpointStates(count, deps.table);
    const picker = resolveBalancer({ type: "least-request", choices }, "balancer").build(states, deps);
    for (let i = 0; i < requests; i++) deps.table.started(picker.pick(pickContext())!.offset);
    return states.map(({ pending }) => pending);
  };

  it.each([2, 3, 10, "all"])(
    "with %s choices keeps 100,000 open requests within 10 of 1,000 each",
    (choices) => {
      for (const pending of open(choices, 100, choices === "all" ? 20_000 : 100_000)) {
        const fair = choices === "all" ? 200 : 1_000;
        expect(Math.abs(pending - fair)).toBeLessThanOrEqual(10);
      }
    },
  );

  it("looks at all of them where that is asked for, and breaks ties by chance", () => {
    const deps = pickerDeps(5);
    const states = endpointStates(50, deps.table);
    for (const { offset } of states.slice(0, 48)) deps.table.started(offset);
    const picker = resolveBalancer({ type: "least-request", choices: "all" }, "balancer").build(states, deps);
    const found = sharesOf(picker, 1_000);
    expect([...found.keys()].toSorted()).toEqual(["e48", "e49"]);
    expect(found.get("e48")).toBeGreaterThan(0.4);
  });

  it("takes a heavier endpoint as less loaded, in proportion", () => {
    const deps = pickerDeps(5);
    const states = endpointStates(2, deps.table, (index) => ({ weight: index === 0 ? 3 : 1 }));
    const picker = resolveBalancer("least-request", "balancer").build(states, deps);
    for (let i = 0; i < 400; i++) deps.table.started(picker.pick(pickContext())!.offset);
    expect(Math.abs(states[0]!.pending - 300)).toBeLessThanOrEqual(4);
  });

  it.each([
    [{ choices: 1 }, "balancer.choices must be a whole number from 2 to 10, got 1"],
    [{ choices: "some" }, 'balancer.choices must be a whole number from 2 to 10, or "all", got "some"'],
    [{ choice: 2 }, "balancer.choice must be left out"],
  ])("refuses %j", (options, message) => {
    expect(() => resolveBalancer({ type: "least-request", ...options }, "balancer")).toThrow(message);
  });
});

describe("peak-ewma", () => {
  it("is repelled by one slow answer at once, and forgives it as time goes by", () => {
    const deps = pickerDeps(5);
    const states = endpointStates(2, deps.table);
    const slow = states[0]!;
    const quick = states[1]!;
    const balancer = resolveBalancer("peak-ewma", "balancer");
    const picker = balancer.build(states, deps);
    const settle = (state: EndpointState, latencyMs: number, now: number): void =>
      picker.settled?.(
        state,
        {
          outcome: "success",
          status: 200,
          phase: "body",
          timedOut: false,
          isSuperseded: false,
          isAnswered: false,
          latencyMs,
          headers: {},
        },
        now,
      );
    settle(slow, 10, 0);
    settle(quick, 10, 0);
    settle(slow, 1_000, 1);
    expect(picker.cost?.(slow, 1)).toBeCloseTo(1_000);
    expect(picker.pick(pickContext({ now: 1 }))).toBe(quick);
    settle(quick, 10, 60_000);
    expect(picker.cost!(slow, 60_000)).toBeLessThan(10);
    // What was measured belongs to the endpoint, not to the picker.
    const next = balancer.build(states, deps, picker);
    expect(next.cost?.(slow, 1)).toBeCloseTo(1_000);
    const fresh = balancer.build([quick], deps, picker);
    expect(fresh.cost?.(quick, 60_000)).toBeCloseTo(10);
  });
});

describe("the power of two choices over what was measured", () => {
  function world(count: number) {
    const deps = pickerDeps(9);
    const states = endpointStates(count, deps.table);
    const picker = resolveBalancer("success-aware-ewma", "balancer").build(states, deps);
    const [slow] = states;
    deps.table.succeeded(slow!.offset, 1_000, 0);
    /** Calls at even distances that are answered at once; those that went to the slow one. */
    const calls = (perSecond: number, fromMs: number, toMs: number, isSlowMeasured = true): number[] => {
      const found: number[] = [];
      for (let now = fromMs; now < toMs; now += 1_000 / perSecond) {
        const picked = picker.pick(pickContext({ now }))!;
        if (picked === slow) found.push(now);
        if (picked !== slow) deps.table.succeeded(picked.offset, 10, now);
        else if (isSlowMeasured) deps.table.succeeded(slow.offset, 1_000, now);
      }
      return found;
    };
    return { calls, ...deps, picker, slow: slow! };
  }

  it.each([
    [2, 100],
    [10, 10],
    [10, 1_000],
  ])(
    "measures the slow one of %i again every three seconds or a little later, at %i calls per second",
    (count, rps) => {
      const { calls } = world(count);
      const times = calls(rps, 0, 60_000);
      for (const [i, at] of times.entries()) expect(at - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(3_000);
      // It must be drawn for that, which takes a draw or two.
      expect(times.length).toBeGreaterThan(rps === 10 ? 11 : 15);
    },
  );

  it("spends no more than one pick in 16 on it, however thin the traffic", () => {
    const { calls } = world(2);
    expect(calls(0.5, 0, 20_000).length).toBeLessThanOrEqual(1);
    // The endpoint itself looks faster and faster while it is left alone: 10 s of time constant, and not 3 s, for traffic as thin.
    expect(calls(1, 20_000, 40_000).length).toBeLessThanOrEqual(2);
  });

  it("forces a pick twice a second at most, over all endpoints", () => {
    const { calls, picker, slow, table } = world(2);
    // It never answers, nor is it known to be busy: nothing but the limit keeps it from being picked again.
    expect(calls(1_000, 0, 3_000, false)).toEqual([]);
    const forced = calls(1_000, 3_000, 8_000, false);
    expect(forced.length).toBe(10);
    for (const [i, at] of forced.slice(1).entries()) expect(at - forced[i]!).toBeGreaterThanOrEqual(500);
    // One that is on its way is measurement enough.
    table.started(slow.offset);
    expect(calls(1_000, 8_000, 9_000, false)).toEqual([]);
    expect(picker.pick(pickContext({ now: 9_000 }))).not.toBe(slow);
  });
});
