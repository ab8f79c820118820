import { describe, expect, it } from "vitest";

import { Trails } from "../src/page/trails.ts";
import type { EndpointState, ServiceState } from "../src/state.ts";

/** A service with one endpoint, `a`, of that average latency. */
function services(latencyMs: number | null): Readonly<Record<string, ServiceState>> {
  const about = { address: "127.0.0.1:1", health: "healthy", weight: 1, priority: 0 };
  const a: EndpointState = { about, gate: [], figures: [1, 0, latencyMs, 1, 1, null] };
  return {
    orders: {
      status: "ready",
      stale: false,
      calls: 0,
      balancer: "random",
      panic: false,
      ejected: 0,
      panics: 0,
      groups: [],
      circuits: [],
      budget: 0,
      limits: [],
      hedging: [],
      endpoints: { a },
    },
  };
}

describe("the latency of an endpoint over time", () => {
  it("has a number for each second, however often there was a look", () => {
    const trails = new Trails();
    trails.add(services(10), 100, true);
    trails.add(services(20), 101.1, false);
    trails.add(services(30), 105.1, false);
    expect(trails.of("orders", "a")).toEqual([10, 20, 30, 30, 30, 30]);
  });

  it("has a gap where nobody looked, and nothing where nothing was measured", () => {
    const trails = new Trails();
    trails.add(services(10), 100, true);
    trails.add(services(20), 103, true);
    trails.add(services(null), 104, false);
    expect(trails.of("orders", "a")).toEqual([10, null, null, 20, null]);
  });

  it("is a minute long at most, and ends with the endpoint", () => {
    const trails = new Trails();
    for (let second = 0; second < 100; second++) trails.add(services(second), second, false);
    expect(trails.of("orders", "a")).toEqual(Array.from({ length: 60 }, (_, i) => 40 + i));
    trails.add(services(7), 1e9, true);
    expect(trails.of("orders", "a")).toEqual([...Array.from({ length: 59 }, () => null), 7]);
    trails.add({}, 1e9 + 1, false);
    expect(trails.of("orders", "a")).toEqual([]);
  });
});
