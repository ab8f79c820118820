import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import { HashPicker } from "../../src/balancers/hash-picker.ts";
import { HashRing } from "../../src/balancers/hash-ring.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import { endpointStates, pickContext, pickerDeps } from "../support/balancing.ts";

function ringOf(options: object, count: number, over?: (index: number) => Partial<Endpoint>): HashRing {
  const deps = pickerDeps(1);
  const picker = resolveBalancer({ type: "ring-hash", ...options }, "balancer").build(
    endpointStates(count, deps.table, over),
    deps,
  );
  if (picker instanceof HashPicker && picker.table instanceof HashRing) return picker.table;
  throw new Error("no ring");
}

/** How many points each member has, the members in the order of their ids. */
function pointsOf(ring: HashRing): number[] {
  const counts = new Map<string, number>();
  for (let place = 0; place < ring.size; place++) {
    const { id } = ring.members.endpoints[ring.memberAt(place)]!;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)))
    .map(([, points]) => points);
}

describe("the ring", () => {
  it("has 64 points for each endpoint, and 1,024 in all at least", () => {
    expect(pointsOf(ringOf({}, 100))).toEqual(Array.from({ length: 100 }, () => 64));
    expect(pointsOf(ringOf({}, 1))).toEqual([1_024]);
    expect(ringOf({ minRingSize: 50_000 }, 10).size).toBeCloseTo(50_000, -2);
  });

  it("has points in proportion to weights, one at least", () => {
    const weights = [1, 1, 1, 2, 0.5, 0.001];
    expect(
      pointsOf(ringOf({ minRingSize: 1, maxRingSize: 8_388_608 }, 6, (i) => ({ weight: weights[i]! }))),
    ).toEqual([64, 64, 64, 128, 32, 1]);
  });

  it("keeps to its largest size, without leaving anybody out", () => {
    const ring = ringOf({ maxRingSize: 2_048 }, 500);
    expect(ring.size).toBeGreaterThan(1_900);
    expect(ring.size).toBeLessThan(2_200);
    expect(Math.min(...pointsOf(ring))).toBeGreaterThanOrEqual(4);
    expect(pointsOf(ringOf({ maxRingSize: 10 }, 50))).toEqual(Array.from({ length: 50 }, () => 1));
    expect(ringOf({}, 10, (i) => ({ weight: i === 0 ? 1_000_000 : 1 })).size).toBeLessThan(66_000);
  });

  it("finds the first point at or after a hash, round and round", () => {
    const ring = ringOf({}, 3);
    const places: number[] = [];
    for (let hash = 0; hash < 2 ** 32; hash += 10_007) places.push(ring.find(hash | 0));
    // Hashes go up, and so do places, until they begin again.
    const end = places.lastIndexOf(ring.size - 1) + 1;
    expect(places.slice(0, end)).toEqual(places.slice(0, end).toSorted((a, b) => a - b));
    expect(new Set(places.slice(end))).toEqual(new Set([0]));
    expect(new Set(places).size).toBeGreaterThan(ring.size * 0.98);
  });

  it("is the same ring whether built at once or change by change", () => {
    const deps = pickerDeps(1);
    const endpoints = endpointStates(60, deps.table, (i) => ({ weight: 1 + (i % 4) }));
    const balancer = resolveBalancer("ring-hash", "balancer");
    let picker = balancer.build(endpoints.slice(0, 20), deps);
    for (let i = 0; i < 40; i++) picker = balancer.build(endpoints.slice(i >> 1, 20 + i), deps, picker);
    const atOnce = balancer.build(endpoints.slice(19, 59), deps);
    for (let i = 0; i < 5_000; i++) {
      const context = pickContext({ hashKey: `key-${i}` });
      expect(picker.pick(context)).toBe(atOnce.pick(context));
    }
  });

  it("takes a change of one weight, and moves little more than that", () => {
    const deps = pickerDeps(1);
    const endpoints = endpointStates(50, deps.table);
    const balancer = resolveBalancer("ring-hash", "balancer");
    const before = balancer.build(endpoints, deps);
    const contexts = Array.from({ length: 10_000 }, (_, i) => pickContext({ hashKey: `key-${i}` }));
    const homes = contexts.map((context) => before.pick(context));
    endpoints[0]!.update({ ...endpoints[0]!.spec, weight: 2 });
    const after = balancer.build(endpoints, deps, before);
    const moved = contexts.filter((context, i) => after.pick(context) !== homes[i]);
    expect(moved.length / contexts.length).toBeLessThan(2 / 50);
    expect(moved.every((context) => after.pick(context) === endpoints[0])).toBe(true);
  });
});

describe("ring-hash options", () => {
  it.each([
    [{ minRingSize: 0 }, "b.minRingSize must be a whole number from 1 to 8388608, got 0"],
    [{ maxRingSize: 8_388_609 }, "b.maxRingSize must be a whole number from 1 to 8388608, got 8388609"],
    [{ minRingSize: 5, maxRingSize: 4 }, "b.minRingSize must be at most b.maxRingSize (4), got 5"],
    [
      { boundedLoad: { factor: 0.5 } },
      "b.boundedLoad.factor must be a number above 1 and at most 10, got 0.5",
    ],
    [{ hashOn: [{ header: 1 }] }, "b.hashOn[0].header must be the name of a header, got 1"],
    [
      { tableSize: 7 },
      "b.tableSize must be left out (b takes type, hashOn, minRingSize, maxRingSize, boundedLoad), got 7",
    ],
  ])("refuses %j", (options, message) => {
    expect(() => resolveBalancer({ type: "ring-hash", ...options }, "b")).toThrow(message);
  });

  it("let one size follow the other", () => {
    expect(ringOf({ maxRingSize: 100 }, 4).size).toBeLessThanOrEqual(104);
    expect(ringOf({ minRingSize: 200_000 }, 4).size).toBeGreaterThan(199_000);
  });
});
