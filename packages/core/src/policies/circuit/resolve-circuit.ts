import { configError } from "../../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../../option-checks.ts";
import type { NumberRule } from "../../option-checks.ts";
import type { CircuitEngine, CircuitMode, CircuitPolicy, ResolvedCircuit } from "./circuit-policy.ts";

const keys: readonly (keyof CircuitPolicy)[] = [
  "engine",
  "mode",
  "failureRatio",
  "windowMs",
  "windowCalls",
  "minCalls",
  "consecutiveFailures",
  "slowCallMs",
  "slowCallRatio",
  "openMs",
  "maxOpenMs",
  "openGrowth",
  "openJitter",
  "probes",
  "probeIntervalMs",
  "probeTimeoutMs",
];

const hourMs = 3_600_000;
/** The longest a circuit may be told to stay open. */
export const maxOpenLimitMs = 86_400_000;
/** The longest window of calls; each call in it takes a byte. */
export const maxWindowCalls = 10_000;

const share: NumberRule = { min: 0, max: 1, above: true };
const timer: NumberRule = { min: 1, max: 2 ** 31 - 1 };
const count: NumberRule = { min: 1, max: 1_000_000, integer: true };
const window: NumberRule = { min: 100, max: hourMs };
const callWindow: NumberRule = { min: 1, max: maxWindowCalls, integer: true };
const openTime: NumberRule = { min: 1, max: hourMs };
const interval: NumberRule = { min: 0, max: hourMs };
const probeCount: NumberRule = { min: 1, max: 100, integer: true };

/** What probes keep between them where there are several. */
const probePaceMs = 200;

const defaults: Omit<ResolvedCircuit, "probeTimeoutMs"> = {
  engine: "opossum",
  mode: "auto",
  failureRatio: 0.5,
  windowMs: 10_000,
  windowCalls: undefined,
  minCalls: 20,
  consecutiveFailures: false,
  slowCallMs: false,
  slowCallRatio: 0.5,
  openMs: 5_000,
  maxOpenMs: 15_000,
  openGrowth: 1.5,
  openJitter: 0.2,
  probes: 1,
  probeIntervalMs: 0,
};

/**
 * Checks a {@link CircuitPolicy} and fills in what was not given from `base` or, where that is `false`, the defaults. A
 * value that was not given gives way to one that was.
 * @param totalMs the total timeout, which is how long a probe may take where nobody says
 * @param base what a route inherits from its service
 * @returns `false` where the input is
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveCircuit(
  input: unknown,
  path: string,
  totalMs: number,
  base: ResolvedCircuit | false = false,
): ResolvedCircuit | false {
  if (input === false) return false;
  const given = checkObject(input, path, keys, true);
  const number = (key: keyof CircuitPolicy, rule: NumberRule): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), rule);
  const orOff = (key: keyof CircuitPolicy, rule: NumberRule): number | false | undefined =>
    given[key] === false ? false : number(key, rule);
  const from = base === false ? { ...defaults, probeTimeoutMs: totalMs } : base;

  const failureRatio = orOff("failureRatio", share) ?? from.failureRatio;
  const consecutiveFailures = orOff("consecutiveFailures", count) ?? from.consecutiveFailures;
  const slowCallMs = orOff("slowCallMs", timer) ?? from.slowCallMs;
  const slowCallRatio = number("slowCallRatio", share);
  const probes = number("probes", probeCount);
  const resolved = {
    mode: readMode(given["mode"], fieldPath(path, "mode")) ?? from.mode,
    failureRatio,
    ...windowOf(number("windowMs", window), number("windowCalls", callWindow), path, from),
    consecutiveFailures,
    slowCallMs,
    slowCallRatio: slowCallRatio ?? from.slowCallRatio,
    ...openTimesOf(
      number("openMs", openTime),
      number("maxOpenMs", { min: 1, max: maxOpenLimitMs }),
      path,
      from,
    ),
    openGrowth: number("openGrowth", { min: 1, max: 100 }) ?? from.openGrowth,
    openJitter: number("openJitter", { min: 0, max: 1 }) ?? from.openJitter,
    probes: probes ?? from.probes,
    probeIntervalMs:
      number("probeIntervalMs", interval) ??
      (probes === undefined ? from.probeIntervalMs : probes > 1 ? probePaceMs : 0),
    probeTimeoutMs: number("probeTimeoutMs", timer) ?? from.probeTimeoutMs,
  };
  const probeIntervalMs = number("probeIntervalMs", interval);
  if (resolved.probes === 1 && probeIntervalMs !== undefined && probeIntervalMs > 0) {
    const limit = `0 or left out while ${fieldPath(path, "probes")} is 1: there is no second probe to wait for`;
    throw configError(fieldPath(path, "probeIntervalMs"), limit, probeIntervalMs);
  }
  const minCalls = number("minCalls", count);
  const mostCalls = resolved.windowCalls ?? Infinity;
  if (minCalls !== undefined && minCalls > mostCalls) {
    const limit = `at most ${fieldPath(path, "windowCalls")} (${mostCalls})`;
    throw configError(fieldPath(path, "minCalls"), limit, minCalls);
  }
  if (slowCallRatio !== undefined && slowCallMs === false && given["slowCallMs"] === undefined) {
    const limit = `left out unless ${fieldPath(path, "slowCallMs")} says which calls are slow`;
    throw configError(fieldPath(path, "slowCallRatio"), limit, slowCallRatio);
  }
  if (failureRatio === false && consecutiveFailures === false && slowCallMs === false) {
    const limit =
      "a number, unless consecutiveFailures or slowCallMs is one: nothing would ever open the circuit";
    throw configError(fieldPath(path, "failureRatio"), limit, failureRatio);
  }
  return Object.freeze({
    engine: engineOf(given["engine"], path, from.engine, resolved),
    ...resolved,
    minCalls: Math.min(minCalls ?? from.minCalls, mostCalls),
  });
}

/**
 * A {@link CircuitMode}, or `undefined` where none was given.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function readMode(value: unknown, path: string): CircuitMode | undefined {
  switch (value) {
    case undefined:
    case "auto":
    case "forced-open":
    case "forced-closed":
    case "metrics-only":
      return value;
    default:
      throw configError(path, '"auto", "forced-open", "forced-closed" or "metrics-only"', value);
  }
}

function windowOf(
  windowMs: number | undefined,
  windowCalls: number | undefined,
  path: string,
  from: Pick<ResolvedCircuit, "windowMs" | "windowCalls">,
): Pick<ResolvedCircuit, "windowMs" | "windowCalls"> {
  if (windowMs === undefined && windowCalls === undefined)
    return { windowMs: from.windowMs, windowCalls: from.windowCalls };
  if (windowMs === undefined || windowCalls === undefined) return { windowMs, windowCalls };
  const limit = `left out where ${fieldPath(path, "windowMs")} is given: a window has a length in time or in calls`;
  throw configError(fieldPath(path, "windowCalls"), limit, windowCalls);
}

function openTimesOf(
  openMs: number | undefined,
  maxOpenMs: number | undefined,
  path: string,
  from: Pick<ResolvedCircuit, "openMs" | "maxOpenMs">,
): Pick<ResolvedCircuit, "openMs" | "maxOpenMs"> {
  if (openMs !== undefined && maxOpenMs !== undefined && openMs > maxOpenMs) {
    const limit = `at least ${fieldPath(path, "openMs")} (${openMs})`;
    throw configError(fieldPath(path, "maxOpenMs"), limit, maxOpenMs);
  }
  const first = openMs ?? Math.min(from.openMs, maxOpenMs ?? Infinity);
  return {
    openMs: first,
    maxOpenMs: maxOpenMs ?? Math.min(first * (from.maxOpenMs / from.openMs), maxOpenLimitMs),
  };
}

function engineOf(
  given: unknown,
  path: string,
  inherited: CircuitEngine,
  rule: Pick<ResolvedCircuit, "failureRatio" | "windowCalls" | "consecutiveFailures" | "slowCallMs">,
): CircuitEngine {
  if (given !== undefined && given !== "opossum" && given !== "native")
    throw configError(fieldPath(path, "engine"), '"opossum" or "native"', given);
  const beyond = beyondOpossum(rule);
  if (given === "opossum" && beyond !== undefined) {
    const limit = `"native" or left out: opossum knows only a share of failures in a window of time, not ${beyond}`;
    throw configError(fieldPath(path, "engine"), limit, given);
  }
  return given ?? (beyond === undefined ? inherited : "native");
}

/** The first thing asked that opossum cannot do, as the user wrote it. */
function beyondOpossum(
  rule: Pick<ResolvedCircuit, "failureRatio" | "windowCalls" | "consecutiveFailures" | "slowCallMs">,
): string | undefined {
  if (rule.windowCalls !== undefined) return `windowCalls: ${rule.windowCalls}`;
  if (rule.consecutiveFailures !== false) return `consecutiveFailures: ${rule.consecutiveFailures}`;
  if (rule.slowCallMs !== false) return `slowCallMs: ${rule.slowCallMs}`;
  return rule.failureRatio === false ? "failureRatio: false" : undefined;
}
