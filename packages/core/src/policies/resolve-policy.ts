import type { ResolvedDeadline } from "../context/deadline-policy.ts";
import { resolveDeadline } from "../context/resolve-deadline.ts";
import { configError } from "../errors.ts";
import { checkArray, checkObject, fieldPath } from "../option-checks.ts";
import { aroundKeys, resolveAround } from "./around-policy.ts";
import type { Caller } from "./balancing-policy.ts";
import { resolveCircuit } from "./circuit/resolve-circuit.ts";
import { layService } from "./data/policy-layers.ts";
import { resolveHedge } from "./hedge/resolve-hedge.ts";
import { limitsKeys, resolveLimits } from "./limit/limits-policy.ts";
import { checkOrder, settleOrder } from "./policy-order.ts";
import type { ResolvedPolicy, ResolvedRoute, ServicePolicy } from "./policy.ts";
import {
  balancingKeys,
  resolveBalancing,
  resolveRouteBalancing,
  routeBalancingKeys,
} from "./resolve-balancing.ts";
import { resolveBudget, resolveRetry, retryDefaults, routeRetryKeys } from "./retry/resolve-retry.ts";
import type { ResolvedRetry } from "./retry/retry-policy.ts";
import { resolveMatch, shadows } from "./route-path.ts";
import { resolveTimeout, timeoutDefaults } from "./timeout/resolve-timeout.ts";

const noDeadline: ResolvedDeadline = Object.freeze({ inherit: false, propagate: false, reserveMs: 0 });

/** The keys of a {@link ServicePolicy}, for options that hold a policy among other things. */
export const servicePolicyKeys: readonly (keyof ServicePolicy)[] = [
  "preset",
  "timeout",
  "retry",
  "hedge",
  "deadline",
  "circuit",
  ...limitsKeys,
  ...aroundKeys,
  "routes",
  ...balancingKeys,
];

/**
 * Checks a {@link ServicePolicy}, fills in every default and freezes the result. A default that would contradict
 * a given value gives way to it (`totalMs: 500` alone lowers the attempt's timeout to 500).
 * @param input what the user wrote; nothing about it is trusted
 * @param prefix path of the policy in error messages (`services.orders`); empty for none
 * @param caller what is known of this process
 * @param name of the service, where it is known
 * @param written the part of `input` that was written last, to which the rest gives way; all of it when absent
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` with `field` for values out of range, unknown keys and contradictions
 */
export function resolvePolicy(
  input: unknown,
  prefix: string,
  caller: Caller = {},
  name?: string,
  written?: object,
): ResolvedPolicy {
  const whole = checkObject(input, prefix, servicePolicyKeys);
  const own = written ?? whole;
  const { given } = layService(whole, prefix);
  const timeout = resolveTimeout(given["timeout"], fieldPath(prefix, "timeout"), timeoutDefaults);
  const retryPath = fieldPath(prefix, "retry");
  const retryInput = given["retry"];
  const retryKeys = [...routeRetryKeys, "budget"];
  const retry = resolveRetry(retryInput, retryPath, retryDefaults, retryKeys);
  const circuitPath = fieldPath(prefix, "circuit");
  const circuit = resolveCircuit(given["circuit"], circuitPath, timeout.totalMs);
  const budgetInput = retry === false ? undefined : checkObject(retryInput, retryPath, retryKeys)["budget"];
  checkOrder(own, prefix);
  const resolved = {
    timeout,
    retry,
    hedge: resolveHedge(given["hedge"], fieldPath(prefix, "hedge")),
    deadline: resolveDeadline(given["deadline"], fieldPath(prefix, "deadline")) || noDeadline,
    limits: resolveLimits(given, prefix),
    around: resolveAround(given, prefix, undefined, name),
    budget: resolveBudget(budgetInput, fieldPath(retryPath, "budget")),
    circuit,
    balancing: resolveBalancing(given, prefix, caller),
  };
  const service = settleOrder(resolved, own);
  const ownRoutes = checkArray(whole["routes"], fieldPath(prefix, "routes"), "routes") ?? [];
  const routes = resolveRoutes(
    { given: given["routes"], written: ownRoutes },
    fieldPath(prefix, "routes"),
    service,
    name,
  );
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

const routeKeys: readonly string[] = [
  "match",
  "preset",
  "timeout",
  "retry",
  "hedge",
  "deadline",
  "circuit",
  ...limitsKeys,
  ...aroundKeys,
  ...routeBalancingKeys,
];

function resolveRoutes(
  { given, written }: { readonly given: unknown; readonly written: readonly unknown[] },
  path: string,
  service: Omit<ResolvedPolicy, "routes">,
  name: string | undefined,
): readonly ResolvedRoute[] {
  const routes: ResolvedRoute[] = [];
  for (const [index, value] of (checkArray(given, path, "routes") ?? []).entries()) {
    const field = `${path}[${index}]`;
    const own = checkObject(written[index], field, routeKeys);
    checkOrder(own, field);
    const route = settleOrder(resolveRoute(value, field, service, name), own);
    const earlier = routes.findIndex((other) => shadows(other.match, route.match));
    if (earlier !== -1) {
      const expected = `unlike ${path}[${earlier}].match, which comes first and takes the same requests`;
      throw configError(`${field}.match.path`, expected, route.match.path);
    }
    routes.push(route);
  }
  return Object.freeze(routes);
}

function resolveRoute(
  input: unknown,
  path: string,
  service: Omit<ResolvedPolicy, "routes">,
  name: string | undefined,
): ResolvedRoute {
  if (input === undefined) throw configError(path, "an object", input);
  const given = checkObject(input, path, routeKeys);
  const retry = given["retry"];
  const circuit = given["circuit"];
  const timeout = resolveTimeout(given["timeout"], `${path}.timeout`, service.timeout);
  const retryBase = service.retry === false ? retryDefaults : service.retry;
  return Object.freeze({
    match: resolveMatch(given["match"], `${path}.match`),
    timeout,
    retry:
      retry === undefined ? service.retry : resolveRetry(retry, `${path}.retry`, retryBase, routeRetryKeys),
    hedge: resolveHedge(given["hedge"], `${path}.hedge`, service.hedge),
    deadline: resolveDeadline(given["deadline"], `${path}.deadline`, service.deadline) || noDeadline,
    around: resolveAround(given, path, service.around, name),
    limits: limitsKeys.some((key) => given[key] !== undefined)
      ? resolveLimits(given, path, service.limits)
      : undefined,
    circuit:
      circuit === undefined
        ? false
        : resolveCircuit(circuit, `${path}.circuit`, timeout.totalMs, service.circuit),
    serviceCircuit: circuit !== false,
    balancing: resolveRouteBalancing(given, path, service.balancing),
  });
}
