import { configError } from "@proxyless/core";
import { knownKeys, oneOf, record, wholeNumber } from "@proxyless/core/discovery";

import { duration, isLonger } from "./duration.ts";
import { numberWithin } from "./number-within.ts";
import type { BurnWindow, LatencyObjective, ResolvedObjective, ResolvedSlo } from "./options.ts";

/** Google's, for a budget of 30 days: 2 % of it in an hour, 5 % in six, 10 % in a day, 10 % in three. */
const workbookWindows: readonly BurnWindow[] = [
  { burnRate: 14.4, long: "1h", short: "5m", severity: "page" },
  { burnRate: 6, long: "6h", short: "30m", severity: "page" },
  { burnRate: 3, long: "1d", short: "2h", severity: "ticket" },
  { burnRate: 1, long: "3d", short: "6h", severity: "ticket" },
];

const severities = ["page", "ticket"] as const;
const objectiveKeys = ["objective", "latency"];
const defaults: ResolvedObjective = { objective: 0.999, latency: undefined };

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function resolveSlo(options: unknown): ResolvedSlo | undefined {
  if (options === false) return undefined;
  const given = record("slo", options ?? {});
  knownKeys("slo", given, [...objectiveKeys, "services", "minCalls", "windows"]);
  const common = resolveObjective("slo", given, defaults);
  const services = Object.entries(record("slo.services", given["services"] ?? {})).map(([name, own]) => {
    const field = `slo.services.${name}`;
    const objective = record(field, own);
    knownKeys(field, objective, objectiveKeys);
    return [name, resolveObjective(field, objective, common)] as const;
  });
  return {
    ...common,
    services: Object.fromEntries(services),
    minCalls: wholeNumber("slo.minCalls", given["minCalls"], 20, 0, 1_000_000),
    windows: resolveWindows(given["windows"]),
  };
}

function resolveObjective(
  field: string,
  given: Readonly<Record<string, unknown>>,
  fallback: ResolvedObjective,
): ResolvedObjective {
  return {
    objective: share(`${field}.objective`, given["objective"], fallback.objective),
    latency: resolveLatency(`${field}.latency`, given["latency"], fallback.latency),
  };
}

function resolveLatency(
  field: string,
  given: unknown,
  fallback: LatencyObjective | undefined,
): LatencyObjective | undefined {
  if (given === undefined) return fallback;
  if (given === false) return undefined;
  const latency = record(field, given);
  knownKeys(field, latency, ["objective", "seconds"]);
  return {
    objective: share(`${field}.objective`, latency["objective"]),
    seconds: numberWithin(`${field}.seconds`, latency["seconds"], undefined, 0.001, 3_600),
  };
}

function share(field: string, value: unknown, fallback?: number): number {
  return numberWithin(field, value, fallback, 0.5, 0.99999);
}

function resolveWindows(given: unknown): readonly BurnWindow[] {
  if (given === undefined) return workbookWindows;
  if (!Array.isArray(given) || given.length === 0 || given.length > 10) {
    throw configError("slo.windows", "a list of 1 to 10 windows", given);
  }
  return given.map((one: unknown, i) => {
    const field = `slo.windows[${i}]`;
    const window = record(field, one);
    knownKeys(field, window, ["burnRate", "long", "short", "severity"]);
    const long = duration(`${field}.long`, window["long"], "1h", 1);
    const short = duration(`${field}.short`, window["short"], "5m", 1);
    if (!isLonger(long, short)) throw configError(`${field}.short`, `shorter than long (${long})`, short);
    return {
      burnRate: numberWithin(`${field}.burnRate`, window["burnRate"], undefined, 1, 1_000),
      long,
      short,
      severity: oneOf(`${field}.severity`, window["severity"], severities, "page"),
    };
  });
}
