import type { GateReason } from "../endpoints/gate/gate-record.ts";
import type { CircuitView } from "../policies/circuit/circuit-types.ts";
import type { PolicyView } from "../policies/data/policy-view.ts";
import type { HedgingView } from "../policies/hedge/hedging.ts";
import type { LimitsState } from "../policies/limit/limits.ts";
import type { PoolStats } from "../transport/pools.ts";
import type { BalancingView } from "./balancing-views.ts";
import type { RouteRules } from "./route-rules.ts";
import type { Upstream } from "./upstream.ts";

/** One endpoint in a dump. */
export interface EndpointView {
  readonly endpoint: string;
  readonly id: string;
  readonly health: string;
  readonly weight: number;
  readonly priority: number;
  readonly zone: string | undefined;
  readonly version: string | undefined;
  /** What balancers go by: `weight`, less while it warms up. */
  readonly effectiveWeight: number;
  /** What the service's balancer takes it to cost now; undefined where that does not go by cost. */
  readonly cost: number | undefined;
  /** What health checks say; undefined where none was made. */
  readonly activeHealth: "healthy" | "unhealthy" | undefined;
  /** Why the service's calls do not go there; empty when they do. */
  readonly gate: readonly GateReason[];
  /** Attempts in flight. */
  readonly pending: number;
  /** Moving average of successes; undefined before the first. */
  readonly latencyMs: number | undefined;
  /** Moving, 0 to 1. */
  readonly successRatio: number;
  /** Undefined while it has no connections. */
  readonly connections: PoolStats | undefined;
}

/** How endpoints are chosen for some calls. */
export interface ChoiceView {
  readonly balancer: string;
  /** So few endpoints are open that closed ones are picked as well. */
  readonly panic: boolean;
  /** The endpoints that share a part of the calls, and which part, 0 to 1: priorities and zones. */
  readonly groups: readonly { readonly share: number; readonly endpoints: readonly string[] }[];
}

/** One service in a dump. */
export interface ServiceView {
  readonly service: string;
  readonly discovery: { readonly status: string; readonly stale: boolean };
  /** Calls in flight. */
  readonly calls: number;
  readonly endpoints: readonly EndpointView[];
  /** How its endpoints are chosen. */
  readonly balancing: ChoiceView & {
    /** Endpoints ejected or being probed. */
    readonly ejected: number;
    /** Picks of endpoints that are closed, or fail as all the others do, because nothing better was found. */
    readonly panics: number;
    /** Routes that have a balancer, or a choice of endpoints, of their own. */
    readonly routes: readonly (ChoiceView & { readonly route: string | undefined })[];
  };
  readonly circuits: readonly (CircuitView & { readonly route: string | undefined })[];
  readonly budget: { readonly balance: number };
  /** What is in force, and where each value comes from. */
  readonly policy: PolicyView | undefined;
  /** What may refuse calls, and how calls are hedged: of the service, and of routes that have their own; what is off is absent. */
  readonly limits: readonly (LimitsState & { readonly route: string | undefined })[];
  readonly hedging: readonly (HedgingView & { readonly route: string | undefined })[];
}

/** The views of the parts that the service's rules and the routes' have, each part once. */
export function ownParts<V>(
  { routes, serviceRules }: Upstream,
  partOf: (rules: RouteRules) => { inspect(now: number): V } | undefined,
  now: number,
): (V & { readonly route: string | undefined })[] {
  const own = partOf(serviceRules);
  return [serviceRules, ...routes].flatMap((rules) => {
    const part = partOf(rules);
    const isShared = rules !== serviceRules && part === own;
    return part === undefined || isShared ? [] : [{ route: rules.route, ...part.inspect(now) }];
  });
}

/** A plain, JSON-serialisable view of one service, without secrets: no headers, no credentials, no metadata. */
export function inspectUpstream(
  upstream: Upstream,
  policy: PolicyView | undefined,
  now: number,
): ServiceView {
  const { current } = upstream.discovery;
  const { view } = upstream.serviceRules;
  return {
    service: upstream.service,
    discovery: { status: current.status, stale: current.status === "bound" && current.stale },
    calls: upstream.calls,
    endpoints: Array.from(upstream.endpoints, (state) => ({
      endpoint: state.address,
      id: state.id,
      health: state.spec.health,
      weight: state.spec.weight,
      priority: state.spec.priority,
      zone: state.spec.locality?.zone,
      version: state.spec.version,
      effectiveWeight: state.weight,
      cost: view.picker.cost?.(state, now),
      activeHealth: state.gate.activeHealth,
      gate: upstream.endpoints.reasonsOf(state, view, now),
      pending: state.pending,
      latencyMs: state.latencyMs,
      successRatio: state.successRatio(now),
      connections: upstream.pools.stats(state),
    })),
    balancing: {
      ...choiceOf(view),
      ejected: upstream.endpoints.ejected,
      panics: upstream.endpoints.panics,
      routes: upstream.routes
        .filter((rules) => rules.view !== view)
        .map(({ route, view: own }) => Object.assign({ route }, choiceOf(own))),
    },
    circuits: Array.from(upstream.circuits, ({ circuit, route }) => ({ route, ...circuit.inspect(now) })),
    budget: { balance: upstream.budget.balance(now) },
    policy,
    limits: ownParts(upstream, ({ limits }) => limits, now),
    hedging: ownParts(upstream, ({ hedging }) => hedging, now),
  };
}

function choiceOf({ balancer, plan }: BalancingView): ChoiceView {
  const groups = plan.groups.map(({ endpoints, share }) => ({
    share,
    endpoints: endpoints.map(({ address }) => address),
  }));
  return { balancer: balancer.name, panic: plan.panic, groups };
}
