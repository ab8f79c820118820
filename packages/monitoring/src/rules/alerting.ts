import type { Series } from "../series.ts";
import { firstSteps } from "./first-steps.ts";
import type { BurnAlertName } from "./first-steps.ts";
import type { ResolvedRules, ResolvedTuning } from "./options.ts";
import type { AlertingRule, Labels } from "./rule.ts";
import type { BurnAlert, Promised } from "./slo.ts";
import { stateAlerts } from "./state-alerts.ts";
import type { StateAlertName } from "./state-alerts.ts";

type Common = Pick<ResolvedRules, "labels" | "runbookUrl" | "severities">;

const burn: Readonly<
  Record<Promised, { readonly alert: BurnAlertName; readonly summary: string; readonly of: string }>
> = {
  errors: {
    alert: "ProxylessErrorBudgetBurn",
    summary: "Too many calls to {{ $labels.server_address }} fail",
    of: "of the calls to {{ $labels.server_address }} failed",
  },
  latency: {
    alert: "ProxylessLatencyBudgetBurn",
    summary: "Too many calls to {{ $labels.server_address }} are slow",
    of: "of the calls to {{ $labels.server_address }} were too slow",
  },
};

/** An alert on the error budget. */
export function burnRule({ expr, what, window }: BurnAlert, common: Common): AlertingRule {
  const { burnRate, long, severity, short } = window;
  const { alert, of, summary } = burn[what];
  return {
    alert,
    expr,
    // No `for`: the short window does what it would do, and is quicker to end.
    labels: {
      ...common.labels,
      severity: common.severities[severity],
      long_window: long,
      short_window: short,
    },
    annotations: annotationsOf(
      alert,
      summary,
      `{{ $value | humanizePercentage }} ${of} within ${long}: the error budget burns more than ${burnRate} times as fast as it may.`,
      common,
    ),
  };
}

/** An alert on how things stand. */
export function stateRule(
  name: StateAlertName,
  tuning: ResolvedTuning,
  series: Series,
  window: string,
  common: Common,
): AlertingRule {
  const { description, summary, value } = stateAlerts[name];
  return {
    alert: name,
    expr: `${value(series, window)} > ${tuning.threshold}`,
    ...(tuning.for === "0s" ? {} : { for: tuning.for }),
    labels: { ...common.labels, severity: common.severities[tuning.severity] },
    annotations: annotationsOf(name, summary, description, common),
  };
}

function annotationsOf(
  alert: BurnAlertName | StateAlertName,
  summary: string,
  description: string,
  { runbookUrl }: Common,
): Labels {
  return {
    summary,
    description: `${description} ${firstSteps[alert]}`,
    ...(runbookUrl === undefined ? undefined : { runbook_url: `${runbookUrl}#${alert.toLowerCase()}` }),
  };
}
