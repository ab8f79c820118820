import { describe, expect, it } from "vitest";

import type { Endpoint } from "../../src/discovery/source.ts";
import { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { LoadTable } from "../../src/endpoints/load-table.ts";
import { selectTier } from "../../src/endpoints/tiers.ts";

const table = new LoadTable();
let next = 1;
const endpoint = (over: Partial<Endpoint> = {}): EndpointState => {
  const port = next++;
  return new EndpointState(
    {
      id: `e${port}`,
      host: "10.0.0.1",
      port,
      weight: 1,
      priority: 0,
      health: "healthy",
      metadata: {},
      ...over,
    },
    table,
    0,
  );
};
const ids = (endpoints: readonly EndpointState[]) => endpoints.map(({ id }) => id);

describe("the endpoints that may be picked", () => {
  it("are the healthy, degraded and unknown ones, and the others say why not", () => {
    const good = [endpoint(), endpoint({ health: "degraded" }), endpoint({ health: "unknown" })];
    const bad = [
      endpoint({ health: "unhealthy" }),
      endpoint({ health: "draining" }),
      endpoint({ weight: 0 }),
    ];
    const tier = selectTier([...good, ...bad]);
    expect(ids(tier.endpoints)).toEqual(ids(good));
    expect(bad.map(({ gate }) => gate)).toEqual([["unhealthy"], ["draining"], ["weight 0"]]);
  });

  it("are all that do not drain when fewer than half are healthy, because then the registry is more likely wrong", () => {
    const sick = [endpoint({ health: "unhealthy" }), endpoint({ health: "unhealthy" }), endpoint()];
    const tier = selectTier([...sick, endpoint({ health: "draining" })]);
    expect(tier.panic).toBe(true);
    expect(ids(tier.endpoints)).toEqual(ids(sick));
    expect(sick.every(({ gate }) => gate.length === 0)).toBe(true);
  });

  it("are those of the best priority that has any", () => {
    const [far, near] = [endpoint({ priority: 1 }), endpoint()];
    expect(ids(selectTier([far, near]).endpoints)).toEqual([near.id]);
    expect(far.gate).toEqual(["worse priority"]);
    const draining = endpoint({ health: "draining" });
    expect(ids(selectTier([far, draining]).endpoints)).toEqual([far.id]);
  });

  it("are those of a worse priority when most of the better one are sick, before anybody sick is tried", () => {
    const sick = [endpoint({ health: "unhealthy" }), endpoint({ health: "unhealthy" }), endpoint()];
    const far = endpoint({ priority: 1 });
    const tier = selectTier([...sick, far]);
    expect(tier).toMatchObject({ panic: false, healthy: 1 });
    expect(ids(tier.endpoints)).toEqual([far.id]);
    expect(sick.map(({ gate }) => gate)).toEqual([
      ["unhealthy", "too few healthy"],
      ["unhealthy", "too few healthy"],
      ["too few healthy"],
    ]);
  });

  it("are, when every priority is mostly sick, everybody at the best one that has a healthy endpoint", () => {
    const dead = endpoint({ health: "unhealthy" });
    const second = [
      endpoint({ priority: 1 }),
      endpoint({ priority: 1, health: "unhealthy" }),
      endpoint({ priority: 1, health: "unhealthy" }),
    ];
    const tier = selectTier([dead, ...second]);
    expect(tier.panic).toBe(true);
    expect(ids(tier.endpoints)).toEqual(ids(second));
  });

  it("are none when there are none", () => {
    expect(selectTier([]).endpoints).toEqual([]);
    expect(selectTier([endpoint({ health: "draining" })])).toMatchObject({ endpoints: [], panic: false });
  });
});
