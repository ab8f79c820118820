import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Endpoint, Locality } from "../../../src/discovery/source.ts";
import type { EndpointState } from "../../../src/endpoints/endpoint-state.ts";
import { LoadTable } from "../../../src/endpoints/load-table.ts";
import { subsetterFor } from "../../../src/endpoints/subset/subsetter.ts";
import { resolveLocality } from "../../../src/endpoints/traffic/locality-policy.ts";
import { passedOver, planTraffic } from "../../../src/endpoints/traffic/traffic-plan.ts";
import type { TrafficPlan } from "../../../src/endpoints/traffic/traffic-plan.ts";
import { endpointStates } from "../../support/balancing.ts";

interface World {
  readonly states: readonly EndpointState[];
  readonly plan: (closed?: readonly number[]) => TrafficPlan;
}

function world(
  specs: readonly Partial<Endpoint>[],
  locality: unknown = false,
  caller?: Locality,
  panicThreshold = 0.5,
): World {
  const table = new LoadTable();
  const states = endpointStates(specs.length, table, (index) => specs[index]!);
  const options = {
    locality: resolveLocality(locality === "by default" ? undefined : locality, "locality", caller),
    subsetter: subsetterFor(false, 1, undefined),
    panicThreshold,
  };
  return {
    states,
    plan: (closed = []) => {
      for (const [index, { offset }] of states.entries()) table.setClosed(offset, closed.includes(index));
      return planTraffic(states, options);
    },
  };
}

/** Endpoints per zone, as specs. */
function zones(counts: Readonly<Record<string, number>>): readonly Partial<Endpoint>[] {
  return Object.entries(counts).flatMap(([zone, count]) =>
    Array.from({ length: count }, () => ({ locality: { zone } })),
  );
}

/** What each zone gets, in percent. */
function byZone({ groups }: TrafficPlan): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const { endpoints, share } of groups) {
    for (const { spec } of endpoints) {
      const zone = spec.locality?.zone ?? "";
      shares[zone] = (shares[zone] ?? 0) + (100 * share) / endpoints.length;
    }
  }
  return Object.fromEntries(
    Object.entries(shares).map(([zone, share]) => [zone, Math.round(share * 10) / 10]),
  );
}

describe("priorities in a plan", () => {
  const two = [
    ...Array.from({ length: 4 }, () => ({ priority: 0 })),
    ...Array.from({ length: 4 }, () => ({ priority: 1 })),
  ];

  it("spill in part when many of the better one are lost, not at all when few are, and whole when all are", () => {
    const { plan, states } = world(two);
    expect(plan().groups.map(({ share }) => share)).toEqual([1]);
    expect(plan([0]).groups).toEqual([{ endpoints: states.slice(1, 4), share: 1 }]);
    const gentle = plan([0, 1]).groups.map(({ share }) => Number(share.toFixed(3)));
    expect(gentle).toEqual([0.7, 0.3]);
    expect(plan([0, 1, 2, 3]).groups).toEqual([{ endpoints: states.slice(4), share: 1 }]);
  });

  it("panic only when all of them together are not enough", () => {
    const { plan } = world(two);
    expect(plan([0, 1, 2, 3]).panic).toBe(false);
    const poor = plan([0, 1, 2, 4, 5, 6]);
    expect(poor.panic).toBe(true);
    expect(poor.groups.map(({ endpoints }) => endpoints.length)).toEqual([4, 4]);
    expect(plan([0, 1, 2, 3, 4, 5, 6, 7]).groups[0]?.endpoints).toHaveLength(4);
  });

  it("say why they are passed over", () => {
    const { plan, states } = world(two);
    const healthy = plan();
    expect(passedOver(healthy, states[5]!)).toBe("worse priority");
    expect(passedOver(healthy, states[0]!)).toBeUndefined();
    expect(passedOver(plan([0, 1, 2, 3]), states[0]!)).toBe("too few healthy");
  });

  it("look at each endpoint once, however many are passed over and asked about", () => {
    const each = 500;
    const many = [0, 1].flatMap((priority) => Array.from({ length: each }, () => ({ priority })));
    const { plan, states } = world(many);
    let reads = 0;
    const counted = (endpoints: readonly EndpointState[]): readonly EndpointState[] =>
      new Proxy(endpoints, {
        get: (target, key, receiver) => {
          if (typeof key === "string" && /^\d+$/.test(key)) reads++;
          return Reflect.get(target, key, receiver);
        },
      });
    const made = plan();
    const groups = made.groups.map(({ endpoints, share }) => ({ endpoints: counted(endpoints), share }));
    const watched = { ...made, groups };
    const told = states.map((state) => passedOver(watched, state));
    expect(told.filter((kind) => kind === "worse priority")).toHaveLength(each);
    expect(reads).toBe(each);
  });

  it("have no place for who drains or has no weight, in panic neither", () => {
    const { plan } = world([{ health: "draining" }, { weight: 0 }, {}]);
    expect(plan([2]).groups[0]?.endpoints).toHaveLength(1);
  });
});

describe("zone-aware routing", () => {
  it.each([
    // Enough at home: all stay.
    [{ a: 2, b: 2, c: 2 }, "a", { a: 100 }],
    [{ a: 4, b: 1, c: 1 }, "a", { a: 100 }],
    // A third of the callers and a sixth of the endpoints: half stays, the rest goes where there is room.
    [{ a: 2, b: 5, c: 5 }, "a", { a: 50, b: 25, c: 25 }],
    [{ a: 1, b: 10, c: 1 }, "a", { a: 25, b: 75 }],
    [{ a: 1, b: 10, c: 1 }, "b", { b: 100 }],
  ])("with endpoints %j sends callers of zone %s to %j", (counts, zone, shares) => {
    const { plan } = world(zones(counts), "by default", { zone });
    expect(byZone(plan())).toEqual(shares);
  });

  it.each([
    [{ a: 2, b: 5, c: 5 }],
    [{ a: 1, b: 10, c: 1 }],
    [{ a: 3, b: 3, c: 3 }],
    [{ a: 6, b: 1, c: 2 }],
    [{ a: 2, b: 4, c: 9 }],
  ])("loads every endpoint of %j alike when the callers are spread evenly", (counts) => {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const load: Record<string, number> = {};
    for (const zone of Object.keys(counts)) {
      for (const [name, share] of Object.entries(
        byZone(world(zones(counts), "by default", { zone }).plan()),
      )) {
        load[name] = (load[name] ?? 0) + share / 3;
      }
    }
    for (const [zone, count] of Object.entries(counts)) {
      expect(load[zone]! / count).toBeGreaterThan((100 / total) * 0.95);
      expect(load[zone]! / count).toBeLessThan((100 / total) * 1.05);
    }
  });

  it("knows callers that are not spread evenly", () => {
    const locality = { mode: "zone-aware", callers: { a: 8, b: 1, c: 1 } };
    const { plan } = world(zones({ a: 4, b: 3, c: 3 }), locality, { zone: "a" });
    expect(byZone(plan())).toEqual({ a: 50, b: 25, c: 25 });
  });

  it("spreads over what is left when the caller's zone is lost, or never had an endpoint", () => {
    const { plan } = world(zones({ a: 4, b: 4, c: 4 }), "by default", { zone: "a" });
    expect(byZone(plan([0, 1, 2, 3]))).toEqual({ b: 50, c: 50 });
    expect(byZone(world(zones({ b: 4, c: 4 }), "by default", { zone: "a" }).plan())).toEqual({
      b: 50,
      c: 50,
    });
  });

  it("is off for small services, and without a zone", () => {
    expect(byZone(world(zones({ a: 1, b: 4 }), "by default", { zone: "a" }).plan())).toEqual({
      a: 20,
      b: 80,
    });
    expect(byZone(world(zones({ a: 2, b: 8 }), "by default", {}).plan())).toEqual({ a: 20, b: 80 });
  });
});

describe("locality weights", () => {
  it("hold until a zone has lost more than the overprovisioning allows for", () => {
    const { plan } = world(zones({ a: 5, b: 5 }), { mode: "weighted", weights: { a: 1, b: 3 } });
    expect(byZone(plan())).toEqual({ a: 25, b: 75 });
    expect(byZone(plan([5]))).toEqual({ a: 25, b: 75 });
    expect(byZone(plan([5, 6, 7, 8]))).toEqual({ a: 54.3, b: 45.7 });
    expect(byZone(plan([5, 6, 7, 8, 9]))).toEqual({ a: 100 });
  });

  it("give way where nothing with a weight is left", () => {
    const { plan } = world(zones({ a: 2, b: 2 }), { mode: "weighted", weights: { b: 1 } });
    expect(byZone(plan([2, 3]))).toEqual({ a: 100 });
  });
});

describe("failover between localities", () => {
  const specs = [
    ...Array.from({ length: 4 }, () => ({ locality: { region: "eu", zone: "eu-1" } })),
    ...Array.from({ length: 4 }, () => ({ locality: { region: "eu", zone: "eu-2" } })),
    ...Array.from({ length: 4 }, () => ({ locality: { region: "us", zone: "us-1" } })),
  ];

  it("goes to the same zone, then the same region, then anywhere", () => {
    const { plan } = world(specs, { mode: "failover" }, { region: "eu", zone: "eu-1" });
    expect(byZone(plan())).toEqual({ "eu-1": 100 });
    expect(byZone(plan([0, 1]))).toEqual({ "eu-1": 70, "eu-2": 30 });
    expect(byZone(plan([0, 1, 2, 3]))).toEqual({ "eu-2": 100 });
    expect(byZone(plan([0, 1, 2, 3, 4, 5, 6, 7]))).toEqual({ "us-1": 100 });
  });

  it("follows an order that is given", () => {
    const { plan } = world(
      specs,
      { mode: "failover", order: ["us", "eu-2"] },
      { region: "eu", zone: "eu-1" },
    );
    expect(byZone(plan())).toEqual({ "us-1": 100 });
    expect(byZone(plan([8, 9, 10, 11]))).toEqual({ "eu-2": 100 });
  });
});

describe("any plan", () => {
  it("shares all of the traffic among open endpoints, or panics", () => {
    const spec = fc.record({
      priority: fc.nat(2),
      weight: fc.constantFrom(0, 1, 5),
      health: fc.constantFrom("healthy", "draining", "unknown"),
      zone: fc.constantFrom("a", "b", "c"),
      isClosed: fc.boolean(),
    });
    const localities = [
      false,
      undefined,
      { mode: "failover" },
      { mode: "weighted", weights: { a: 1, c: 2 } },
    ];
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 30 }), fc.constantFrom(...localities), (given, locality) => {
        const specs = given.map(({ health, priority, weight, zone }) => ({
          priority,
          weight,
          health,
          locality: { zone },
        })) as Partial<Endpoint>[];
        const { plan } = world(specs, locality, { zone: "a" });
        const made = plan(given.flatMap(({ isClosed }, index) => (isClosed ? [index] : [])));
        const total = made.groups.reduce((sum, { share }) => sum + share, 0);
        const isEmpty = !specs.some(({ health, weight }) => health !== "draining" && weight !== 0);
        expect(total).toBeCloseTo(isEmpty ? 0 : 1);
        const picked = made.groups.flatMap(({ endpoints }) => endpoints);
        for (const state of picked) {
          expect(state.spec.health).not.toBe("draining");
          expect(state.spec.weight).toBeGreaterThan(0);
          expect(state.open || made.panic).toBe(true);
        }
        for (const { endpoints } of made.groups) expect(endpoints.length).toBeGreaterThan(0);
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});

describe("the options of locality", () => {
  it.each([
    [{ mode: "near" }, 'locality.mode must be "zone-aware", "weighted" or "failover", got "near"'],
    [{ mode: "weighted" }, "locality.weights must be weights by zone"],
    [
      { mode: "weighted", weights: { a: -1 } },
      "locality.weights.a must be a number from 0 to 1000000, got -1",
    ],
    [{ mode: "failover", order: [1] }, "locality.order[0] must be the name of a region or zone, got 1"],
    [{ mode: "zone-aware", weights: {} }, "locality.weights must be left out in mode"],
    [{ mode: "zone-aware" }, "locality.zone must be given where locality is zone-aware"],
  ])("refuse %j", (input, message) => {
    expect(() => resolveLocality(input, "locality", undefined)).toThrow(message);
  });
});
