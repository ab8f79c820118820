import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { resolveOutlierDetection } from "../../src/endpoints/outlier/resolve-outlier.ts";
import { subsetterFor } from "../../src/endpoints/subset/subsetter.ts";
import { resolveLocality } from "../../src/endpoints/traffic/locality-policy.ts";
import { EndpointSet } from "../../src/engine/endpoint-set.ts";
import type { EndpointDiff } from "../../src/engine/endpoint-set.ts";
import { EventHub } from "../../src/event-hub.ts";
import { seededRandom } from "../../src/random.ts";
import { fakeEndpoint } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

interface Service {
  readonly set: EndpointSet;
  readonly warmed: EndpointState[];
  readonly members: number[];
}

function service(): Service {
  const warmed: EndpointState[] = [];
  const members: number[] = [];
  const set = new EndpointSet({
    service: "orders",
    clock: new ManualClock(),
    random: seededRandom(1),
    events: new EventHub(),
    outliers: resolveOutlierDetection(undefined, ""),
    slowStart: { windowMs: 5_000, aggression: 1, minWeightPercent: 10 },
    traffic: {
      locality: resolveLocality(undefined, "", {}),
      subsetter: subsetterFor({ type: "rendezvous", size: 5 }, 1, undefined),
      panicThreshold: 0.5,
    },
    drainMs: 1_000,
    disconnect: () => {},
    handOver: () => {},
    probe: () => Promise.reject(new Error("nobody answers")),
    warm: (state) => {
      warmed.push(state);
      return new Promise(() => {});
    },
    onMembers: (now) => members.push(now.size),
  });
  set.view(resolveBalancer("random", ""), undefined);
  return { set, warmed, members };
}

function some(from: number, count: number): EndpointDiff {
  const added = Array.from({ length: count }, (_, i) =>
    fakeEndpoint(`e${from + i}`, { host: `10.0.0.${from + i}` }),
  );
  return { added, updated: [], removed: [] };
}

describe("a list that is told in steps", () => {
  it("gets connections and health checks when it is whole, and only for those who are used then", () => {
    const { members, set, warmed } = service();
    for (let i = 1; i < 10; i++) set.apply(some(i * 10, 10), true);
    expect(warmed).toEqual([]);
    expect(members).toEqual([]);
    set.apply(some(100, 10));
    expect(members).toEqual([5]);
    expect(warmed).toHaveLength(5);
    expect(set.size).toBe(100);
  });

  it("is as much the first list in its last step as in its first: nobody has to warm up", () => {
    const { set } = service();
    for (let step = 0; step < 3; step++) set.apply(some(10 * step, 10), step < 2);
    const states = [...set];
    expect(states).toHaveLength(30);
    for (const { gate } of states) expect(gate).toMatchObject({ warming: false, rampingSince: -1 });
    set.apply(some(31, 1));
    const late = [...set].find(({ id }) => id === "e31");
    expect(late?.gate).toMatchObject({ warming: true, rampingSince: 0 });
  });
});
