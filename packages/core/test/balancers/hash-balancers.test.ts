import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import type { Picker } from "../../src/balancers/picker.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { LoadTable } from "../../src/endpoints/load-table.ts";
import { seededRandom } from "../../src/random.ts";
import { endpointStates, pickContext, pickerDeps } from "../support/balancing.ts";

const keys = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

function homesOf(picker: Picker, of: readonly string[] = keys): readonly EndpointState[] {
  return of.map((hashKey) => picker.pick(pickContext({ hashKey }))!);
}

/** How often each endpoint is there, by id, in relation to an even share. */
function sharesOf(endpoints: readonly EndpointState[], count: number): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const { id } of endpoints) shares.set(id, (shares.get(id) ?? 0) + count / endpoints.length);
  return shares;
}

function shuffled<T>(list: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  return list
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

describe.each(["ring-hash", "maglev"] as const)("the %s picker", (type) => {
  const balancer = resolveBalancer(type, "balancer");

  function world(count: number, over?: (index: number) => Partial<Endpoint>, seed = 1) {
    const deps = pickerDeps(seed);
    const endpoints = endpointStates(count, deps.table, over);
    return { deps, table: deps.table, endpoints, picker: balancer.build(endpoints, deps) };
  }

  it("sends a key to the same endpoint each time, and different keys to different ones", () => {
    const { picker } = world(10);
    const homes = homesOf(picker);
    expect(homesOf(picker)).toEqual(homes);
    expect(new Set(homes).size).toBe(10);
  });

  it("has the same homes in every process, in whatever order it learned of the endpoints", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer(), fc.integer(), (count, seed, other) => {
        const weighted = (i: number): Partial<Endpoint> => ({ weight: (i % 3) + 1 });
        const sample = keys.slice(0, 300);
        const { deps, endpoints, picker } = world(count, weighted, seed);
        const elsewhere = world(count, weighted, other);
        const again = balancer.build(shuffled(elsewhere.endpoints, other), elsewhere.deps);
        const ids = homesOf(picker, sample).map(({ id }) => id);
        expect(homesOf(again, sample).map(({ id }) => id)).toEqual(ids);
        // And so has one that came to its list by way of others.
        const fewer = balancer.build(shuffled(endpoints, seed).slice(1 + (count >> 1)), deps, picker);
        const back = balancer.build(shuffled(endpoints, other), deps, fewer);
        expect(homesOf(back, sample).map(({ id }) => id)).toEqual(ids);
      }),
      { seed: 21, numRuns: 20 },
    );
  });

  it("moves at most 2 of N keys when one of 100 endpoints leaves, and brings them back with it", () => {
    const { deps, endpoints, picker } = world(100);
    const before = homesOf(picker);
    for (let gone = 0; gone < 100; gone += 9) {
      const without = endpoints.filter((_, i) => i !== gone);
      const less = balancer.build(without, deps, picker);
      const after = homesOf(less);
      const moved = after.filter((home, i) => home !== before[i]).length;
      expect(after).not.toContain(endpoints[gone]);
      expect(moved / keys.length).toBeLessThanOrEqual(2 / 100);
      expect(homesOf(balancer.build(endpoints, deps, less))).toEqual(before);
    }
  });

  it("moves about 2 of N keys at most, however few endpoints there are", () => {
    for (const count of [2, 3, 7, 16, 33]) {
      const { deps, endpoints, picker } = world(count);
      const before = homesOf(picker);
      const after = homesOf(balancer.build(endpoints.slice(1), deps, picker));
      const moved = after.filter((home, i) => home !== before[i]).length;
      expect(moved / keys.length).toBeLessThanOrEqual(Math.min(1, 2 / count) + 0.005);
    }
  });

  it("spreads keys in proportion to weights", () => {
    const { picker } = world(20, (i) => ({ weight: i < 10 ? 1 : 3 }));
    for (const [id, share] of sharesOf(homesOf(picker), 40)) {
      const weight = Number(id.slice(1)) < 10 ? 1 : 3;
      expect(share / weight).toBeGreaterThan(0.6);
      expect(share / weight).toBeLessThan(1.45);
    }
  });

  it("gives even the lightest endpoint something, and survives weights a million times apart", () => {
    const { picker, endpoints } = world(3, (i) => ({ weight: [1_000_000, 1, 0.000_001][i]! }));
    const shares = sharesOf(homesOf(picker), 1);
    expect(shares.get("e0")).toBeGreaterThan(0.9);
    const tried = [endpoints[0]!];
    const standIns = keys.map((hashKey) => picker.pick(pickContext({ hashKey, tried }))!);
    expect(standIns).not.toContain(endpoints[0]);
    expect(standIns).toContain(endpoints[1]);
  });

  it("sends requests without a key anywhere, in proportion to weights", () => {
    const { picker } = world(4, (i) => ({ weight: i === 0 ? 3 : 1 }));
    const picks = Array.from({ length: 20_000 }, () => picker.pick(pickContext())!);
    const shares = sharesOf(picks, 6);
    expect(shares.get("e0")).toBeGreaterThan(2.5);
    expect(shares.get("e0")).toBeLessThan(3.5);
    expect(shares.get("e1")).toBeGreaterThan(0.7);
  });

  it("knows an endpoint by its hashKey, so that its keys stay when its address changes", () => {
    const named = (i: number): Partial<Endpoint> => ({ metadata: { hashKey: `orders-${i}` } });
    const { picker } = world(10, named);
    const moved = world(10, (i) => ({ ...named(i), host: `10.1.2.${i}` }));
    expect(homesOf(moved.picker).map(({ id }) => id)).toEqual(homesOf(picker).map(({ id }) => id));
    const nameless = world(10, (i) => ({ host: `10.1.2.${i}` }));
    expect(homesOf(nameless.picker).map(({ id }) => id)).not.toEqual(homesOf(picker).map(({ id }) => id));
  });

  it("knows all but the first of one hashKey by their addresses, so that a name given twice overloads nobody", () => {
    const shared = (i: number): Partial<Endpoint> => ({ metadata: { hashKey: `orders-${i >> 1}` } });
    const { deps, endpoints, picker } = world(40, shared);
    const shares = sharesOf(homesOf(picker), 40);
    expect(shares.size).toBe(40);
    expect(Math.max(...shares.values())).toBeLessThan(2);
    // The name, and what belongs to it, goes over to the other when the first leaves.
    const [first, second] = endpoints;
    const before = homesOf(picker);
    const after = homesOf(balancer.build(endpoints.slice(1), deps, picker));
    const inherited = after.filter((_, i) => before[i] === first);
    expect(inherited.filter((home) => home === second).length / inherited.length).toBeGreaterThan(0.8);
  });

  it("decides the same between endpoints of one hashKey, whoever came first", () => {
    const { deps, endpoints } = world(4, (i) => ({ weight: 4 - i, metadata: { hashKey: "orders" } }));
    for (const [first, second] of [
      [endpoints.slice(0, 2), endpoints],
      [endpoints.slice(2), endpoints.toReversed()],
      [endpoints.slice(1), endpoints.slice(0, 2)],
    ] as const) {
      const atOnce = homesOf(balancer.build(second.toReversed(), deps), keys.slice(0, 500));
      const picker = balancer.build(second, deps, balancer.build(first, deps));
      expect(homesOf(picker, keys.slice(0, 500))).toEqual(atOnce);
    }
  });

  it("passes over closed endpoints and leaves the keys of the others where they are", () => {
    const { picker, endpoints, table } = world(20);
    const before = homesOf(picker);
    const closed = new Set(endpoints.slice(0, 10));
    for (const { offset } of closed) table.setClosed(offset, true);
    const after = homesOf(picker);
    expect(after.filter((home) => closed.has(home))).toEqual([]);
    expect(after.filter((_, i) => !closed.has(before[i]!))).toEqual(
      before.filter((home) => !closed.has(home)),
    );
    expect(homesOf(picker)).toEqual(after);
    // What the closed ones had is spread, not heaped on one.
    for (const share of sharesOf(after, 10).values()) expect(share).toBeLessThan(2);
    for (const { offset } of closed) table.setClosed(offset, false);
    expect(homesOf(picker)).toEqual(before);
  });

  it("still picks when everything is closed, and something untried before anything tried", () => {
    const { picker, endpoints, table } = world(200);
    const before = homesOf(picker);
    for (const { offset } of endpoints) table.setClosed(offset, true);
    expect(homesOf(picker)).toEqual(before);
    for (const [i, home] of before.slice(0, 500).entries()) {
      expect(picker.pick(pickContext({ hashKey: keys[i], tried: [home] }))).not.toBe(home);
    }
  });

  it("has a second choice for each key, in every process the same", () => {
    const { picker } = world(10);
    const other = world(10, undefined, 9);
    const again = balancer.build(shuffled(other.endpoints, 9), other.deps);
    for (const hashKey of keys.slice(0, 500)) {
      const seconds = [picker, again].map((one) => {
        const first = one.pick(pickContext({ hashKey }))!;
        return one.pick(pickContext({ hashKey, tried: [first] }))!.id;
      });
      expect(seconds[0]).toBe(seconds[1]);
    }
  });

  it("never repeats a tried endpoint, nor takes a closed one, while there is another", () => {
    const actions = fc.record({
      count: fc.integer({ min: 1, max: 20 }),
      closed: fc.array(fc.nat(19), { maxLength: 19 }),
      tried: fc.array(fc.nat(19), { maxLength: 19 }),
      weights: fc.array(fc.constantFrom(1, 1, 1, 50), { minLength: 20, maxLength: 20 }),
      hashKey: fc.option(fc.string(), { nil: undefined }),
      seed: fc.integer(),
      bounded: fc.boolean(),
    });
    fc.assert(
      fc.property(actions, ({ bounded, closed, count, hashKey, seed, tried, weights }) => {
        const deps = pickerDeps(seed);
        const endpoints = endpointStates(count, deps.table, (i) => ({ weight: weights[i]! }));
        const table = type === "maglev" ? { tableSize: 997 } : {};
        const policy = { type, ...table, ...(bounded ? { boundedLoad: {} } : {}) };
        const picker = resolveBalancer(policy, "balancer").build(endpoints, deps);
        const out = (indices: readonly number[]): EndpointState[] =>
          indices.flatMap((i) => endpoints[i] ?? []);
        for (const { offset } of out(closed)) deps.table.setClosed(offset, true);
        const picked = picker.pick(pickContext({ hashKey, tried: out(tried) }))!;
        const untried = endpoints.filter((endpoint) => !out(tried).includes(endpoint));
        const usable = untried.filter((endpoint) => !out(closed).includes(endpoint));
        const best = [usable, untried, endpoints].find(({ length }) => length > 0);
        expect(best).toContain(picked);
      }),
      { seed: 31, numRuns: 500 },
    );
  });

  it("tells its choice, and its first choice where that was another", () => {
    const { picker, endpoints, table } = world(5);
    const told = (): EndpointState[] => {
      const trace: { endpoint: EndpointState; cost: number }[] = [];
      picker.pick(pickContext({ hashKey: "ann" }), trace);
      return trace.map(({ endpoint }) => endpoint);
    };
    const [home] = told();
    expect(told()).toEqual([home]);
    table.setClosed(home!.offset, true);
    expect(told()).toEqual([endpoints.find((one) => one === told()[0]), home]);
    expect(told()[0]).not.toBe(home);
  });

  it("has nothing to pick from an empty service", () => {
    expect(world(0).picker.pick(pickContext({ hashKey: "ann" }))).toBeUndefined();
  });

  it("keeps the homes when only records, health or labels of the same endpoints change", () => {
    const { deps, endpoints, picker } = world(50);
    const before = homesOf(picker).map(({ id }) => id);
    const renewed = endpointStates(50, new LoadTable(), () => ({ version: "2", health: "degraded" }));
    const next = balancer.build(renewed, deps, picker);
    const after = homesOf(next);
    expect(after.map(({ id }) => id)).toEqual(before);
    expect(after.every((endpoint) => renewed.includes(endpoint))).toBe(true);
    expect(endpoints).not.toContain(after[0]);
  });
});
