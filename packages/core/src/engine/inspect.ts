import type { GateReason } from "../endpoints/gate/gate-record.ts";
import type { CircuitView } from "../policies/circuit.ts";
import type { PoolStats } from "../transport/pools.ts";
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

/** One service in a dump. */
export interface ServiceView {
  readonly service: string;
  readonly discovery: { readonly status: string; readonly stale: boolean };
  /** Calls in flight. */
  readonly calls: number;
  readonly endpoints: readonly EndpointView[];
  /** How its endpoints are chosen. */
  readonly balancing: {
    readonly balancer: string;
    /** Endpoints ejected or being probed. */
    readonly ejected: number;
    /** Picks of closed endpoints because no open one was found. */
    readonly panics: number;
    /** So few endpoints are open that closed ones are picked as well. */
    readonly panic: boolean;
  };
  readonly circuits: readonly (CircuitView & { readonly route: string | undefined })[];
  readonly budget: { readonly balance: number };
}

/** A plain, JSON-serialisable view of one service, without secrets: no headers, no credentials, no metadata. */
export function inspectUpstream(upstream: Upstream, now: number): ServiceView {
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
      balancer: view.balancer.name,
      ejected: upstream.endpoints.ejected,
      panics: upstream.endpoints.panics,
      panic: view.plan.panic,
    },
    circuits: upstream.circuits.map(({ circuit, route }) => ({ route, ...circuit.inspect(now) })),
    budget: { balance: upstream.budget.balance(now) },
  };
}
