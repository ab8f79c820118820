export { prometheusRules, rulesYaml } from "./rules/prometheus-rules.ts";
export type {
  AlertTuning,
  BurnWindow,
  LatencyObjective,
  RulesOptions,
  ServiceObjective,
  SloOptions,
} from "./rules/options.ts";
export type { AlertingRule, PrometheusRules, RecordingRule, RuleGroup } from "./rules/rule.ts";
export type { StateAlertName } from "./rules/state-alerts.ts";
