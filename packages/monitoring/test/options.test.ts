import { prometheusRules } from "@proxyless/monitoring";
import type { RulesOptions } from "@proxyless/monitoring";
import { describe, expect, it } from "vitest";

function rulesNamed(options: RulesOptions): readonly string[] {
  return prometheusRules(options).groups.flatMap(({ rules }) =>
    rules.map((rule) => ("alert" in rule ? rule.alert : rule.record)),
  );
}

function ruleOf(alert: string, options: RulesOptions) {
  const rules = prometheusRules(options).groups.flatMap((group) => group.rules);
  return rules.find((rule) => "alert" in rule && rule.alert === alert);
}

describe("the options of rules", () => {
  it.each<[object, RegExp]>([
    [{ threshold: 1 }, /threshold must be absent/],
    [{ runbookUrl: "docs/alerts.md" }, /runbookUrl must be an absolute URL, http or https/],
    [{ runbookUrl: "file:///alerts" }, /runbookUrl must be an absolute URL/],
    [{ window: "5" }, /window must be 1s to 90d, as a whole number and one of s, m, h, d, got "5"/],
    [{ window: "0s" }, /window must be 1s/],
    [{ window: "91d" }, /window must be 1s to 90d/],
    [{ by: "job" }, /by must be a list/],
    [{ by: ["a-b"] }, /by\[0\] must be a name of a label/],
    [{ selector: { job: "" } }, /selector\.job must be a non-empty string/],
    [{ selector: { 'a="': "b" } }, /selector must be a name of a label/],
    [{ severities: { high: "x" } }, /severities\.high must be absent/],
    [{ slo: { objective: 1 } }, /slo\.objective must be a number from 0\.5 to 0\.99999, got 1/],
    [{ slo: { objective: 99.9 } }, /slo\.objective must be/],
    [{ slo: { latency: { objective: 0.9 } } }, /slo\.latency\.seconds must be a number from 0\.001 to 3600/],
    [{ slo: { services: { a: { objektive: 1 } } } }, /slo\.services\.a\.objektive must be absent/],
    [{ slo: { minCalls: -1 } }, /slo\.minCalls must be a whole number from 0/],
    [{ slo: { windows: [] } }, /slo\.windows must be a list of 1 to 10/],
    [
      { slo: { windows: [{ burnRate: 2, long: "5m", short: "300s" }] } },
      /windows\[0\]\.short must be shorter/,
    ],
    [{ slo: { windows: [{ long: "1h", short: "5m" }] } }, /windows\[0\]\.burnRate must be a number from 1/],
    [{ alerts: { CircuitOpen: false } }, /alerts\.CircuitOpen must be absent/],
    [{ alerts: { ProxylessPanic: { for: "now" } } }, /alerts\.ProxylessPanic\.for must be 0s to 90d/],
    [
      { alerts: { ProxylessCallsShed: { threshold: 5 } } },
      /alerts\.ProxylessCallsShed\.threshold must be a number from 0 to 1, got 5/,
    ],
    [{ alerts: { ProxylessPanic: { severity: "red" } } }, /severity must be one of page, ticket/],
  ])("%j is refused", (options, message) => {
    const make = (): unknown => prometheusRules({ ...options });
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG" }));
  });

  it("take an alert out, or the whole SLO", () => {
    expect(rulesNamed({})).toContain("ProxylessPanic");
    expect(rulesNamed({ alerts: { ProxylessPanic: false } })).not.toContain("ProxylessPanic");
    expect(rulesNamed({}).filter((name) => name === "ProxylessErrorBudgetBurn")).toHaveLength(4);
    expect(rulesNamed({ slo: false }).join(" ")).not.toMatch(/Burn|ratio_rate/);
  });

  it("tune one alert", () => {
    const tuned = { threshold: 0.5, for: "30s", severity: "page" } as const;
    expect(
      ruleOf("ProxylessEndpointsEjected", { alerts: { ProxylessEndpointsEjected: tuned } }),
    ).toMatchObject({
      expr: expect.stringMatching(/ > 0\.5$/),
      for: "30s",
      labels: { severity: "page" },
    });
    expect(ruleOf("ProxylessPanic", { alerts: { ProxylessPanic: { for: "0s" } } })).not.toHaveProperty("for");
  });

  it("name the section of the runbook", () => {
    expect(ruleOf("ProxylessPanic", { runbookUrl: "https://wiki.example.org/alerts" })).toMatchObject({
      annotations: { runbook_url: "https://wiki.example.org/alerts#proxylesspanic" },
    });
    expect(ruleOf("ProxylessPanic", {})).not.toHaveProperty("annotations.runbook_url");
  });
});
