import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import type { BalancerName } from "../../src/balancers/balancers.ts";
import type { Picker } from "../../src/balancers/picker.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import type { LoadTable } from "../../src/endpoints/load-table.ts";
import { endpointStates, pickContext, pickerDeps, sharesOf } from "../support/balancing.ts";

const names: readonly BalancerName[] = [
  "success-aware-ewma",
  "least-request",
  "least-response-time",
  "peak-ewma",
  "round-robin",
  "random",
  "weighted-round-robin",
  "weighted-random",
  "client-side-weighted-round-robin",
];

function pickerOver(
  name: BalancerName,
  count: number,
  seed = 1,
): { picker: Picker; endpoints: EndpointState[]; table: LoadTable } {
  const deps = pickerDeps(seed);
  const { table } = deps;
  const endpoints = endpointStates(count, table);
  return { picker: resolveBalancer(name, "balancer").build(endpoints, deps), endpoints, table };
}

const context = pickContext;
const shares = sharesOf;

describe.each(names)("the %s picker", (name) => {
  it("has nothing to pick from an empty service and one choice from a single endpoint", () => {
    expect(pickerOver(name, 0).picker.pick(context())).toBeUndefined();
    const { picker, endpoints } = pickerOver(name, 1);
    expect(picker.pick(context())).toBe(endpoints[0]);
    expect(picker.pick(context({ tried: endpoints }))).toBe(endpoints[0]);
  });

  it("spreads evenly over idle endpoints that are alike", () => {
    for (const share of shares(pickerOver(name, 10).picker, 20_000).values()) {
      expect(share).toBeGreaterThan(0.09);
      expect(share).toBeLessThan(0.11);
    }
  });

  it("never repeats a tried endpoint while there is another", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.integer(),
        fc.array(fc.nat(), { maxLength: 30 }),
        (count, seed, draws) => {
          const { picker, endpoints } = pickerOver(name, count, seed);
          const tried = [...new Set(draws.map((draw) => endpoints[draw % count]!))];
          const picked = picker.pick(context({ tried }))!;
          expect(endpoints).toContain(picked);
          expect(tried.length < count && tried.includes(picked)).toBe(false);
        },
      ),
      { seed: 11, numRuns: 500 },
    );
  });

  it("tells what it chose when asked", () => {
    const { picker } = pickerOver(name, 5);
    const trace: { endpoint: EndpointState; cost: number }[] = [];
    expect(picker.pick(context(), trace)).toBe(trace[0]?.endpoint);
  });
});

describe("the power of two choices", () => {
  it("gives the busier of two endpoints nothing, because it draws without replacement", () => {
    const { picker, endpoints, table } = pickerOver("success-aware-ewma", 2);
    for (const { offset } of endpoints) table.succeeded(offset, 10, 0);
    for (let i = 0; i < 5; i++) table.started(endpoints[0]!.offset);
    expect(shares(picker, 1_000).get("e1")).toBeCloseTo(1);
  });

  it("keeps away from a slow endpoint, a failing one, and one with little weight", () => {
    const { picker, endpoints, table } = pickerOver("success-aware-ewma", 4);
    for (const { offset } of endpoints) table.succeeded(offset, 10, 0);
    for (let i = 0; i < 30; i++) table.succeeded(endpoints[0]!.offset, 100, 0);
    for (let i = 0; i < 30; i++) table.failed(endpoints[1]!.offset, 0);
    endpoints[2]!.update({ ...endpoints[2]!.spec, weight: 0.01 });
    expect(shares(picker, 1_000).get("e3")).toBeGreaterThan(0.45);
  });

  it("finds the fast one of three even while one is dead and one is slow", () => {
    const { picker, endpoints, table } = pickerOver("success-aware-ewma", 3);
    const [fast, dead, slow] = endpoints.map(({ offset }) => offset);
    for (const [row, latency] of [
      [fast, 10],
      [dead, 10],
      [slow, 100],
    ] as const) {
      table.succeeded(row!, latency, 0);
    }
    for (let i = 0; i < 10; i++) table.failed(dead!, 0);
    expect(shares(picker, 1_000).get("e0")).toBeCloseTo(1);
  });

  it("does not let an endpoint that fails at once attract traffic", () => {
    const { picker, endpoints, table } = pickerOver("success-aware-ewma", 10, 3);
    for (const { offset } of endpoints) table.succeeded(offset, 50, 0);
    let failing = 0;
    for (let i = 0; i < 10_000; i++) {
      const now = i;
      const picked = picker.pick(context({ now }))!;
      if (picked === endpoints[0]) {
        failing++;
        table.failed(picked.offset, now);
      } else {
        table.succeeded(picked.offset, 50, now);
      }
    }
    expect(failing / 10_000).toBeLessThan(0.02);
  });
});

describe("resolveBalancer", () => {
  it("refuses a name it does not know", () => {
    expect(() => resolveBalancer("fastest", "balancer")).toThrow(
      /balancer must be one of success-aware-ewma, .*, or a balancer of your own, got "fastest"/u,
    );
  });
});
