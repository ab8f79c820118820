import { readFileSync } from "node:fs";
import { join } from "node:path";

import { prometheusRules } from "@proxyless/monitoring";
import { expect, it } from "vitest";

const page = readFileSync(join(import.meta.dirname, "../../../docs/alerts.md"), "utf8");
const rules = prometheusRules({ slo: { latency: { objective: 0.99, seconds: 1 } } }).groups.flatMap(
  (group) => group.rules,
);
const alerts = rules.flatMap((rule) => ("alert" in rule ? rule : []));
const names = new Set(alerts.map(({ alert }) => alert));

it("each alert has its section in the runbook, and no other has", () => {
  const sections = [...page.matchAll(/^### (Proxyless\w+)$/gm)].map((match) => match[1]);
  expect(new Set(sections)).toEqual(names);
  expect(sections).toHaveLength(names.size);
});

it("the page has the defaults of each alert", () => {
  const rows = [...page.matchAll(/^\| `(Proxyless\w+)` .*\| ([\d.]+) +\| `(\w+)` +\| (\w+) +\|$/gm)];
  const told = rows.map(([, alert, threshold, wait, severity]) => ({ alert, threshold, wait, severity }));
  const real = alerts
    .filter(({ alert }) => !alert.endsWith("Burn"))
    .map(({ alert, expr, for: wait = "0s", labels }) => ({
      alert,
      threshold: / > ([\d.]+)$/.exec(expr)?.[1],
      wait,
      severity: labels["severity"],
    }));
  expect(told).toEqual(real);
});

it("whatever the page says to scale by is recorded", () => {
  const recorded = new Set(rules.flatMap((rule) => ("record" in rule ? rule.record : [])));
  const told = new Set([...page.matchAll(/service:[\w:]+/g)].map(([name]) => name));
  expect(told.size).toBeGreaterThan(6);
  expect([...told].filter((name) => !recorded.has(name))).toEqual([]);
});
