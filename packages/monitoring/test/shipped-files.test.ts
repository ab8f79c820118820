import { readFileSync } from "node:fs";
import { join } from "node:path";

import { prometheusRules, rulesYaml } from "@proxyless/monitoring";
import { grafanaBoard } from "@proxyless/monitoring/grafana";
import { expect, it } from "vitest";

function shipped(path: string): string {
  return readFileSync(join(import.meta.dirname, "..", path), "utf8");
}

it("the shipped rules are those of the defaults; otherwise run: pnpm monitoring:files", () => {
  expect(shipped("rules/proxyless.rules.yml")).toBe(rulesYaml(prometheusRules()));
});

it("and so is the shipped board", () => {
  const board: unknown = JSON.parse(JSON.stringify(grafanaBoard()));
  expect(JSON.parse(shipped("grafana/proxyless.dashboard.json"))).toEqual(board);
});
