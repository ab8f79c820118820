import { prometheusRules } from "@proxyless/monitoring";
import type { RulesOptions } from "@proxyless/monitoring";
import { expect, it } from "vitest";

import { check, silent, tell } from "./support/rule-test.ts";
import type { Alert, Samples, Story } from "./support/rule-test.ts";

const full: RulesOptions = {
  selector: { job: "shop", cluster: 'e"u' },
  by: ["job", "cluster"],
  labels: { team: "shop" },
  severities: { page: "critical", ticket: "warning" },
  runbookUrl: "https://wiki.example.org/alerts",
  window: "1m",
  slo: {
    objective: 0.99,
    latency: { objective: 0.95, seconds: 1 },
    services: {
      "a.b": { objective: 0.9, latency: false },
      payments: { latency: { objective: 0.9, seconds: 0.5 } },
    },
    minCalls: 0,
    windows: [{ burnRate: 2, long: "10m", short: "4m", severity: "ticket" }],
  },
};

const labels = 'job="shop",cluster="e\\"u"';

/** Calls of one minute, so many of them bad. */
function calls(service: string, bad: number, own = labels): Samples {
  const of = (outcome: string): string =>
    `proxyless_client_calls_total{server_address="${service}",${own},proxyless_outcome="${outcome}"}`;
  return { [of("success")]: `0+${100 - bad}x20`, [of("failure")]: `0+${bad}x20` };
}

/** Durations of calls of one minute, so many of them above what is promised. */
function durations(service: string, le: string, slow: number): Samples {
  const name = "http_client_request_duration_seconds";
  const series = (suffix: string, more: string): string =>
    `${name}_${suffix}{server_address="${service}",${labels}${more}}`;
  return {
    [series("bucket", `,le="${le}"`)]: `0+${100 - slow}x20`,
    [series("bucket", ',le="+Inf"')]: "0+100x20",
    [series("count", "")]: "0+100x20",
    // Failures are quick or slow: it is not their duration that matters.
    [series("count", ',error_type="500"')]: "0+1000x20",
  };
}

function firing(service: string): Alert {
  const common = { job: "shop", cluster: 'e"u', team: "shop", severity: "warning" };
  return { exp_labels: { ...common, server_address: service, long_window: "10m", short_window: "4m" } };
}

const stories: readonly (readonly [string, Samples, string, readonly Alert[]])[] = [
  ["the common objective", { ...calls("stock", 3), ...calls("cart", 1) }, "Error", [firing("stock")]],
  [
    "that of one service",
    { ...calls("a.b", 21), ...calls("aXb", 3) },
    "Error",
    [firing("aXb"), firing("a.b")],
  ],
  ["that of one service, which is kept", calls("a.b", 19), "Error", []],
  ["other jobs", calls("stock", 50, 'job="other"'), "Error", []],
  ["common latency", { ...calls("stock", 0), ...durations("stock", "1", 11) }, "Latency", [firing("stock")]],
  [
    "latency with decimals",
    { ...calls("stock", 0), ...durations("stock", "1.0", 11) },
    "Latency",
    [firing("stock")],
  ],
  ["common latency, which is kept", { ...calls("stock", 0), ...durations("stock", "1", 9) }, "Latency", []],
  [
    "latency of one service",
    { ...calls("payments", 0), ...durations("payments", "0.5", 21) },
    "Latency",
    [firing("payments")],
  ],
  [
    "latency of one service, which is kept",
    { ...calls("payments", 0), ...durations("payments", "0.5", 19) },
    "Latency",
    [],
  ],
  ["no latency of one service", { ...calls("a.b", 0), ...durations("a.b", "1", 90) }, "Latency", []],
];

it.each(stories)("alerts on %s", async (name, samples, what, alerts) => {
  const story: Story = {
    name,
    interval: "1m",
    samples,
    at: "15m",
    alertname: `Proxyless${what}BudgetBurn`,
    firing: alerts,
  };
  expect(await tell(silent(prometheusRules(full)), [story], "1m")).toMatchObject({ code: 0 });
});

it.each([
  ["as shipped", {}],
  ["with every option", full],
  ["without an SLO", { slo: false }],
] as const)("are what promtool takes for rules %s", async (_, options) => {
  const { code, output } = await check(prometheusRules(options));
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("SUCCESS") });
});

it("say what promtool says to rules that are none", async () => {
  const rules = { groups: [{ name: "a", rules: [{ record: "a", expr: "sum(" }] }] };
  expect(await check(rules)).toMatchObject({ code: 1 });
});
