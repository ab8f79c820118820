import { resolveBalancer } from "../balancers/balancers.ts";
import { resolveHealthCheck } from "../endpoints/health-check/health-check-policy.ts";
import { resolveOutlierDetection } from "../endpoints/outlier/resolve-outlier.ts";
import { resolveSlowStart } from "../endpoints/slow-start.ts";
import { resolveMetadataFilter } from "../endpoints/subset/metadata-filter.ts";
import { resolveSubset } from "../endpoints/subset/subset-policy.ts";
import { resolveLocality } from "../endpoints/traffic/locality-policy.ts";
import { configError } from "../errors.ts";
import { checkNumber, fieldPath } from "../option-checks.ts";
import { resolveOverrideHost } from "../routing/override-host.ts";
import { resolveStatefulSession } from "../routing/stateful-session.ts";
import type {
  BalancingPolicy,
  Caller,
  ResolvedBalancing,
  ResolvedRouteBalancing,
  RouteBalancingPolicy,
} from "./balancing-policy.ts";

/** The keys of {@link RouteBalancingPolicy}. */
export const routeBalancingKeys: readonly (keyof RouteBalancingPolicy)[] = [
  "balancer",
  "streaming",
  "endpoints",
];

/** The keys of {@link BalancingPolicy}. */
export const balancingKeys: readonly (keyof BalancingPolicy)[] = [
  ...routeBalancingKeys,
  "outlierDetection",
  "healthCheck",
  "slowStart",
  "locality",
  "subset",
  "panicThreshold",
  "statefulSession",
  "overrideHost",
];

/**
 * Checks how a service's endpoints are chosen and fills in every default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveBalancing(
  given: Readonly<Record<string, unknown>>,
  prefix: string,
  caller: Caller,
): ResolvedBalancing {
  const path = (key: keyof BalancingPolicy): string => fieldPath(prefix, key);
  const percent = { min: 0, max: 100 };
  const panicThreshold = checkNumber(given["panicThreshold"], path("panicThreshold"), percent) ?? 50;
  const outlierDetection = resolveOutlierDetection(given["outlierDetection"], path("outlierDetection"));
  const healthCheck = resolveHealthCheck(given["healthCheck"], path("healthCheck"));
  const locality = resolveLocality(given["locality"], path("locality"), caller.locality);
  const ejectsNobody = outlierDetection === false || outlierDetection.shadow;
  if (locality.mode === "failover" && ejectsNobody && healthCheck === undefined) {
    // Who is dead would be known to the registry at best, and where it is not the calls would stay with the dead.
    const legal = `on where ${path("locality")} is in mode "failover" and there is no ${path("healthCheck")}`;
    throw configError(path("outlierDetection"), legal, given["outlierDetection"]);
  }
  return Object.freeze({
    ...resolveRoute(given, prefix, undefined),
    outlierDetection,
    healthCheck,
    slowStart: resolveSlowStart(given["slowStart"], path("slowStart")),
    locality,
    subset: resolveSubset(given["subset"], path("subset"), caller.ordinal !== undefined),
    panicThreshold: panicThreshold / 100,
    statefulSession: resolveStatefulSession(given["statefulSession"], path("statefulSession")),
    overrideHost: resolveOverrideHost(given["overrideHost"], path("overrideHost")),
  });
}

/**
 * Lays what a route says over its service's.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveRouteBalancing(
  given: Readonly<Record<string, unknown>>,
  path: string,
  service: ResolvedRouteBalancing,
): ResolvedRouteBalancing {
  return Object.freeze(resolveRoute(given, path, service));
}

function resolveRoute(
  given: Readonly<Record<string, unknown>>,
  path: string,
  service: ResolvedRouteBalancing | undefined,
): ResolvedRouteBalancing {
  const streaming = given["streaming"] ?? service?.streaming ?? false;
  if (typeof streaming !== "boolean") {
    throw configError(fieldPath(path, "streaming"), "true or false", streaming);
  }
  // Where latency is not measured there is nothing but the requests in flight to go by.
  const isNewlyStreaming = streaming && service?.streaming !== true;
  const inherited = isNewlyStreaming ? "least-request" : service?.balancer;
  const balancer = resolveBalancer(given["balancer"] ?? inherited, fieldPath(path, "balancer"));
  const endpoints = resolveMetadataFilter(given["endpoints"], fieldPath(path, "endpoints"));
  return { balancer, streaming, endpoints: endpoints ?? service?.endpoints };
}
