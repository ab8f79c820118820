import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import { resolveBoundedLoad } from "../../src/balancers/bounded-load.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { endpointStates, pickContext, pickerDeps } from "../support/balancing.ts";

describe.each(["ring-hash", "maglev"] as const)("bounded load on the %s picker", (type) => {
  function world(count: number, factor: number, over?: (index: number) => Partial<Endpoint>) {
    const deps = pickerDeps(1);
    const endpoints = endpointStates(count, deps.table, over);
    const table = type === "maglev" ? { tableSize: 997 } : {};
    const bounded = resolveBalancer({ type, ...table, boundedLoad: { factor } }, "balancer");
    const plain = resolveBalancer({ type, ...table }, "balancer");
    return { deps, endpoints, picker: bounded.build(endpoints, deps), free: plain.build(endpoints, deps) };
  }

  it("never lets an endpoint exceed its factor, whatever is called, ends or hangs", () => {
    const schedule = fc.record({
      count: fc.integer({ min: 1, max: 40 }),
      factor: fc.constantFrom(1.01, 1.25, 2, 10),
      weights: fc.array(fc.constantFrom(1, 1, 2, 30), { minLength: 40, maxLength: 40 }),
      // A key that is hot, others, none; or the end of one of the calls that are running.
      steps: fc.array(
        fc.oneof(fc.constantFrom("hot", "hot", undefined), fc.string({ maxLength: 2 }), fc.nat(50)),
        {
          maxLength: 150,
        },
      ),
    });
    fc.assert(
      fc.property(schedule, ({ count, factor, steps, weights }) => {
        const { deps, endpoints, picker } = world(count, factor, (i) => ({ weight: weights[i]! }));
        const all = weights.slice(0, count).reduce((sum, weight) => sum + weight, 0);
        const running: EndpointState[] = [];
        // Others of the service are busy too, which is no business of this list's: some that are leaving, say.
        const others = endpointStates(3, deps.table);
        for (const [at, step] of steps.entries()) {
          for (const { offset } of others) for (let i = at % 90; i >= 0; i--) deps.table.started(offset);
          if (typeof step === "number") {
            const [ended] = running.splice(step % Math.max(running.length, 1), 1);
            if (ended !== undefined) deps.table.finished(ended.offset);
            continue;
          }
          const picked = picker.pick(pickContext({ hashKey: step }))!;
          const share = (factor * (running.length + 1) * picked.spec.weight) / all;
          expect(picked.pending + 1).toBeLessThanOrEqual(Math.ceil(share - 1e-9));
          expect(endpoints).toContain(picked);
          deps.table.started(picked.offset);
          running.push(picked);
        }
      }),
      { seed: 41, numRuns: 300 },
    );
  });

  it("spreads one hot key over as many endpoints as its load needs, and brings it home when that is over", () => {
    const { deps, picker } = world(20, 1.25);
    const hot = pickContext({ hashKey: "hot" });
    const home = picker.pick(hot)!;
    const running: EndpointState[] = [];
    for (let i = 0; i < 400; i++) {
      const picked = picker.pick(hot)!;
      deps.table.started(picked.offset);
      running.push(picked);
    }
    expect(Math.max(...running.map(({ pending }) => pending))).toBe(25);
    expect(home.pending).toBe(25);
    for (const { offset } of running) deps.table.finished(offset);
    expect(picker.pick(hot)).toBe(home);
  });

  it("leaves keys at home while nobody is over the bound, and moves few of them at a factor of 2", () => {
    const { deps, endpoints, free, picker } = world(20, 2);
    for (const { offset } of endpoints) for (let i = 0; i < 10; i++) deps.table.started(offset);
    for (let i = 0; i < 500; i++) {
      const context = pickContext({ hashKey: `key-${i}` });
      expect(picker.pick(context)).toBe(free.pick(context));
    }
  });

  it("sends the overflow of a full endpoint to all others, not to one neighbour", () => {
    const { deps, free, picker } = world(10, 1.25);
    const crowd = Array.from({ length: 5_000 }, (_, i) => pickContext({ hashKey: `key-${i}` }));
    const full = free.pick(crowd[0]!)!;
    for (let i = 0; i < 50; i++) deps.table.started(full.offset);
    const counts = new Map<EndpointState, number>();
    for (const context of crowd.filter((one) => free.pick(one) === full)) {
      const standIn = picker.pick(context)!;
      counts.set(standIn, (counts.get(standIn) ?? 0) + 1);
      // The same one each time: a key that is passed on has a second home.
      expect(picker.pick(context)).toBe(standIn);
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    expect(counts.has(full)).toBe(false);
    expect(counts.size).toBe(9);
    expect(Math.max(...counts.values()) / total).toBeLessThan(0.25);
  });

  it("shares what closed endpoints leave among the open ones, without losing their keys' homes", () => {
    const { deps, endpoints, free, picker } = world(10, 1.25);
    for (const { offset } of endpoints.slice(0, 5)) deps.table.setClosed(offset, true);
    for (const { offset } of endpoints.slice(5)) for (let i = 0; i < 10; i++) deps.table.started(offset);
    // At half of the endpoints each has twice its share of before: that is no reason to move.
    for (let i = 0; i < 500; i++) {
      const context = pickContext({ hashKey: `key-${i}` });
      expect(picker.pick(context)).toBe(free.pick(context));
    }
  });

  it("finds the last endpoint with room among hundreds", () => {
    const { deps, endpoints, picker } = world(300, 1.001);
    const idle = endpoints[123]!;
    for (const { offset } of endpoints.filter((endpoint) => endpoint !== idle)) {
      for (let i = 0; i < 5; i++) deps.table.started(offset);
    }
    for (let i = 0; i < 100; i++) expect(picker.pick(pickContext({ hashKey: `key-${i}` }))).toBe(idle);
  });

  it("takes the least busy one where those with room may not be had", () => {
    const { deps, endpoints, picker } = world(4, 1.25);
    const [busy, busier, closed, tried] = endpoints;
    for (let i = 0; i < 20; i++) deps.table.started(busy!.offset);
    for (let i = 0; i < 30; i++) deps.table.started(busier!.offset);
    deps.table.setClosed(closed!.offset, true);
    const context = pickContext({ hashKey: "ann", tried: [tried!] });
    expect(picker.pick(context)).toBe(busy);
  });
});

describe("resolveBoundedLoad", () => {
  it("has a factor of 1.25 unless told otherwise, and is off unless asked for", () => {
    expect(resolveBoundedLoad({}, "b")).toEqual({ factor: 1.25 });
    expect(resolveBoundedLoad({ factor: 2 }, "b")).toEqual({ factor: 2 });
    expect(resolveBoundedLoad(undefined, "b")).toBeUndefined();
  });

  it.each([
    [{ factor: 1 }, "b.factor must be a number above 1 and at most 10, got 1"],
    [{ factor: 125 }, "b.factor must be a number above 1 and at most 10, got 125"],
    [{ faktor: 2 }, "b.faktor must be left out (b takes factor), got 2"],
    [true, "b must be an object, got true"],
  ])("refuses %j", (input, message) => {
    expect(() => resolveBoundedLoad(input, "b")).toThrow(message);
  });
});
