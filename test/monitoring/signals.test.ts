import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics, registerWithPromClient } from "@proxyless/metrics";
import { prometheusRules } from "@proxyless/monitoring";
import { Registry } from "prom-client";
import { expect, it } from "vitest";

import { measure } from "./support/rule-test.ts";
import type { Samples } from "./support/rule-test.ts";

function of(name: string, instance: string, more = ""): string {
  return `${name}{instance="${instance}",server_address="orders"${more}}`;
}

/** Two callers. The second does not know the newest of four instances yet. */
const samples: Samples = {
  [of("proxyless_client_calls_total", "a", ',proxyless_outcome="success"')]: "0+300x20",
  [of("proxyless_client_calls_total", "b", ',proxyless_outcome="failure"')]: "0+300x20",
  [of("proxyless_client_attempt_active", "a")]: "15x20",
  [of("proxyless_client_attempt_active", "b")]: "25x20",
  [of("proxyless_lb_endpoints", "a", ',proxyless_endpoint_state="open"')]: "3x20",
  [of("proxyless_lb_endpoints", "a", ',proxyless_endpoint_state="ejected"')]: "1x20",
  [of("proxyless_lb_endpoints", "b", ',proxyless_endpoint_state="open"')]: "3x20",
  [of("proxyless_limit_active", "a", ',proxyless_limit="bulkhead"')]: "15x20",
  [of("proxyless_limit_active", "b", ',proxyless_limit="bulkhead"')]: "25x20",
  [of("proxyless_limit_concurrency", "a", ',proxyless_limit="bulkhead"')]: "50x20",
  [of("proxyless_limit_concurrency", "b", ',proxyless_limit="bulkhead"')]: "50x20",
  // Four calls wait, and ten come in a second.
  [of("proxyless_limit_queue", "a", ',proxyless_limit="bulkhead"')]: "2x20",
  [of("proxyless_limit_queue", "b", ',proxyless_limit="rate_limit"')]: "2x20",
  [of("http_client_request_duration_seconds_bucket", "a", ',le="0.25"')]: "0+98x20",
  [of("http_client_request_duration_seconds_bucket", "a", ',le="0.75"')]: "0+100x20",
  [of("http_client_request_duration_seconds_bucket", "a", ',le="+Inf"')]: "0+100x20",
};

it("signals to scale by are what their names say", async () => {
  const record = (name: string, value: number) =>
    [name, [[`${name}{server_address="orders"}`, value]]] as const;
  const expected = Object.fromEntries([
    record("service:proxyless_calls:rate", 10),
    record("service:proxyless_attempts_in_flight:per_endpoint", 10),
    record("service:proxyless_limit_utilisation:ratio", 0.4),
    record("service:proxyless_queue_time_seconds:avg", 0.4),
    record("service:proxyless_call_duration_seconds:p99", 0.5),
    record("service:proxyless_call_errors:ratio_rate5m", 0.5),
  ]);
  const { code, output } = await measure(prometheusRules(), samples, "12m", expected);
  expect(output).toContain("SUCCESS");
  expect(code).toBe(0);
});

it("rules read metrics that there are", async () => {
  await using mesh = createMesh({ discovery: memorySource({}) });
  using metrics = createMetrics(mesh);
  const registry = new Registry();
  registerWithPromClient(registry, metrics);
  const known = new Set(registry.getMetricsAsArray().map(({ name }) => name.replace(/_(bucket|count)$/, "")));
  const read = prometheusRules({ slo: { latency: { objective: 0.99, seconds: 1 } } })
    .groups.flatMap(({ rules }) => rules)
    .flatMap(({ expr }) => expr.match(/(?<![:\w])(proxyless|http_client|nodejs)_\w+(?=[{)[ ])/g) ?? [])
    .filter((name) => !/^proxyless_(route|limit|outcome|flag|endpoint_state|circuit_state)$/.test(name))
    .map((name) => name.replace(/_(bucket|count)$/, ""));
  expect(read.length).toBeGreaterThan(30);
  expect(read.filter((name) => !known.has(name))).toEqual([]);
});
