import type { BalancerName, BalancerPolicy } from "../balancers/balancers.ts";
import type { Balancer } from "../balancers/picker.ts";

/** How the endpoint of an attempt is chosen, for a service or for one of its routes. */
export interface RouteBalancingPolicy {
  /**
   * Who chooses: a name, a policy, or a balancer of your own. A service has `success-aware-ewma` by default, a route
   * its service's, a streaming route `least-request`.
   */
  readonly balancer?: BalancerName | BalancerPolicy | Balancer | undefined;
  /**
   * Answers take as long as they like (long polls, server-sent events, downloads): their duration says nothing of the
   * endpoint, so latency is not measured by them and only requests in flight are balanced. False by default.
   */
  readonly streaming?: boolean | undefined;
}

/** How the endpoints of a service are chosen. */
export interface BalancingPolicy extends RouteBalancingPolicy {}

/** {@link RouteBalancingPolicy} with every field known. */
export interface ResolvedRouteBalancing {
  readonly balancer: Balancer;
  readonly streaming: boolean;
}

/** {@link BalancingPolicy} with every field known. */
export interface ResolvedBalancing extends ResolvedRouteBalancing {}
