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
  /** Why it may not be picked; empty when it may. */
  readonly gate: readonly string[];
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
  readonly circuits: readonly (CircuitView & { readonly route: string | undefined })[];
  readonly budget: { readonly balance: number };
}

/** A plain, JSON-serialisable view of one service, without secrets: no headers, no credentials, no metadata. */
export function inspectUpstream(upstream: Upstream, now: number): ServiceView {
  const { current } = upstream.discovery;
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
      gate: [...state.gate],
      pending: state.pending,
      latencyMs: state.latencyMs,
      successRatio: state.successRatio(now),
      connections: upstream.pools.stats(state),
    })),
    circuits: upstream.circuits.map(({ circuit, route }) => ({ route, ...circuit.inspect(now) })),
    budget: { balance: upstream.budget.balance(now) },
  };
}
