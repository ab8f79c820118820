import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";
import { expect, it } from "vitest";

import { amtool, startAlertmanager, startPrometheus, until } from "../../scripts/servers/index.ts";

it("brings an open circuit to a real Alertmanager", { timeout: 120_000 }, async () => {
  await using mesh = createMesh({
    discovery: memorySource({ orders: ["127.0.0.1:1"] }),
    services: { orders: {} },
  });
  mesh.service("orders");
  mesh.circuit("orders").setMode("forced-open");
  using metrics = createMetrics(mesh);
  await using endpoint = prometheusEndpoint(metrics);
  const { host } = new URL(await endpoint.listen({ port: 0 }));
  await using alertmanager = await startAlertmanager({
    config: { route: { receiver: "none" }, receivers: [{ name: "none" }] },
  });
  const rule = {
    alert: "CircuitOpen",
    expr: 'proxyless_circuit_state{proxyless_circuit_state="open"} == 1',
    labels: { severity: "page" },
  };
  await using prometheus = await startPrometheus({
    config: {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.json"],
      scrape_configs: [{ job_name: "mesh", static_configs: [{ targets: [host] }] }],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.address] }] }] },
    },
    files: { "rules.json": { groups: [{ name: "mesh", rules: [rule] }] } },
  });
  expect(prometheus.isRunning).toBe(true);
  const query = ["--alertmanager.url", alertmanager.url, "alert", "query", "server_address=orders"];
  const output = await until("the alert has arrived", 60_000, async () => {
    const answer = await amtool(query);
    return answer.output.includes("CircuitOpen") ? answer : undefined;
  });
  expect(output.code).toBe(0);
});
