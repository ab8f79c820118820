import { prometheusRules } from "@proxyless/monitoring";
import type { AlertingRule } from "@proxyless/monitoring";
import { describe, expect, it } from "vitest";

import { silent, tell, withAlerts } from "./support/rule-test.ts";
import type { Alert, Samples, Story } from "./support/rule-test.ts";

// Two minutes are the longest for which five have two samples.
const interval = "2m";
/** Twice, at the beginning and at the end: these alerts have nothing to remember. */
const evaluation = "84h";
/** Three and a half days of samples. */
const count = 2_520;
const hour = 30;

const errors = "ProxylessErrorBudgetBurn";
const shipped = silent(prometheusRules());
const refused = 'proxyless_outcome="ignored",proxyless_flag="UO"';

/** Beside many that their callers gave up, which count for nothing. */
function calls(good: string, bad: string, kind = 'proxyless_outcome="failure"'): Samples {
  const of = (labels: string): string => `proxyless_client_calls_total{server_address="orders",${labels}}`;
  const givenUp = 'proxyless_outcome="ignored",proxyless_flag="DC"';
  return { [of('proxyless_outcome="success"')]: good, [of(kind)]: bad, [of(givenUp)]: `0+5000x${count}` };
}

/** Of 100,000 calls in two minutes, so many fail. */
function steady(failing: number, kind?: string): Samples {
  return calls(`0+${100_000 - failing}x${count}`, `0+${failing}x${count}`, kind);
}

/** All goes well; then a share of the calls fails for so many samples; then all is well for so many. */
function outage(share: number, failing: number, well: number): Samples {
  const before = count - failing - well;
  const [good, bad] = [1_000 * (1 - share), 1_000 * share];
  const goodAtEnd = before * 1_000 + good * failing;
  const after = well === 0 ? ["", ""] : [`${goodAtEnd}+1000x${well}`, `${bad * failing}x${well}`];
  return calls(
    `0+1000x${before} ${before * 1_000 + good}+${good}x${failing - 1} ${after[0]}`,
    `0x${before} ${bad}+${bad}x${failing - 1} ${after[1]}`,
  );
}

function alert(long: string, short: string, severity: string): Alert {
  return { exp_labels: { server_address: "orders", severity, long_window: long, short_window: short } };
}

const fastest = alert("1h", "5m", "page");
const fast = alert("6h", "30m", "page");
const slow = alert("1d", "2h", "ticket");
const slowest = alert("3d", "6h", "ticket");

function story(name: string, samples: Samples, firing: readonly Alert[], alertname = errors): Story {
  return { name, interval, samples, at: "84h", alertname, firing };
}

const stories: readonly Story[] = [
  story("1.5 % fail", steady(1_500), [fastest, fast, slow, slowest]),
  story("1.4 % fail", steady(1_400), [fast, slow, slowest]),
  story("0.65 % fail", steady(650), [fast, slow, slowest]),
  story("0.55 % fail", steady(550), [slow, slowest]),
  story("0.18 % fail", steady(180), [slowest]),
  story("0.09 % fail", steady(90), []),
  story("an open circuit refuses 1.5 %", steady(1_500, refused), [fastest, fast, slow, slowest]),
  story("a tenth fails since four minutes", outage(0.1, 2, 0), []),
  story("everything fails since ten minutes", outage(1, 5, 0), [fastest, fast, slow, slowest]),
  story("an outage ended ten minutes ago", outage(1, 15, 5), [fast, slow, slowest]),
  story("an outage ended an hour ago", outage(1, 15, hour), [slow, slowest]),
  story("an outage ended three hours ago", outage(1, 15, 3 * hour), [slowest]),
  story("an outage ended seven hours ago", outage(1, 15, 7 * hour), []),
  story("half of 18 calls an hour fail", calls(`0+0.3x${count}`, `0+0.3x${count}`), [fast, slow, slowest]),
];

describe("burn rates of the error budget", () => {
  it.each(stories.map((one) => [one.name, one] as const))("are seen when %s", async (_, one) => {
    expect(await tell(shipped, [one], evaluation)).toMatchObject({ code: 0 });
  });

  const windows = ["1h", "6h", "1d", "3d"];
  const changes: Readonly<Record<string, (rule: AlertingRule) => AlertingRule>> = {
    "forgets its short window": (rule) => ({
      ...rule,
      expr: rule.expr.replace(/ and service:.*?0\.001/, ""),
    }),
    "forgets its long window": (rule) => ({
      ...rule,
      expr: rule.expr.replace(/^service:.*?0\.001 and /, ""),
    }),
    "takes half the burn rate": (rule) => ({ ...rule, expr: rule.expr.replaceAll("* 0.001", "* 0.0005") }),
    "takes twice the burn rate": (rule) => ({ ...rule, expr: rule.expr.replaceAll("* 0.001", "* 0.002") }),
  };
  const broken = windows.flatMap((window) =>
    Object.entries(changes).map(([how, change]) => [window, how, change] as const),
  );

  it.each(broken)("the alert over %s is found out when it %s", async (window, _, change) => {
    const rules = withAlerts(shipped, (rule) =>
      rule.labels["long_window"] === window ? change(rule) : rule,
    );
    expect(await tell(rules, stories, evaluation)).toMatchObject({ code: 1 });
  });
});
