import { prometheusRules, rulesYaml } from "@proxyless/monitoring";
import type { PrometheusRules } from "@proxyless/monitoring";

import { startAlertmanager, startPrometheus } from "../../scripts/servers/index.ts";
import type { PrometheusServer } from "../../scripts/servers/index.ts";

/** The shipped rules, for people who do not want to wait: windows of seconds in the place of hours. */
export const impatientRules: PrometheusRules = prometheusRules({
  window: "10s",
  labels: { team: "shop" },
  slo: {
    windows: [{ burnRate: 14.4, long: "30s", short: "5s", severity: "page" }],
    minCalls: 5,
    services: { search: { latency: { objective: 0.99, seconds: 0.25 } } },
  },
  alerts: {
    ProxylessCircuitOpen: { for: "1s" },
    ProxylessNoEndpoints: { for: "1s" },
    ProxylessEndpointsEjected: { for: "1s", threshold: 0.2 },
    ProxylessDiscoveryStale: { threshold: 2 },
    ProxylessCallsShed: { for: "1s" },
    ProxylessPanic: { for: "1s" },
    ProxylessRetryBudgetExhausted: { for: "1s" },
    ProxylessLimitSaturated: { for: "1s" },
    ProxylessConnectionsQueued: { for: "1s", threshold: 5 },
    ProxylessEventLoopDelayed: { for: "1s", threshold: 0.25 },
  },
});

/** A Prometheus that scrapes one process, and the Alertmanager that it tells. */
export class MonitoringServers implements AsyncDisposable {
  readonly prometheus: PrometheusServer;
  readonly alertmanager: PrometheusServer;

  private constructor(prometheus: PrometheusServer, alertmanager: PrometheusServer) {
    this.prometheus = prometheus;
    this.alertmanager = alertmanager;
  }

  /**
   * Installs them if need be.
   * @param metricsUrl what is scraped, every second
   * @param webhookUrl where alerts go
   */
  static async start(
    metricsUrl: string,
    webhookUrl: string,
    rules: PrometheusRules = impatientRules,
  ): Promise<MonitoringServers> {
    await using stack = new AsyncDisposableStack();
    const alertmanager = stack.use(
      await startAlertmanager({
        config: {
          route: {
            receiver: "webhook",
            group_by: ["alertname", "server_address"],
            group_wait: "0s",
            group_interval: "1s",
          },
          receivers: [{ name: "webhook", webhook_configs: [{ url: webhookUrl, send_resolved: true }] }],
        },
      }),
    );
    const prometheus = stack.use(
      await startPrometheus({
        config: {
          global: { scrape_interval: "1s", evaluation_interval: "1s" },
          rule_files: ["rules.yml"],
          scrape_configs: [{ job_name: "shop", static_configs: [{ targets: [new URL(metricsUrl).host] }] }],
          alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.address] }] }] },
        },
        files: { "rules.yml": rulesYaml(rules) },
      }),
    );
    stack.move();
    return new MonitoringServers(prometheus, alertmanager);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.prometheus.stop(), this.alertmanager.stop()]);
  }
}
