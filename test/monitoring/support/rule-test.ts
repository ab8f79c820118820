import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { AlertingRule, PrometheusRules } from "@proxyless/monitoring";
import { rulesYaml } from "@proxyless/monitoring";

import { promtool } from "../../../scripts/servers/index.ts";
import type { ToolResult } from "../../../scripts/servers/index.ts";

/** Values of a series, one for each interval, in promtool's short form: `0+1x10`. */
export type Samples = Readonly<Record<string, string>>;

/** One alert as Alertmanager would get it. */
export interface Alert {
  readonly exp_labels: Readonly<Record<string, string>>;
  readonly exp_annotations?: Readonly<Record<string, string>>;
}

/** What happens, and which alerts of a name are then firing. */
export interface Story {
  readonly name: string;
  readonly interval: string;
  readonly samples: Samples;
  readonly at: string;
  readonly alertname: string;
  readonly firing: readonly Alert[];
}

/** The rules with some of the alerts changed. */
export function withAlerts(
  { groups }: PrometheusRules,
  change: (rule: AlertingRule) => AlertingRule,
): PrometheusRules {
  return {
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ("alert" in rule ? change(rule) : rule)),
    })),
  };
}

/** The rules without what is told to people. */
export function silent(rules: PrometheusRules): PrometheusRules {
  return withAlerts(rules, (rule) => ({ ...rule, annotations: {} }));
}

/** Writes the rules to a folder for as long as `use` takes. */
async function inFolder<T>(rules: PrometheusRules, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "proxyless-rules-"));
  try {
    await writeFile(join(folder, "rules.yml"), rulesYaml(rules));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What `promtool check rules` says. */
export async function check(rules: PrometheusRules): Promise<ToolResult> {
  return inFolder(rules, (folder) => promtool(["check", "rules", join(folder, "rules.yml")]));
}

/** Tells the stories to `promtool test rules`. @returns its exit code, and what it says */
export async function tell(
  rules: PrometheusRules,
  stories: readonly Story[],
  evaluationInterval: string,
): Promise<ToolResult> {
  return inFolder(rules, async (folder) => {
    const file = join(folder, "stories.json");
    const tests = stories.map(({ alertname, at, firing, interval, name, samples }) => ({
      name,
      interval,
      input_series: Object.entries(samples).map(([series, values]) => ({ series, values })),
      alert_rule_test: [{ eval_time: at, alertname, exp_alerts: firing }],
    }));
    const content = { rule_files: ["rules.yml"], evaluation_interval: evaluationInterval, tests };
    await writeFile(file, JSON.stringify(content));
    return promtool(["test", "rules", file]);
  });
}

/** What series that rules record stand at: by query, the labels and the value. */
export async function measure(
  rules: PrometheusRules,
  samples: Samples,
  at: string,
  expected: Readonly<Record<string, readonly (readonly [labels: string, value: number])[]>>,
): Promise<ToolResult> {
  return inFolder(rules, async (folder) => {
    const file = join(folder, "values.json");
    const test = {
      interval: "1m",
      input_series: Object.entries(samples).map(([series, values]) => ({ series, values })),
      promql_expr_test: Object.entries(expected).map(([expr, values]) => ({
        expr,
        eval_time: at,
        exp_samples: values.map(([labels, value]) => ({ labels, value })),
      })),
    };
    const content = { rule_files: ["rules.yml"], evaluation_interval: "1m", tests: [test] };
    await writeFile(file, JSON.stringify(content));
    return promtool(["test", "rules", file]);
  });
}
