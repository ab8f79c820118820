import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { NumberRule } from "../../option-checks.ts";
import type { ResolvedOutlierDetection } from "./outlier-policy.ts";

const count = { min: 1, max: 1_000_000, integer: true };
const hosts = { min: 2, max: 1_000_000, integer: true };
const few = { min: 1, max: 100, integer: true };
const percent = { min: 0, max: 100 };
const ratio = { min: 1, max: 1_000, above: true };
const dayMs = { min: 1, max: 86_400_000 };

/** The default and the legal range of a number. */
type NumberOption = readonly [standard: number, rule: NumberRule];
type Numbers<K extends string> = Readonly<Record<K, NumberOption>>;

const detectors = {
  consecutive5xx: { count: [5, count], enforcing: [100, percent] },
  consecutiveGatewayFailure: { count: [5, count], enforcing: [0, percent] },
  consecutiveLocalOriginFailure: { count: [5, count], enforcing: [100, percent] },
  consecutiveSlow: {
    count: [10, count],
    ratio: [5, ratio],
    minimumDifferenceMs: [5, { min: 0, max: 3_600_000 }],
    enforcing: [100, percent],
  },
  successRate: {
    minimumHosts: [5, hosts],
    requestVolume: [100, count],
    stdevFactor: [1.9, { min: 0, max: 10 }],
    minimumDifference: [5, percent],
    enforcing: [100, percent],
  },
  failurePercentage: {
    threshold: [85, { min: 0, max: 100, above: true }],
    minimumHosts: [5, count],
    requestVolume: [50, count],
    enforcing: [100, percent],
  },
  latency: {
    ratio: [2, ratio],
    minimumDifferenceMs: [5, { min: 0, max: 3_600_000 }],
    minimumHosts: [3, hosts],
    requestVolume: [15, count],
    intervals: [2, few],
    enforcing: [100, percent],
  },
} as const;

const halfOpen = {
  probes: [1, few],
  failures: [1, few],
  successes: [2, few],
  intervalMs: [200, { min: 0, max: 3_600_000 }],
  earlyEvery: [2_000, { min: 0, max: 1_000_000_000, integer: true }],
  leaseMs: [30_000, { min: 1, max: 3_600_000 }],
} as const;

const general = {
  intervalMs: [10_000, { min: 100, max: 3_600_000 }],
  baseEjectionMs: [30_000, dayMs],
  maxEjectionMs: [300_000, dayMs],
  maxEjectionPercent: [50, percent],
} as const;

const flags = {
  splitExternalLocalOriginErrors: false,
  honorRetryAfter: true,
  successfulHealthCheckUnejects: true,
} as const;

/**
 * Checks an outlier detection policy and fills in every default.
 * @param input what the user wrote; `undefined` for the defaults, `false` for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveOutlierDetection(input: unknown, path: string): ResolvedOutlierDetection | false {
  if (input === false) return false;
  const groups = { ...detectors, ...general, ...flags, mode: undefined, halfOpen };
  const given = checkObject(input, path, Object.keys(groups), true);
  const mode = given["mode"] ?? "enforce";
  if (mode !== "enforce" && mode !== "shadow") {
    throw configError(fieldPath(path, "mode"), '"enforce" or "shadow"', mode);
  }
  const flag = (key: keyof typeof flags): boolean => {
    const value = given[key] ?? flags[key];
    if (typeof value === "boolean") return value;
    throw configError(fieldPath(path, key), "true or false", value);
  };
  const detector = <K extends string>(
    key: keyof typeof detectors,
    table: Numbers<K>,
  ): Readonly<Record<K, number>> | false =>
    given[key] === false ? false : numbers(given[key], fieldPath(path, key), table, true);
  return Object.freeze({
    shadow: mode === "shadow",
    ...numbers(pick(given, Object.keys(general)), path, general, false),
    splitExternalLocalOriginErrors: flag("splitExternalLocalOriginErrors"),
    consecutive5xx: detector("consecutive5xx", detectors.consecutive5xx),
    consecutiveGatewayFailure: detector("consecutiveGatewayFailure", detectors.consecutiveGatewayFailure),
    consecutiveLocalOriginFailure: detector(
      "consecutiveLocalOriginFailure",
      detectors.consecutiveLocalOriginFailure,
    ),
    consecutiveSlow: detector("consecutiveSlow", detectors.consecutiveSlow),
    successRate: detector("successRate", detectors.successRate),
    failurePercentage: detector("failurePercentage", detectors.failurePercentage),
    latency: detector("latency", detectors.latency),
    halfOpen: numbers(given["halfOpen"], fieldPath(path, "halfOpen"), halfOpen, false),
    honorRetryAfter: flag("honorRetryAfter"),
    successfulHealthCheckUnejects: flag("successfulHealthCheckUnejects"),
  });
}

function numbers<K extends string>(
  input: unknown,
  path: string,
  table: Numbers<K>,
  orFalse: boolean,
): Readonly<Record<K, number>> {
  const given = checkObject(input, path, Object.keys(table), orFalse);
  const resolved: Record<string, number> = {};
  for (const [key, [standard, rule]] of Object.entries<NumberOption>(table)) {
    resolved[key] = checkNumber(given[key], fieldPath(path, key), rule) ?? standard;
  }
  if (!hasAll(resolved, table)) throw new Error(`options of ${path} are missing`);
  return Object.freeze(resolved);
}

function hasAll<K extends string>(
  resolved: Record<string, number>,
  table: Numbers<K>,
): resolved is Record<K, number> {
  return Object.keys(table).every((key) => key in resolved);
}

function pick(given: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => key in given).map((key) => [key, given[key]]));
}
