import type { BalancerName, BalancerPolicy } from "../balancers/balancers.ts";
import type { Balancer } from "../balancers/picker.ts";
import type { Locality } from "../discovery/source.ts";
import type {
  HealthCheckPolicy,
  ResolvedHealthCheck,
} from "../endpoints/health-check/health-check-policy.ts";
import type {
  OutlierDetectionPolicy,
  ResolvedOutlierDetection,
} from "../endpoints/outlier/outlier-policy.ts";
import type { ResolvedSlowStart, SlowStartPolicy } from "../endpoints/slow-start.ts";
import type { MetadataFilterPolicy, ResolvedMetadataFilter } from "../endpoints/subset/metadata-filter.ts";
import type { ResolvedSubset, SubsetPolicy } from "../endpoints/subset/subset-policy.ts";
import type { Ordinal } from "../endpoints/subset/subsetter.ts";
import type { LocalityPolicy, ResolvedLocality } from "../endpoints/traffic/locality-policy.ts";
import type { OverrideHostPolicy, ResolvedOverrideHost } from "../routing/override-host.ts";
import type { ResolvedStatefulSession, StatefulSessionPolicy } from "../routing/stateful-session.ts";

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
  /** Which endpoints are meant, by what the registry says of them; all by default. */
  readonly endpoints?: MetadataFilterPolicy | undefined;
}

/** How the endpoints of a service are chosen. */
export interface BalancingPolicy extends RouteBalancingPolicy {
  /** When an endpoint is taken out because of how it answers; on by default, `false` for never. */
  readonly outlierDetection?: false | OutlierDetectionPolicy | undefined;
  /** How endpoints are asked whether they are well; they are not by default. */
  readonly healthCheck?: false | HealthCheckPolicy | undefined;
  /** How an endpoint that is new, or back, gets to its full share; at once by default. */
  readonly slowStart?: false | SlowStartPolicy | undefined;
  /** How much endpoints near the caller are preferred; zone-aware by default where the mesh knows its zone. */
  readonly locality?: false | LocalityPolicy | undefined;
  /** Of how many endpoints this process uses some only; of more than 64 by default, `false` for never. */
  readonly subset?: false | SubsetPolicy | undefined;
  /**
   * Below this share of open endpoints, in percent, closed ones are picked as well, where no open one is found in a few tries;
   * 0 to 100; 50 by default.
   */
  readonly panicThreshold?: number | undefined;
  /** Keeps a client on one endpoint by a cookie; off by default. */
  readonly statefulSession?: false | StatefulSessionPolicy | undefined;
  /** Lets a header name the endpoint; off by default. */
  readonly overrideHost?: false | OverrideHostPolicy | undefined;
}

/** What the mesh knows of the process that calls. */
export interface Caller {
  readonly locality?: Locality | undefined;
  readonly ordinal?: Ordinal | undefined;
}

/** {@link RouteBalancingPolicy} with every field known. */
export interface ResolvedRouteBalancing {
  readonly balancer: Balancer;
  readonly streaming: boolean;
  readonly endpoints: ResolvedMetadataFilter | undefined;
}

/** {@link BalancingPolicy} with every field known. */
export interface ResolvedBalancing extends ResolvedRouteBalancing {
  readonly outlierDetection: ResolvedOutlierDetection | false;
  readonly healthCheck: ResolvedHealthCheck | undefined;
  readonly slowStart: ResolvedSlowStart | false;
  readonly locality: ResolvedLocality;
  readonly subset: ResolvedSubset | false;
  /** 0 to 1. */
  readonly panicThreshold: number;
  readonly statefulSession: ResolvedStatefulSession | undefined;
  readonly overrideHost: ResolvedOverrideHost | undefined;
}
