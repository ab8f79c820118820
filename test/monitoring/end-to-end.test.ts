import type { PrometheusRules } from "@proxyless/monitoring";
import { expect, it } from "vitest";

import { impatientRules, MonitoringServers } from "../../examples/observability/servers.ts";
import { Webhook } from "../../examples/observability/webhook.ts";
import type { Told } from "../../examples/observability/webhook.ts";
import { until } from "../../scripts/servers/index.ts";
import { ForkedShop } from "./support/forked-shop.ts";

const expected = [
  { fault: "payments", alert: "ProxylessCircuitOpen", service: "payments" },
  { fault: "payments", alert: "ProxylessErrorBudgetBurn", service: "payments" },
  { fault: "stock", alert: "ProxylessNoEndpoints", service: "stock" },
  { fault: "orders", alert: "ProxylessEndpointsEjected", service: "orders" },
  { fault: "rush", alert: "ProxylessCallsShed", service: "orders" },
  { fault: "registry", alert: "ProxylessDiscoveryStale", service: "orders" },
  { fault: "payments", alert: "ProxylessRetryBudgetExhausted", service: "payments" },
  { fault: "search", alert: "ProxylessLatencyBudgetBurn", service: "search" },
  { fault: "search", alert: "ProxylessLimitSaturated", service: "search" },
  { fault: "search", alert: "ProxylessConnectionsQueued", service: "search" },
  { fault: "ill", alert: "ProxylessPanic", service: "search" },
  // Of the process, and of no service.
  { fault: "busy", alert: "ProxylessEventLoopDelayed", service: undefined },
] as const;

it("every alert of the rules is tried", () => {
  const rules = impatientRules.groups.flatMap((group) => group.rules);
  const names = new Set(rules.flatMap((rule) => ("alert" in rule ? rule.alert : [])));
  expect(new Set(expected.map(({ alert }): string => alert))).toEqual(names);
});

it(
  "a fault in a process is an alert at a webhook, and is resolved when it is over",
  { timeout: 300_000 },
  async () => {
    await using shop = await ForkedShop.start();
    const told: Told[] = [];
    await using webhook = await Webhook.start((alert) => told.push(alert));
    await using servers = await MonitoringServers.start(shop.metricsUrl, webhook.url, withBroken());
    const { prometheus } = servers;
    await until("the rules have seen all four services", 60_000, async () => {
      const known = await prometheus.query("service:proxyless_calls:rate > 0");
      return known.length === 4 ? true : undefined;
    });
    expect(told).toEqual([]);

    const faults = new Set(expected.map(({ fault }) => fault));
    for (const fault of faults) shop.set({ fault, isOn: true });
    await until("every alert fires", 90_000, async () => allTold(told, "firing"));
    const burn = last(told, "ProxylessErrorBudgetBurn", "payments");
    expect(burn?.labels).toMatchObject({ severity: "page", team: "shop" });
    expect(burn?.annotations["summary"]).toBe("Too many calls to payments fail");
    // The faults are there, and the way to the webhook: it is the rule that makes the alert.
    expect(told.map(({ labels }) => labels["alertname"])).not.toContain("BrokenCircuitOpen");

    for (const fault of faults) shop.set({ fault, isOn: false });
    await until("every alert is resolved", 120_000, async () => allTold(told, "resolved"));
  },
);

/** The rules, and the one for circuits once more with a value that no circuit has. */
function withBroken(): PrometheusRules {
  const rules = impatientRules.groups.flatMap((group) => group.rules);
  const rule = rules.find((each) => "alert" in each && each.alert === "ProxylessCircuitOpen");
  if (rule === undefined || !("alert" in rule)) throw new Error("there is no rule for circuits");
  const broken = { ...rule, alert: "BrokenCircuitOpen", expr: rule.expr.replace("open|half_open", "opened") };
  return { groups: [...impatientRules.groups, { name: "broken", rules: [broken] }] };
}

/** What was last told of the alert with this name, about a service. */
function last(told: readonly Told[], alertname: string, service: string | undefined): Told | undefined {
  return told.findLast(
    ({ labels }) => labels["alertname"] === alertname && labels["server_address"] === service,
  );
}

function allTold(told: readonly Told[], status: "firing" | "resolved"): true {
  const missing = expected.filter(({ alert, service }) => last(told, alert, service)?.status !== status);
  if (missing.length > 0) throw new Error(`not ${status}: ${missing.map(({ alert }) => alert).join(", ")}`);
  return true;
}
