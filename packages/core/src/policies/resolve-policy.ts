import { configError } from "../errors.ts";
import { checkArray, checkNumber, checkObject, fieldPath } from "../option-checks.ts";
import type { Caller } from "./balancing-policy.ts";
import type {
  ResolvedBudget,
  ResolvedCircuit,
  ResolvedPolicy,
  ResolvedRetry,
  ResolvedRoute,
  ResolvedTimeout,
  ServicePolicy,
} from "./policy.ts";
import {
  balancingKeys,
  resolveBalancing,
  resolveRouteBalancing,
  routeBalancingKeys,
} from "./resolve-balancing.ts";
import { resolveMatch, shadows } from "./route-path.ts";

/** Node fires timers beyond this at once. */
const maxTimerMs = 2 ** 31 - 1;
const positiveMs = { min: 1, max: maxTimerMs };
const anyMs = { min: 0, max: maxTimerMs };

const timeoutDefaults: ResolvedTimeout = { totalMs: 30_000, attemptMs: 10_000, connectMs: 1_000 };
const retryDefaults: ResolvedRetry = {
  maxAttempts: 3,
  statuses: Object.freeze([408, 429, 502, 503, 504]),
  baseDelayMs: 25,
  maxDelayMs: 250,
};
const circuitDefaults: Omit<ResolvedCircuit, "probeTimeoutMs"> = {
  failureRatio: 0.5,
  windowMs: 10_000,
  minCalls: 20,
  openMs: 5_000,
};

/** The keys of a {@link ServicePolicy}, for options that hold a policy among other things. */
export const servicePolicyKeys: readonly (keyof ServicePolicy)[] = [
  "timeout",
  "retry",
  "circuit",
  "routes",
  ...balancingKeys,
];

const routeRetryKeys = ["maxAttempts", "statuses", "baseDelayMs", "maxDelayMs"];

/**
 * Checks a {@link ServicePolicy}, fills in every default and freezes the result. A default that would contradict
 * a given value gives way to it (`totalMs: 500` alone lowers the attempt's timeout to 500).
 * @param input what the user wrote; nothing about it is trusted
 * @param prefix path of the policy in error messages (`services.orders`); empty for none
 * @param caller what is known of this process
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` with `field` for values out of range, unknown keys and contradictions
 */
export function resolvePolicy(input: unknown, prefix: string, caller: Caller = {}): ResolvedPolicy {
  const given = checkObject(input, prefix, servicePolicyKeys);
  const timeout = resolveTimeout(given["timeout"], fieldPath(prefix, "timeout"), timeoutDefaults);
  const retryPath = fieldPath(prefix, "retry");
  const retryInput = given["retry"];
  const retryKeys = [...routeRetryKeys, "budget"];
  const retry = resolveRetry(retryInput, retryPath, retryDefaults, retryKeys);
  const circuitPath = fieldPath(prefix, "circuit");
  const circuit = resolveCircuit(given["circuit"], circuitPath, circuitDefaults, timeout.totalMs);
  const budgetInput = retry === false ? undefined : checkObject(retryInput, retryPath, retryKeys)["budget"];
  const service = {
    timeout,
    retry,
    budget: resolveBudget(budgetInput, fieldPath(retryPath, "budget")),
    circuit,
    balancing: resolveBalancing(given, prefix, caller),
  };
  const routes = resolveRoutes(given["routes"], fieldPath(prefix, "routes"), service);
  return Object.freeze({ ...service, routes });
}

/**
 * Lays the retry options of one call over those of its service or route.
 * @param input `undefined` leaves `base` as it is; `false` turns retries off
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveCallRetry(
  input: unknown,
  path: string,
  base: ResolvedRetry | false,
): ResolvedRetry | false {
  if (input === undefined) return base;
  const keys = ["maxAttempts", "statuses", "idempotent"];
  const resolved = resolveRetry(input, path, base === false ? retryDefaults : base, keys);
  if (resolved === false) return false;
  const { idempotent, maxAttempts, statuses } = checkObject(input, path, keys);
  if (idempotent !== undefined && typeof idempotent !== "boolean") {
    throw configError(fieldPath(path, "idempotent"), "true or false", idempotent);
  }
  // A caller who only vouches for the request does not ask for what the policy turned off.
  return base === false && maxAttempts === undefined && statuses === undefined ? false : resolved;
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
function resolveTimeout(input: unknown, path: string, defaults: ResolvedTimeout): ResolvedTimeout {
  const given = checkObject(input, path, ["totalMs", "attemptMs", "connectMs"]);
  const total = checkNumber(given["totalMs"], fieldPath(path, "totalMs"), positiveMs);
  const attempt = checkNumber(given["attemptMs"], fieldPath(path, "attemptMs"), positiveMs);
  const connect = checkNumber(given["connectMs"], fieldPath(path, "connectMs"), positiveMs);
  const totalMs = total ?? Math.max(defaults.totalMs, attempt ?? 0, connect ?? 0);
  const attemptMs = attempt ?? Math.min(totalMs, Math.max(defaults.attemptMs, connect ?? 0));
  const connectMs = connect ?? Math.min(defaults.connectMs, attemptMs);
  if (attemptMs > totalMs) {
    throw configError(
      fieldPath(path, "attemptMs"),
      `at most ${fieldPath(path, "totalMs")} (${totalMs})`,
      attempt,
    );
  }
  if (connectMs > attemptMs) {
    const limit = attempt === undefined ? "totalMs" : "attemptMs";
    throw configError(
      fieldPath(path, "connectMs"),
      `at most ${fieldPath(path, limit)} (${attemptMs})`,
      connect,
    );
  }
  return Object.freeze({ totalMs, attemptMs, connectMs });
}

function resolveRetry(
  input: unknown,
  path: string,
  defaults: ResolvedRetry,
  keys: readonly string[],
): ResolvedRetry | false {
  if (input === false) return false;
  const given = checkObject(input, path, keys, true);
  const attempts = { min: 1, max: 10, integer: true };
  const maxAttempts = checkNumber(given["maxAttempts"], fieldPath(path, "maxAttempts"), attempts);
  const base = checkNumber(given["baseDelayMs"], fieldPath(path, "baseDelayMs"), anyMs);
  const max = checkNumber(given["maxDelayMs"], fieldPath(path, "maxDelayMs"), anyMs);
  const maxDelayMs = max ?? Math.max(defaults.maxDelayMs, base ?? 0);
  const baseDelayMs = base ?? Math.min(defaults.baseDelayMs, maxDelayMs);
  if (baseDelayMs > maxDelayMs) {
    const field = fieldPath(path, "baseDelayMs");
    throw configError(field, `at most ${fieldPath(path, "maxDelayMs")} (${maxDelayMs})`, base);
  }
  return Object.freeze({
    maxAttempts: maxAttempts ?? defaults.maxAttempts,
    statuses: resolveStatuses(given["statuses"], fieldPath(path, "statuses")) ?? defaults.statuses,
    baseDelayMs,
    maxDelayMs,
  });
}

function resolveStatuses(input: unknown, path: string): readonly number[] | undefined {
  const given = checkArray(input, path, "statuses from 400 to 599");
  if (given === undefined) return undefined;
  const statuses = new Set<number>();
  for (const [index, value] of given.entries()) {
    const field = `${path}[${index}]`;
    const status = checkNumber(value, field, { min: 400, max: 599, integer: true });
    if (status === undefined) throw configError(field, "a status from 400 to 599", value);
    statuses.add(status);
  }
  return Object.freeze([...statuses]);
}

function resolveBudget(input: unknown, path: string): ResolvedBudget {
  const given = checkObject(input, path, ["ratio", "minPerSecond"]);
  const ratio = checkNumber(given["ratio"], fieldPath(path, "ratio"), { min: 0, max: 1 });
  const minimum = { min: 0, max: 1_000_000 };
  const minPerSecond = checkNumber(given["minPerSecond"], fieldPath(path, "minPerSecond"), minimum);
  return Object.freeze({ ratio: ratio ?? 0.2, minPerSecond: minPerSecond ?? 10 });
}

function resolveCircuit(
  input: unknown,
  path: string,
  defaults: Omit<ResolvedCircuit, "probeTimeoutMs"> & { readonly probeTimeoutMs?: number | undefined },
  totalMs: number,
): ResolvedCircuit | false {
  if (input === false) return false;
  const keys = ["failureRatio", "windowMs", "minCalls", "openMs", "probeTimeoutMs"];
  const given = checkObject(input, path, keys, true);
  const number = (key: string, min: number, max: number, kind: object = {}): number | undefined =>
    checkNumber(given[key], fieldPath(path, key), { min, max, ...kind });
  return Object.freeze({
    failureRatio: number("failureRatio", 0, 1, { above: true }) ?? defaults.failureRatio,
    windowMs: number("windowMs", 100, 3_600_000) ?? defaults.windowMs,
    minCalls: number("minCalls", 1, 1_000_000, { integer: true }) ?? defaults.minCalls,
    openMs: number("openMs", 1, 3_600_000) ?? defaults.openMs,
    probeTimeoutMs: number("probeTimeoutMs", 1, maxTimerMs) ?? defaults.probeTimeoutMs ?? totalMs,
  });
}

function resolveRoutes(
  input: unknown,
  path: string,
  service: Omit<ResolvedPolicy, "routes">,
): readonly ResolvedRoute[] {
  const routes: ResolvedRoute[] = [];
  for (const [index, value] of (checkArray(input, path, "routes") ?? []).entries()) {
    const field = `${path}[${index}]`;
    const route = resolveRoute(value, field, service);
    const earlier = routes.findIndex((other) => shadows(other.match, route.match));
    if (earlier !== -1) {
      const expected = `unlike ${path}[${earlier}].match, which comes first and takes the same requests`;
      throw configError(`${field}.match.path`, expected, route.match.path);
    }
    routes.push(route);
  }
  return Object.freeze(routes);
}

function resolveRoute(input: unknown, path: string, service: Omit<ResolvedPolicy, "routes">): ResolvedRoute {
  if (input === undefined) throw configError(path, "an object", input);
  const given = checkObject(input, path, ["match", "timeout", "retry", "circuit", ...routeBalancingKeys]);
  const retry = given["retry"];
  const circuit = given["circuit"];
  const timeout = resolveTimeout(given["timeout"], `${path}.timeout`, service.timeout);
  const circuitBase = service.circuit === false ? circuitDefaults : service.circuit;
  const retryBase = service.retry === false ? retryDefaults : service.retry;
  return Object.freeze({
    match: resolveMatch(given["match"], `${path}.match`),
    timeout,
    retry:
      retry === undefined ? service.retry : resolveRetry(retry, `${path}.retry`, retryBase, routeRetryKeys),
    circuit:
      circuit === undefined
        ? false
        : resolveCircuit(circuit, `${path}.circuit`, circuitBase, timeout.totalMs),
    serviceCircuit: circuit !== false,
    balancing: resolveRouteBalancing(given, path, service.balancing),
  });
}
