/** One of everything that is read, in the JSON of protobuf, and what it is read as. */
const outlier = {
  consecutive_5xx: 7,
  interval: "5s",
  base_ejection_time: "20s",
  max_ejection_percent: 30,
  enforcing_consecutive_5xx: 90,
  enforcing_success_rate: 80,
  success_rate_minimum_hosts: 3,
  success_rate_request_volume: 40,
  success_rate_stdev_factor: 1500,
  consecutive_gateway_failure: 4,
  enforcing_consecutive_gateway_failure: 60,
  split_external_local_origin_errors: true,
  consecutive_local_origin_failure: 6,
  enforcing_consecutive_local_origin_failure: 70,
  failure_percentage_threshold: 75,
  enforcing_failure_percentage: 50,
  failure_percentage_minimum_hosts: 2,
  failure_percentage_request_volume: 20,
  max_ejection_time: "100s",
  successful_active_health_check_uneject_host: false,
};

const policies = "type.googleapis.com/envoy.extensions.load_balancing_policies";

export const goldenMessages = {
  clusterJson: {
    name: "outbound|80||orders.default.svc.cluster.local",
    type: "EDS",
    eds_cluster_config: { eds_config: { ads: {} }, service_name: "orders-endpoints" },
    connect_timeout: "2.500s",
    circuit_breakers: {
      thresholds: [
        { priority: "HIGH", max_requests: 1 },
        {
          max_connections: 200,
          max_pending_requests: 50,
          max_requests: 100,
          max_retries: 3,
          retry_budget: { budget_percent: { value: 25 }, min_retry_concurrency: 4 },
        },
      ],
    },
    outlier_detection: outlier,
    common_lb_config: { healthy_panic_threshold: { value: 30 } },
    load_balancing_policy: {
      policies: [
        {
          typed_extension_config: {
            name: "wrr",
            typed_config: {
              "@type": `${policies}.wrr_locality.v3.WrrLocality`,
              endpoint_picking_policy: {
                policies: [
                  {
                    typed_extension_config: {
                      name: "lr",
                      typed_config: {
                        "@type": `${policies}.least_request.v3.LeastRequest`,
                        choice_count: 3,
                        slow_start_config: {
                          slow_start_window: "60s",
                          aggression: { default_value: 2, runtime_key: "k" },
                          min_weight_percent: { value: 5 },
                        },
                      },
                    },
                  },
                ],
              },
            },
          },
        },
      ],
    },
  },
  clusterRead: {
    name: "outbound|80||orders.default.svc.cluster.local",
    value: {
      endpoints: { from: "eds", name: "orders-endpoints" },
      policy: {
        leftOut: ["circuit_breakers.max_retries"],
        policy: {
          balancer: { type: "least-request", choices: 3 },
          slowStart: { windowMs: 60_000, aggression: 2, minWeightPercent: 5 },
          bulkhead: { maxConcurrent: 100, maxQueue: 50 },
          retry: { budget: { ratio: 0.25 } },
          panicThreshold: 30,
          timeout: { connectMs: 2500 },
          outlierDetection: {
            intervalMs: 5000,
            baseEjectionMs: 20_000,
            maxEjectionMs: 100_000,
            maxEjectionPercent: 30,
            splitExternalLocalOriginErrors: true,
            consecutive5xx: { count: 7, enforcing: 90 },
            consecutiveGatewayFailure: { count: 4, enforcing: 60 },
            consecutiveLocalOriginFailure: { count: 6, enforcing: 70 },
            successRate: { enforcing: 80, minimumHosts: 3, requestVolume: 40, stdevFactor: 1.5 },
            failurePercentage: { enforcing: 50, threshold: 75, minimumHosts: 2, requestVolume: 20 },
            successfulHealthCheckUnejects: false,
          },
        },
      },
    },
  },
  endpointsJson: {
    cluster_name: "orders-endpoints",
    endpoints: [
      {
        locality: { region: "eu", zone: "eu-1", sub_zone: "rack-7" },
        load_balancing_weight: 30,
        proximity: 9,
        lb_endpoints: [
          {
            health_status: "HEALTHY",
            load_balancing_weight: 20,
            metadata: {
              filter_metadata: { "envoy.lb": { version: "v2", canary: true, shard: 3, list: [1] }, x: {} },
            },
            endpoint: {
              hostname: "orders-1",
              health_check_config: { port_value: 99 },
              address: { socket_address: { address: "10.0.0.1", port_value: 8080 } },
              additional_addresses: [
                { address: { socket_address: { address: "fd00::1", port_value: 8080 } } },
              ],
            },
          },
          {
            health_status: "DRAINING",
            load_balancing_weight: 10,
            endpoint: { address: { socket_address: { address: "fd00::2", port_value: 8081 } } },
          },
          { endpoint: { address: { pipe: { path: "/run/x.sock" } } } },
        ],
      },
      {
        locality: { region: "us" },
        priority: 1,
        load_balancing_weight: 1,
        lb_endpoints: [
          {
            health_status: "TIMEOUT",
            endpoint: { address: { socket_address: { address: "10.1.0.1", port_value: 80 } } },
          },
        ],
      },
    ],
    policy: {
      overprovisioning_factor: 200,
      endpoint_stale_after: "90s",
      drop_overloads: [{ category: "lb", drop_percentage: { numerator: 5000, denominator: "TEN_THOUSAND" } }],
    },
  },
  endpointsRead: {
    name: "orders-endpoints",
    value: {
      endpoints: [
        {
          id: "10.0.0.1:8080",
          host: "10.0.0.1",
          port: 8080,
          weight: (20 * 30) / 31,
          priority: 0,
          health: "healthy",
          version: "v2",
          metadata: { version: "v2", canary: "true", shard: "3", hostname: "orders-1" },
          locality: { region: "eu", zone: "eu-1", subZone: "rack-7" },
        },
        {
          id: "[fd00::2]:8081",
          host: "fd00::2",
          port: 8081,
          weight: (10 * 30) / 31,
          priority: 0,
          health: "draining",
          metadata: {},
          locality: { region: "eu", zone: "eu-1", subZone: "rack-7" },
        },
        {
          id: "10.1.0.1:80",
          host: "10.1.0.1",
          port: 80,
          weight: 1,
          priority: 1,
          health: "unhealthy",
          metadata: {},
          locality: { region: "us" },
        },
      ],
      skipped: 1,
      dropOverloads: [{ category: "lb", ratio: 0.5 }],
      overprovisioning: 2,
      staleAfterMs: 90_000,
    },
  },
};
