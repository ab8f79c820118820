import { resolveBalancer } from "../balancers/balancers.ts";
import { configError } from "../errors.ts";
import { fieldPath } from "../option-checks.ts";
import type {
  BalancingPolicy,
  ResolvedBalancing,
  ResolvedRouteBalancing,
  RouteBalancingPolicy,
} from "./balancing-policy.ts";

/** The keys of {@link RouteBalancingPolicy}. */
export const routeBalancingKeys: readonly (keyof RouteBalancingPolicy)[] = ["balancer", "streaming"];

/** The keys of {@link BalancingPolicy}. */
export const balancingKeys: readonly (keyof BalancingPolicy)[] = [...routeBalancingKeys];

/**
 * Checks how a service's endpoints are chosen and fills in every default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveBalancing(
  given: Readonly<Record<string, unknown>>,
  prefix: string,
): ResolvedBalancing {
  return Object.freeze({ ...resolveRoute(given, prefix, undefined) });
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
  return { balancer, streaming };
}
