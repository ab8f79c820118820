import { stringify } from "yaml";

import { Series, is } from "../series.ts";
import { burnRule, stateRule } from "./alerting.ts";
import type { RulesOptions } from "./options.ts";
import { resolveRules } from "./resolve-rules.ts";
import type { PrometheusRules, RuleGroup } from "./rule.ts";
import { signalRecordings } from "./signals.ts";
import { burnAlerts, sloRecordings } from "./slo.ts";

/**
 * Alerts and recording rules for the metrics of `@proxyless/metrics`: burn rates of an error budget per service, what is wrong with
 * circuits, endpoints and discovery, what is saturated, and signals to scale by.
 * @returns the content of a rule file, as data; {@link rulesYaml} writes it
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function prometheusRules(options: RulesOptions = {}): PrometheusRules {
  const { alerts, by, selector, slo, window, ...common } = resolveRules(options);
  const matchers = Object.entries(selector).map(([label, value]) => is(label, value));
  const series = new Series(matchers, by);
  const groups: readonly RuleGroup[] = [
    { name: "proxyless-signals", rules: signalRecordings(series, window) },
    {
      name: "proxyless-slo",
      rules:
        slo === undefined
          ? []
          : [
              ...sloRecordings(slo, series),
              ...burnAlerts(slo, series).map((alert) => burnRule(alert, common)),
            ],
    },
    {
      name: "proxyless-state",
      rules: [...alerts].map(([name, tuning]) => stateRule(name, tuning, series, window, common)),
    },
  ];
  return { groups: groups.filter(({ rules }) => rules.length > 0) };
}

/** The rules as a file for `rule_files` of Prometheus. */
export function rulesYaml(rules: PrometheusRules): string {
  return stringify(rules, { lineWidth: 0 });
}
