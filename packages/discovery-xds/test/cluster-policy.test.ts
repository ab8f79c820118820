import { createMesh, staticSource } from "@proxyless/core";
import type { ServicePolicy } from "@proxyless/core";
import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { MappedPolicy } from "../src/cluster-policy.ts";
import { clusterKind } from "../src/resource-kind.ts";
import { any, encode } from "./support/messages.ts";

function read(cluster: object): MappedPolicy {
  return workAtOnce(clusterKind.decode(encode("Cluster", { name: "x", type: "EDS", ...cluster }))).value
    .policy;
}

function policy(cluster: object): ServicePolicy {
  return read(cluster).policy;
}

const seconds = (value: number): object => ({
  seconds: Math.floor(value),
  nanos: Math.round((value % 1) * 1e9),
});
const roundRobin: ServicePolicy = { balancer: { type: "weighted-round-robin" } };

function chosen(...configs: object[]): object {
  return {
    load_balancing_policy: {
      policies: configs.map((typed_config) => ({ typed_extension_config: { typed_config } })),
    },
  };
}

/** That a mesh takes it. */
function accepted(given: ServicePolicy): void {
  const mesh = createMesh({ discovery: staticSource({ x: ["127.0.0.1:1"] }) });
  expect(mesh.configure({ version: "1", services: { x: given } })).toEqual(["x"]);
  void mesh.close();
}

describe("the policy of a cluster", () => {
  it("that says nothing is Envoy's round robin and nothing else", () => {
    expect(read({})).toEqual({ policy: roundRobin, leftOut: [] });
  });

  it.each([
    ["ROUND_ROBIN", {}, { type: "weighted-round-robin" }],
    ["LEAST_REQUEST", {}, { type: "least-request" }],
    [
      "LEAST_REQUEST",
      { least_request_lb_config: { choice_count: { value: 40 } } },
      { type: "least-request", choices: 10 },
    ],
    ["RANDOM", {}, { type: "random" }],
    ["RING_HASH", {}, { type: "ring-hash" }],
    [
      "RING_HASH",
      { ring_hash_lb_config: { minimum_ring_size: { value: 10 }, maximum_ring_size: { value: 20_000_000 } } },
      { type: "ring-hash", minRingSize: 10, maxRingSize: 8_388_608 },
    ],
    [
      "MAGLEV",
      { maglev_lb_config: { table_size: { value: 65_537 } } },
      { type: "maglev", tableSize: 65_537 },
    ],
    ["MAGLEV", { maglev_lb_config: { table_size: { value: 65_536 } } }, { type: "maglev" }],
  ])("has the balancer of lb_policy %s", (lb_policy, more, balancer) => {
    expect(policy({ lb_policy, ...more })).toEqual({ balancer });
    accepted(policy({ lb_policy, ...more }));
  });

  it.each([
    ["RoundRobin", {}, { type: "weighted-round-robin" }],
    ["LeastRequest", { choice_count: { value: 3 } }, { type: "least-request", choices: 3 }],
    ["LeastRequest", { selection_method: 1 }, { type: "least-request", choices: "all" }],
    ["LeastRequest", { enable_full_scan: { value: true } }, { type: "least-request", choices: "all" }],
    ["Random", {}, { type: "random" }],
    [
      "RingHash",
      { minimum_ring_size: { value: 2048 }, hash_balance_factor: { value: 150 } },
      { type: "ring-hash", minRingSize: 2048, boundedLoad: { factor: 1.5 } },
    ],
    [
      "Maglev",
      { table_size: { value: 1009 }, consistent_hashing_lb_config: { hash_balance_factor: { value: 2000 } } },
      { type: "maglev", tableSize: 1009, boundedLoad: { factor: 10 } },
    ],
    [
      "ClientSideWeightedRoundRobin",
      {
        blackout_period: seconds(5),
        weight_expiration_period: seconds(60),
        weight_update_period: seconds(0.01),
        error_utilization_penalty: { value: 0.5 },
        metric_names_for_computing_utilization: ["named_metrics.queue"],
      },
      {
        type: "client-side-weighted-round-robin",
        blackoutPeriodMs: 5000,
        weightExpirationPeriodMs: 60_000,
        weightUpdatePeriodMs: 100,
        errorUtilizationPenalty: 0.5,
        metricNamesForComputingUtilization: ["named_metrics.queue"],
      },
    ],
  ] as const)("has the balancer of load_balancing_policy %s %j", (name, config, balancer) => {
    const found = policy({ lb_policy: "RANDOM", ...chosen(any(name, config)) });
    expect(found).toEqual({ balancer });
    accepted(found);
  });

  it("takes the first of a list that it knows, and says when it knows none", () => {
    const unknown = { type_url: "type.googleapis.com/example.Own", value: Buffer.from("x") };
    expect(policy(chosen(unknown, any("Random", {}), any("Maglev", {})))).toEqual({
      balancer: { type: "random" },
    });
    expect(read(chosen(unknown))).toEqual({ policy: {}, leftOut: ["load_balancing_policy"] });
    expect(read({ lb_policy: "CLUSTER_PROVIDED" })).toEqual({ policy: {}, leftOut: ["lb_policy"] });
  });

  it("has outlier detection where the cluster has, with Envoy's defaults", () => {
    const found = policy({ outlier_detection: {} });
    expect(found).toEqual({
      ...roundRobin,
      outlierDetection: {
        intervalMs: 10_000,
        baseEjectionMs: 30_000,
        maxEjectionMs: 300_000,
        maxEjectionPercent: 10,
        splitExternalLocalOriginErrors: false,
        consecutive5xx: { count: 5, enforcing: 100 },
        consecutiveGatewayFailure: { count: 5, enforcing: 0 },
        successRate: { enforcing: 100, minimumHosts: 5, requestVolume: 100, stdevFactor: 1.9 },
        failurePercentage: { enforcing: 0, threshold: 85, minimumHosts: 5, requestVolume: 50 },
        successfulHealthCheckUnejects: true,
      },
    });
    accepted(found);
  });

  it("has what Istio writes for a destination rule", () => {
    const most = { value: 4_294_967_295 };
    const found = policy({
      lb_policy: "LEAST_REQUEST",
      connect_timeout: seconds(10),
      circuit_breakers: {
        thresholds: [
          {
            max_connections: { value: 100 },
            max_pending_requests: { value: 10 },
            max_requests: most,
            max_retries: most,
          },
        ],
      },
      outlier_detection: {
        consecutive_5xx: { value: 0 },
        enforcing_consecutive_5xx: { value: 0 },
        consecutive_gateway_failure: { value: 3 },
        enforcing_consecutive_gateway_failure: { value: 100 },
        enforcing_success_rate: { value: 0 },
        base_ejection_time: seconds(600),
        max_ejection_percent: { value: 100 },
      },
      common_lb_config: { healthy_panic_threshold: { value: 0 }, locality_weighted_lb_config: {} },
    });
    expect(found).toMatchObject({
      balancer: { type: "least-request" },
      bulkhead: { maxConcurrent: 100, maxQueue: 10 },
      timeout: { connectMs: 10_000 },
      panicThreshold: 0,
      outlierDetection: {
        consecutive5xx: false,
        consecutiveGatewayFailure: { count: 3, enforcing: 100 },
        baseEjectionMs: 600_000,
        // Never below the base.
        maxEjectionMs: 600_000,
        maxEjectionPercent: 100,
      },
    });
    accepted(found);
  });

  it("has no bulkhead where there is no limit, and only limits of the default priority", () => {
    const most = { value: 4_294_967_295 };
    const thresholds = [
      { priority: "HIGH", max_requests: { value: 1 } },
      { max_connections: most, max_requests: most, max_pending_requests: { value: 1 } },
    ];
    expect(policy({ circuit_breakers: { thresholds } })).toEqual(roundRobin);
    expect(policy({ circuit_breakers: { thresholds: [] } })).toEqual(roundRobin);
  });

  it("says what it leaves out", () => {
    const { leftOut } = read({
      circuit_breakers: { thresholds: [{ max_retries: { value: 3 } }] },
      common_lb_config: { zone_aware_lb_config: {} },
      transport_socket: { name: "envoy.transport_sockets.tls" },
      transport_socket_matches: [{ name: "tlsMode-istio" }],
    });
    expect(leftOut).toEqual([
      "circuit_breakers.max_retries",
      "common_lb_config.zone_aware_lb_config",
      "transport_socket",
      "transport_socket_matches",
    ]);
  });

  it("is one that the mesh takes, whatever numbers the control plane writes", () => {
    const uint = fc.oneof(fc.constant({ value: 4_294_967_295 }), fc.record({ value: fc.nat() }));
    const duration = fc.record({ seconds: fc.nat({ max: 2_000_000_000 }), nanos: fc.nat(999_999_999) });
    const percent = fc.record({ value: fc.double() });
    const cluster = fc.record(
      {
        lb_policy: fc.integer({ min: 0, max: 9 }),
        connect_timeout: duration,
        common_lb_config: fc.record({ healthy_panic_threshold: percent }),
        circuit_breakers: fc.record({
          thresholds: fc.array(
            fc.record(
              {
                max_connections: uint,
                max_pending_requests: uint,
                max_requests: uint,
                retry_budget: fc.record({ budget_percent: percent }, { requiredKeys: [] }),
              },
              { requiredKeys: [] },
            ),
            { maxLength: 2 },
          ),
        }),
        outlier_detection: fc.record(
          {
            consecutive_5xx: uint,
            interval: duration,
            base_ejection_time: duration,
            max_ejection_time: duration,
            max_ejection_percent: uint,
            enforcing_consecutive_5xx: uint,
            success_rate_minimum_hosts: uint,
            success_rate_request_volume: uint,
            success_rate_stdev_factor: uint,
            consecutive_local_origin_failure: uint,
            split_external_local_origin_errors: fc.boolean(),
            failure_percentage_threshold: uint,
            failure_percentage_minimum_hosts: uint,
            failure_percentage_request_volume: uint,
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    );
    const slow = fc.record(
      {
        slow_start_window: duration,
        aggression: fc.record({ default_value: fc.double() }),
        min_weight_percent: percent,
      },
      { requiredKeys: [] },
    );
    const config = fc.oneof(
      fc.constant({}),
      fc.record({ least_request_lb_config: fc.record({ choice_count: uint, slow_start_config: slow }) }),
      fc.record({ round_robin_lb_config: fc.record({ slow_start_config: slow }) }),
      fc.record({ ring_hash_lb_config: fc.record({ minimum_ring_size: uint, maximum_ring_size: uint }) }),
      fc.record({ maglev_lb_config: fc.record({ table_size: uint }) }),
    );
    fc.assert(
      fc.property(cluster, config, (given, more) => {
        const mapped = policy({ ...given, ...more });
        expect(mapped).toBeDefined();
        accepted(mapped);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe("a cluster", () => {
  const assignment = {
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: "db.internal", port_value: 80 } } } },
        ],
      },
    ],
  };

  it("names its endpoints in EDS, or holds them", () => {
    const endpointsOf = (json: object): unknown =>
      workAtOnce(clusterKind.decode(encode("Cluster", { name: "x", ...json }))).value.endpoints;
    expect(endpointsOf({ type: "EDS" })).toEqual({ from: "eds", name: "x" });
    expect(endpointsOf({ type: "EDS", eds_cluster_config: { service_name: "y" } })).toEqual({
      from: "eds",
      name: "y",
    });
    for (const type of ["STATIC", "STRICT_DNS", "LOGICAL_DNS"]) {
      expect(endpointsOf({ type, load_assignment: assignment })).toMatchObject({
        from: "inline",
        assignment: { endpoints: [{ host: "db.internal", port: 80 }] },
      });
    }
  });

  it.each([
    ["ORIGINAL_DST", { type: "ORIGINAL_DST" }],
    ["envoy.clusters.aggregate", { cluster_type: { name: "envoy.clusters.aggregate" } }],
    ["no load_assignment", { type: "STRICT_DNS" }],
    ["number 9", { type: 9 }],
  ])("is refused: %s", (message, json) => {
    expect(() => workAtOnce(clusterKind.decode(encode("Cluster", { name: "x", ...json })))).toThrow(message);
  });
});
