import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import type { BalancerName } from "../../src/balancers/balancers.ts";
import type { Picker, PickerDeps } from "../../src/balancers/picker.ts";
import { buildSplit } from "../../src/balancers/split.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import type { AttemptResult } from "../../src/endpoints/attempt-result.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { subsetterFor } from "../../src/endpoints/subset/subsetter.ts";
import type { Subsetter } from "../../src/endpoints/subset/subsetter.ts";
import { resolveLocality } from "../../src/endpoints/traffic/locality-policy.ts";
import { planTraffic } from "../../src/endpoints/traffic/traffic-plan.ts";
import type { TrafficGroup, TrafficOptions } from "../../src/endpoints/traffic/traffic-plan.ts";
import { BalancingViews } from "../../src/engine/balancing-views.ts";
import { endpointStates, pickContext, pickerDeps, sharesOf } from "../support/balancing.ts";

const keys = Array.from({ length: 5_000 }, (_, i) => `user-${i}`);
const whole: Subsetter = subsetterFor(false, 1, undefined);

function answer(latencyMs: number, over: Partial<AttemptResult> = {}): AttemptResult {
  return {
    outcome: "success",
    status: 200,
    phase: "body",
    timedOut: false,
    isSuperseded: false,
    isAnswered: false,
    latencyMs,
    headers: {},
    ...over,
  };
}

function homesOf(picker: Picker): readonly EndpointState[] {
  return keys.map((hashKey) => picker.pick(pickContext({ hashKey }))!);
}

describe.each(["ring-hash", "maglev"] as const)("%s where traffic is divided", (type) => {
  const balancer = resolveBalancer(type, "balancer");

  function world(
    count: number,
    traffic: Partial<TrafficOptions>,
    over: (index: number) => Partial<Endpoint>,
    seed = 1,
  ) {
    const deps = pickerDeps(seed);
    const endpoints = endpointStates(count, deps.table, over);
    const options = {
      locality: { mode: "none" },
      subsetter: whole,
      panicThreshold: 0.5,
      ...traffic,
    } as const;
    const groups = (): readonly TrafficGroup[] => planTraffic(endpoints, options).groups;
    return { deps, endpoints, groups, picker: buildSplit(balancer, groups(), deps, undefined) };
  }

  const inZones = (i: number): Partial<Endpoint> => ({ locality: { zone: `z${i % 3}` } });

  it.each<readonly [string, Partial<TrafficOptions>, (index: number) => Partial<Endpoint>]>([
    [
      "a zone that keeps some of its calls",
      { locality: resolveLocality({ callers: { z0: 2, z1: 1 } }, "", { zone: "z0" }) },
      inZones,
    ],
    [
      "weighted zones",
      { locality: resolveLocality({ mode: "weighted", weights: { z0: 1, z2: 3 } }, "", {}) },
      inZones,
    ],
    [
      "the edges of an aperture",
      { subsetter: subsetterFor({ type: "aperture", size: 5 }, 1, { index: 1, total: 7 }) },
      () => ({}),
    ],
  ])("sends a key to one endpoint, whatever chance says, with %s", (_, traffic, over) => {
    const { deps, groups, picker } = world(12, traffic, over);
    expect(groups().length).toBeGreaterThan(1);
    const homes = homesOf(picker);
    for (let i = 0; i < 5; i++) expect(homesOf(picker)).toEqual(homes);
    const other = buildSplit(balancer, groups(), { ...deps, random: () => 0.999 }, undefined);
    expect(homesOf(other)).toEqual(homes);
    // And each endpoint has the part of the keys that its groups say.
    const wanted = new Map<EndpointState, number>();
    for (const { endpoints, share } of groups()) {
      for (const endpoint of endpoints) {
        wanted.set(endpoint, (wanted.get(endpoint) ?? 0) + share / endpoints.length);
      }
    }
    for (const [endpoint, share] of wanted) {
      const part = homes.filter((home) => home === endpoint).length / keys.length;
      expect(Math.abs(part - share)).toBeLessThan(0.04);
    }
    expect(new Set(homes)).toEqual(new Set(wanted.keys()));
  });

  it("moves no more keys to the next priority than are its due, and no others", () => {
    const { deps, endpoints, groups, picker } = world(40, {}, (i) => ({ priority: i < 20 ? 0 : 1 }));
    const before = homesOf(picker);
    for (const { offset } of endpoints.slice(0, 8)) deps.table.setClosed(offset, true);
    // 60 % of the first are open: with the overprovisioning they are good for 84 % of the keys.
    const half = buildSplit(balancer, groups(), deps, picker);
    const after = homesOf(half);
    const spilled = after.filter(({ spec }) => spec.priority === 1).length / keys.length;
    expect(Math.abs(spilled - 0.16)).toBeLessThan(0.05);
    expect(homesOf(half)).toEqual(after);
    const moved = after.filter((home, i) => home !== before[i] && before[i]!.open).length / keys.length;
    // Those that spill, and next to none besides.
    expect(moved).toBeLessThan(type === "maglev" ? 0.2 : 0.15);
    for (const { offset } of endpoints) deps.table.setClosed(offset, false);
    expect(homesOf(buildSplit(balancer, groups(), deps, half))).toEqual(before);
  });

  it("ignores zones and subsets that nobody asked for, so that every process finds the same endpoint", () => {
    const idsOf = (input: { zone?: string; seed: number; asked: boolean }): readonly string[] => {
      const { asked, seed, zone } = input;
      const deps = pickerDeps(seed);
      const endpoints = endpointStates(100, deps.table, inZones);
      const subset = { type: "rendezvous", size: 64, isDefault: !asked } as const;
      const views = new BalancingViews(deps, {
        locality: resolveLocality(asked ? {} : undefined, "", zone === undefined ? undefined : { zone }),
        subsetter: subsetterFor(subset, seed, undefined),
        panicThreshold: 0.5,
      });
      const view = views.open(balancer, undefined, endpoints);
      const plain = views.open(resolveBalancer("random", ""), undefined, endpoints);
      expect(plain.plan.members.size).toBe(64);
      expect(view.plan.members.size).toBe(asked ? 64 : 100);
      expect(views.members.size).toBe(asked ? 64 : 100);
      return homesOf(view.picker).map(({ id }) => id);
    };
    const first = idsOf({ zone: "z0", seed: 1, asked: false });
    expect(idsOf({ zone: "z1", seed: 2, asked: false })).toEqual(first);
    expect(idsOf({ seed: 3, asked: false })).toEqual(first);
    expect(idsOf({ zone: "z1", seed: 2, asked: true })).not.toEqual(first);
  });
});

/** Two groups of a service's endpoints, which need not be the first and the last of them. */
function halves(endpoints: readonly EndpointState[], first: number): readonly TrafficGroup[] {
  return [
    { endpoints: endpoints.slice(0, first), share: 0.5 },
    { endpoints: endpoints.slice(first), share: 0.5 },
  ];
}

describe("what was measured of endpoints, when the groups of the traffic change", () => {
  function world(balancer: unknown) {
    const deps = pickerDeps(3);
    const endpoints = endpointStates(10, deps.table);
    const made = resolveBalancer(balancer, "balancer");
    return {
      deps,
      endpoints,
      build: (groups: readonly TrafficGroup[], previous?: Picker, over?: Partial<PickerDeps>) =>
        buildSplit(made, groups, { ...deps, ...over }, previous),
    };
  }

  it("stays with each endpoint under peak-ewma, and is counted once", () => {
    const { build, endpoints } = world("peak-ewma");
    const [one] = endpoints;
    let picker = build(halves(endpoints, 4));
    for (const [index, endpoint] of endpoints.entries()) picker.settled!(endpoint, answer(100 + index), 0);
    // Half of the way down for each answer that comes a time constant's half life later; once, and not once for each part.
    picker.settled!(one!, answer(0), 10_000 * Math.LN2);
    const costOf = (endpoint: EndpointState): number => picker.cost!(endpoint, 10_000 * Math.LN2);
    expect(costOf(one!)).toBeCloseTo(50, 1);
    for (const groups of [
      halves(endpoints, 7),
      halves(endpoints.toReversed(), 2),
      [{ endpoints, share: 1 }],
      halves(endpoints, 4),
    ]) {
      picker = build(groups, picker);
      expect(costOf(one!)).toBeCloseTo(50, 1);
      for (const [index, endpoint] of endpoints.slice(1).entries()) {
        expect(costOf(endpoint)).toBeCloseTo((101 + index) / 2, 1);
      }
    }
  });

  it("stays with each endpoint under client-side-weighted-round-robin, without another blackout", () => {
    const { build, endpoints } = world("client-side-weighted-round-robin");
    let picker = build([{ endpoints, share: 1 }]);
    const report = (index: number): AttemptResult =>
      answer(1, {
        headers: { "endpoint-load-metrics": `TEXT cpu_utilization=${index < 5 ? 0.9 : 0.3},rps=100` },
      });
    for (const now of [0, 11_000]) {
      for (const [index, endpoint] of endpoints.entries()) picker.settled!(endpoint, report(index), now);
    }
    for (const groups of [
      halves(endpoints.toReversed(), 4),
      [{ endpoints, share: 1 }],
      halves(endpoints, 2),
    ]) {
      picker = build(groups, picker);
    }
    const shares = sharesOf(picker, 10_000, pickContext({ now: 11_000 }));
    // In the second group three that are busy and five that are not.
    expect(shares.get("e2")).toBeCloseTo(0.5 / 18, 2);
    expect(shares.get("e9")).toBeCloseTo(1.5 / 18, 2);
  });

  it("stays with each endpoint under prequal, and each group has only its own endpoints", async () => {
    const { build, endpoints } = world({
      type: "prequal",
      probePath: "/load",
      probesPerCall: 10,
      removalsPerCall: 0,
    });
    const probe: PickerDeps["probe"] = (endpoint) =>
      Promise.resolve({ headers: {}, body: JSON.stringify({ rif: 1, latencyMs: 1 + endpoint.spec.port }) });
    let picker = build([{ endpoints, share: 1 }], undefined, { probe });
    for (let i = 0; i < 20; i++) picker.pick(pickContext());
    await new Promise((resolve) => setImmediate(resolve));
    const silent: PickerDeps["probe"] = () => Promise.reject(new Error("silent"));
    picker = build(halves(endpoints, 5), picker, { probe: silent });
    // What is known says that the first of each group is the fastest; without it a pick would be any.
    const seen = new Set(Array.from({ length: 12 }, () => picker.pick(pickContext())!.id));
    expect([...seen].toSorted()).toEqual(["e0", "e5"]);
    picker.close!();
  });

  it.each<BalancerName>(["success-aware-ewma", "least-response-time"])("is the same under %s", (name) => {
    const { build, deps, endpoints } = world(name);
    for (const [index, { offset }] of endpoints.entries()) deps.table.succeeded(offset, 10 + index, 0);
    const before = build([{ endpoints, share: 1 }]);
    const after = build(halves(endpoints, 3), before);
    for (const endpoint of endpoints) expect(after.cost!(endpoint, 0)).toBe(before.cost!(endpoint, 0));
  });
});
