import { prometheusRules } from "@proxyless/monitoring";
import type { AlertingRule } from "@proxyless/monitoring";
import { describe, expect, it } from "vitest";

import { tell, withAlerts } from "./support/rule-test.ts";
import type { Story } from "./support/rule-test.ts";
import { stateStories } from "./support/state-stories.ts";
import type { StateStory } from "./support/state-stories.ts";

const minute = "1m";
// Moments of half a minute: what is not there yet after as long as one evaluation.
const evaluation = "30s";

function storiesOf({
  alert,
  at,
  description,
  firing,
  labels,
  notYetAt,
  quiet,
  summary,
}: StateStory): Story[] {
  const common = { alertname: alert, interval: minute, at };
  const annotations = { summary, description };
  const fires = [{ exp_labels: labels, exp_annotations: annotations }];
  return [
    { ...common, name: `${alert} fires`, samples: firing, firing: fires },
    { ...common, name: `${alert} is quiet`, samples: quiet, firing: [] },
    ...(notYetAt === undefined
      ? []
      : [{ ...common, name: `${alert} waits`, samples: firing, at: notYetAt, firing: [] }]),
  ];
}

function lower(expr: string): string {
  return expr.replace("== 0", ">= 0").replace(/ > ([\d.]+)$/, (_, above) => ` >= ${Number(above) * 0.99}`);
}

/** Ways to break a rule, and which stories notice. */
const broken: Readonly<Record<string, (rule: AlertingRule) => AlertingRule>> = {
  "never fires": (rule) => ({ ...rule, expr: `(${rule.expr}) and on () vector(0) > 1` }),
  "has a lower threshold": (rule) => ({ ...rule, expr: lower(rule.expr) }),
  "does not wait": (rule) => ({ ...rule, for: "0s" }),
  "waits too long": (rule) => ({ ...rule, for: "30m" }),
  "says nothing": (rule) => ({ ...rule, annotations: {} }),
};

const breaks = stateStories.flatMap((story) =>
  Object.entries(broken)
    .filter(([how]) => how !== "does not wait" || story.notYetAt !== undefined)
    .map(([how, change]) => [story.alert, how, story, change] as const),
);

describe("every alert on how things stand", () => {
  it.each(stateStories.map((story) => [story.alert, story] as const))(
    "%s fires, waits until it is sure, and is quiet",
    async (_, story) => {
      expect(await tell(prometheusRules(), storiesOf(story), evaluation)).toMatchObject({ code: 0 });
    },
  );

  it("has a story", () => {
    const all = prometheusRules()
      .groups.flatMap(({ rules }) => rules)
      .flatMap((rule) => ("alert" in rule ? rule.alert : []))
      .filter((alert) => !alert.endsWith("BudgetBurn"));
    expect(stateStories.map(({ alert }) => alert)).toEqual(all);
  });

  it.each(breaks)("%s is found out when it %s", async (alert, _, story, change) => {
    const rules = withAlerts(prometheusRules(), (rule) => (rule.alert === alert ? change(rule) : rule));
    const { code, output } = await tell(rules, storiesOf(story), evaluation);
    expect({ code, names: output.includes(alert) }).toEqual({ code: 1, names: true });
  });
});
