import { configError } from "@proxyless/core";
import { knownKeys, oneOf, record, text } from "@proxyless/core/discovery";

import { duration } from "./duration.ts";
import { numberWithin } from "./number-within.ts";
import type { ResolvedRules, ResolvedTuning, RulesOptions } from "./options.ts";
import { resolveSlo } from "./resolve-slo.ts";
import type { Labels } from "./rule.ts";
import { stateAlertNames, stateAlerts } from "./state-alerts.ts";
import type { StateAlert, StateAlertName } from "./state-alerts.ts";

const keys = ["selector", "by", "labels", "severities", "runbookUrl", "window", "slo", "alerts"];

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveRules(options: RulesOptions): ResolvedRules {
  knownKeys("", record("options", options), keys);
  const severities = record("severities", options.severities ?? {});
  knownKeys("severities", severities, ["page", "ticket"]);
  return {
    selector: labels("selector", options.selector),
    by: labelNames(options.by ?? []),
    labels: labels("labels", options.labels),
    severities: {
      page: text("severities.page", severities["page"] ?? "page"),
      ticket: text("severities.ticket", severities["ticket"] ?? "ticket"),
    },
    runbookUrl: options.runbookUrl === undefined ? undefined : address("runbookUrl", options.runbookUrl),
    window: duration("window", options.window, "5m", 1),
    slo: resolveSlo(options.slo),
    alerts: tunings(record("alerts", options.alerts ?? {})),
  };
}

/** A link that leads nowhere is worse than none, at night. */
function address(field: string, given: unknown): string {
  const isAbsolute =
    typeof given === "string" && URL.canParse(given) && /^https?:$/.test(new URL(given).protocol);
  if (!isAbsolute) throw configError(field, "an absolute URL, http or https", given);
  return given;
}

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

function checkedName(field: string, name: unknown): string {
  if (typeof name !== "string" || !labelName.test(name)) {
    throw configError(field, "a name of a label: letters, digits, _", name);
  }
  return name;
}

function labels(field: string, given: unknown): Labels {
  const entries = Object.entries(record(field, given ?? {}));
  return Object.fromEntries(
    entries.map(([name, value]) => [checkedName(field, name), text(`${field}.${name}`, value)]),
  );
}

function labelNames(given: unknown): readonly string[] {
  if (!Array.isArray(given)) throw configError("by", "a list of names of labels", given);
  return given.map((name: unknown, i) => checkedName(`by[${i}]`, name));
}

function tunings(given: Readonly<Record<string, unknown>>): ReadonlyMap<StateAlertName, ResolvedTuning> {
  knownKeys("alerts", given, stateAlertNames);
  return new Map(
    stateAlertNames
      .filter((name) => given[name] !== false)
      .map((name) => {
        const field = `alerts.${name}`;
        return [name, tuning(field, record(field, given[name] ?? {}), stateAlerts[name])];
      }),
  );
}

function tuning(field: string, given: Readonly<Record<string, unknown>>, alert: StateAlert): ResolvedTuning {
  knownKeys(field, given, ["threshold", "for", "severity"]);
  return {
    threshold: numberWithin(`${field}.threshold`, given["threshold"], alert.threshold, 0, alert.max),
    for: duration(`${field}.for`, given["for"], alert.for, 0),
    severity: oneOf(`${field}.severity`, given["severity"], ["page", "ticket"], alert.severity),
  };
}
