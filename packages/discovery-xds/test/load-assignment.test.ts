import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { codecOf } from "../src/codec.ts";
import { readAssignment } from "../src/load-assignment.ts";
import type { LoadAssignment } from "../src/load-assignment.ts";
import { endpointsKind } from "../src/resource-kind.ts";
import { encode } from "./support/messages.ts";

const at = (address: string, port = 80, more: object = {}): object => ({
  endpoint: { address: { socket_address: { address, port_value: port } } },
  ...more,
});

function group(lb_endpoints: readonly object[], more: object = {}): object {
  return { locality: { zone: "a" }, lb_endpoints, ...more };
}

function read(endpoints: readonly object[], isInline = false): LoadAssignment {
  const bytes = encode("ClusterLoadAssignment", { cluster_name: "x", endpoints });
  return workAtOnce(readAssignment(codecOf("ClusterLoadAssignment").decode(bytes), isInline));
}

const weights = ({ endpoints }: LoadAssignment): number[] => endpoints.map(({ weight }) => weight);

describe("endpoints", () => {
  it("have the health that the control plane says", () => {
    const states = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED", 77];
    const all = read([group(states.map((health_status, i) => at("10.0.0.1", 80 + i, { health_status })))]);
    expect(all.endpoints.map(({ health }) => health)).toEqual([
      "unknown",
      "healthy",
      "unhealthy",
      "draining",
      "unhealthy",
      "degraded",
      "unknown",
    ]);
  });

  it("are known by their first address alone, whatever others they have", () => {
    const socket = (address: string, port_value = 80): object => ({
      socket_address: { address, port_value },
    });
    const others = [
      { address: socket("fd00::1") },
      // None of these would do as the first: no port, no HTTP, another endpoint's, nothing at all.
      { address: socket("10.0.0.9", 0) },
      { address: { pipe: { path: "/x" } } },
      { address: socket("10.0.0.2") },
      {},
    ];
    const dual = { endpoint: { address: socket("10.0.0.1"), additional_addresses: others } };
    const { endpoints, skipped } = read([group([dual, at("10.0.0.2")])]);
    expect(endpoints).toEqual(read([group([at("10.0.0.1"), at("10.0.0.2")])]).endpoints);
    expect(skipped).toBe(0);
    const none = { endpoint: { address: { pipe: { path: "/x" } }, additional_addresses: others } };
    expect(read([group([none, at("10.0.0.2")])])).toMatchObject({
      endpoints: [{ id: "10.0.0.2:80" }],
      skipped: 1,
    });
  });

  it("are left out and counted where HTTP cannot reach them, and the others stay", () => {
    const { endpoints, skipped } = read([
      group([
        at("10.0.0.1"),
        at("not a host/at all"),
        at("10.0.0.2", 0),
        at("10.0.0.3", 70_000),
        { endpoint: { address: { pipe: { path: "/x" } } } },
        {
          endpoint: { address: { socket_address: { protocol: "UDP", address: "10.0.0.4", port_value: 1 } } },
        },
        { endpoint_name: "elsewhere" },
        {},
        at("fd00::1"),
        at("orders.internal"),
      ]),
    ]);
    expect(endpoints.map(({ id }) => id)).toEqual(["10.0.0.1:80", "[fd00::1]:80", "orders.internal:80"]);
    expect(skipped).toBe(7);
  });

  it("that are all unusable are an error, and none at all are none", () => {
    expect(() => read([group([at("10.0.0.1", 0), {}])])).toThrow("none of 2 endpoints");
    expect(read([])).toMatchObject({ endpoints: [], skipped: 0 });
    expect(read([group([])])).toMatchObject({ endpoints: [], skipped: 0 });
  });

  it.each([
    ["a locality is missing", [{ lb_endpoints: [at("10.0.0.1")] }]],
    ["is there twice with priority 0", [group([at("10.0.0.1")]), group([at("10.0.0.2")])]],
    ["priority 1 is missing", [group([at("10.0.0.1")]), group([at("10.0.0.2")], { priority: 2 })]],
    ["priority 0 is missing", [group([at("10.0.0.1")], { priority: 1 })]],
    [
      "the address 10.0.0.1:80 is there twice",
      [group([at("10.0.0.1")]), group([at("10.0.0.1")], { locality: { zone: "b" } })],
    ],
    [
      "the weight of an endpoint is 0",
      [group([at("10.0.0.1", 80, { load_balancing_weight: { value: 0 } })])],
    ],
    [
      "endpoints add up to more than 32 bits",
      [
        group([
          at("10.0.0.1", 80, { load_balancing_weight: { value: 4_294_967_295 } }),
          at("10.0.0.2", 80, { load_balancing_weight: { value: 1 } }),
        ]),
      ],
    ],
    [
      "localities with priority 0 add up to more than 32 bits",
      ["a", "b"].map((zone, i) =>
        group([at(`10.0.0.${i}`)], { locality: { zone }, load_balancing_weight: { value: 4_000_000_000 } }),
      ),
    ],
  ])("are refused as a whole: %s", (message, endpoints) => {
    expect(() => read(endpoints)).toThrow(message);
  });

  it("of the same locality may be in several priorities", () => {
    const { endpoints } = read([group([at("10.0.0.1")]), group([at("10.0.0.2")], { priority: 1 })]);
    expect(endpoints.map(({ priority }) => priority)).toEqual([0, 1]);
  });

  it("that stand in a cluster need no locality", () => {
    const { endpoints } = read(
      [{ lb_endpoints: [at("orders.internal")] }, { lb_endpoints: [at("b.internal")] }],
      true,
    );
    expect(endpoints.map(({ host }) => host)).toEqual(["orders.internal", "b.internal"]);
    expect(endpoints[0]).not.toHaveProperty("locality");
  });
});

describe("weights", () => {
  const weighted = (value: number): object => ({ load_balancing_weight: { value } });

  it("are the endpoints' own where localities have none", () => {
    const all = read([
      group([at("10.0.0.1", 80, weighted(3)), at("10.0.0.2")]),
      group([at("10.0.0.3")], { locality: { zone: "b" } }),
    ]);
    expect(weights(all)).toEqual([3, 1, 1]);
  });

  it("stay as they are where a locality weighs what its endpoints do together, as Istio writes it", () => {
    const all = read([
      group([at("10.0.0.1"), at("10.0.0.2"), at("10.0.0.3")], weighted(3)),
      group([at("10.0.0.4")], { locality: { zone: "b" }, ...weighted(1) }),
    ]);
    expect(weights(all)).toEqual([1, 1, 1, 1]);
  });

  it("divide a locality's share between its endpoints, and leave nothing to one without", () => {
    const all = read([
      group([at("10.0.0.1", 80, weighted(1)), at("10.0.0.2", 80, weighted(3))], weighted(80)),
      group([at("10.0.0.3")], { locality: { zone: "b" }, ...weighted(20) }),
      group([at("10.0.0.4")], { locality: { zone: "c" } }),
    ]);
    expect(weights(all)).toEqual([20, 60, 20, 0]);
  });

  it("keep their proportions where they are beyond what the mesh takes", () => {
    const all = read([
      group([at("10.0.0.1", 80, weighted(4_000_000_000)), at("10.0.0.2", 80, weighted(2_000_000))]),
    ]);
    expect(weights(all)[0]).toBe(1_000_000);
    expect((weights(all)[0] ?? 0) / (weights(all)[1] ?? 1)).toBeCloseTo(2000, 6);
  });

  it("of a locality's endpoints always add up to the locality's share", () => {
    const localities = fc.array(
      fc.record({
        weight: fc.integer({ min: 1, max: 1000 }),
        endpoints: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(localities, (all) => {
        const { endpoints } = read(
          all.map(({ endpoints: own, weight }, i) =>
            group(
              own.map((value, j) => at(`10.0.${i}.${j}`, 80, weighted(value))),
              { locality: { zone: `z${i}` }, ...weighted(weight) },
            ),
          ),
        );
        for (const [i, { weight }] of all.entries()) {
          const sum = endpoints
            .filter(({ locality }) => locality?.zone === `z${i}`)
            .reduce((total, endpoint) => total + endpoint.weight, 0);
          expect(sum).toBeCloseTo(weight, 6);
        }
      }),
      { seed: 7, numRuns: 100 },
    );
  });
});

/** What comes of bytes: endpoints, or an error and nothing else that could be thrown. */
function tried(bytes: Buffer): LoadAssignment | Error {
  try {
    return workAtOnce(endpointsKind.decode(bytes)).value;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

describe("hostile bytes", () => {
  it("are refused or read, and never anything else than an endpoint comes of them", () => {
    const good = encode("ClusterLoadAssignment", { cluster_name: "x", endpoints: [group([at("10.0.0.1")])] });
    const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(flips, (changes) => {
        const bytes = Buffer.from(good);
        for (const [index, value] of changes) bytes[index] = value;
        const value = tried(bytes);
        expect(value).toBeDefined();
        if (value instanceof Error) return;
        for (const { port, weight } of value.endpoints) {
          expect(port).toBeGreaterThan(0);
          expect(port).toBeLessThan(65_536);
          expect(weight).toBeGreaterThanOrEqual(0);
        }
      }),
      { seed: 11, numRuns: 2000 },
    );
  });

  it("do not make ten thousand endpoints slow", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => at(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
    const bytes = encode("ClusterLoadAssignment", { cluster_name: "x", endpoints: [group(many)] });
    const started = performance.now();
    const { value } = workAtOnce(endpointsKind.decode(bytes));
    const took = performance.now() - started;
    expect(value.endpoints).toHaveLength(10_000);
    expect(took).toBeLessThan(10_000);
  });
});
