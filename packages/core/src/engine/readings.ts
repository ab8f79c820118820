import type { WatchReading } from "../discovery/dump.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { GateReasonKind } from "../endpoints/gate/gate-record.ts";
import type { CircuitView } from "../policies/circuit/circuit-types.ts";
import type { LimitsState } from "../policies/limit/limits.ts";
import type { PoolStats } from "../transport/pools.ts";
import type { BalancingView } from "./balancing-views.ts";
import { ownParts } from "./inspect.ts";
import type { Upstream } from "./upstream.ts";

/** Whether an endpoint is picked: `open`, or the first reason why not. */
export type EndpointStanding = "open" | GateReasonKind;

/** The numbers of one endpoint. */
export interface EndpointReading {
  readonly endpoint: string;
  readonly standing: EndpointStanding;
  /** Attempts in flight. */
  readonly pending: number;
  /** Moving average of successes; undefined before the first. */
  readonly latencyMs: number | undefined;
  /** Undefined while it has no connections. */
  readonly connections: PoolStats | undefined;
}

/** The numbers of one service. */
export interface ServiceReading {
  readonly service: string;
  /** Calls in flight. */
  readonly calls: number;
  /** Attempts in flight. */
  readonly attempts: number;
  /** How many endpoints stand how; a standing that none has is absent. */
  readonly standings: Readonly<Partial<Record<EndpointStanding, number>>>;
  /** Endpoints that calls of this process may go to: all of them, or its subset. */
  readonly subset: number;
  /** Picks of endpoints that are closed, or fail as all the others do, since the service was first used. */
  readonly panics: number;
  /** So few endpoints are open that closed ones are picked as well. */
  readonly isPanic: boolean;
  /** Of all its endpoints. */
  readonly connections: PoolStats;
  /** How many retries and hedges the budget can pay for. */
  readonly budget: number;
  readonly circuits: readonly (CircuitView & { readonly route: string | undefined })[];
  readonly limits: readonly (LimitsState & { readonly route: string | undefined })[];
  /** Only where it was asked for. */
  readonly endpoints: readonly EndpointReading[];
}

/** The numbers of a mesh. */
export interface MeshReadings {
  readonly services: readonly ServiceReading[];
  readonly discovery: readonly WatchReading[];
  /** How long the event loop has stood still while attempts were in flight, in milliseconds, since the mesh was created. */
  readonly stalledMs: number;
}

/** Reads the numbers of one service: nothing is put into words, and no object is made per endpoint unless that is asked for. */
export function readUpstream(upstream: Upstream, withEndpoints: boolean, now: number): ServiceReading {
  const { endpoints, pools, serviceRules } = upstream;
  const { view } = serviceRules;
  const standings: Partial<Record<EndpointStanding, number>> = {};
  const connections = { connected: 0, free: 0, queued: 0 };
  const single: EndpointReading[] = [];
  let attempts = 0;
  for (const state of endpoints) {
    const standing = standingOf(state, upstream, view, now);
    standings[standing] = (standings[standing] ?? 0) + 1;
    attempts += state.pending;
    const stats = pools.stats(state);
    if (stats !== undefined) {
      connections.connected += stats.connected;
      connections.free += stats.free;
      connections.queued += stats.queued;
    }
    if (!withEndpoints) continue;
    const { address: endpoint, latencyMs, pending } = state;
    single.push({ endpoint, standing, pending, latencyMs, connections: stats });
  }
  return {
    service: upstream.service,
    calls: upstream.calls,
    attempts,
    standings,
    subset: view.plan.members.size,
    panics: endpoints.panics,
    isPanic: view.plan.panic,
    connections,
    budget: upstream.budget.balance(now),
    circuits: Array.from(upstream.circuits, ({ circuit, route }) => ({ route, ...circuit.inspect(now) })),
    limits: ownParts(upstream, ({ limits }) => limits, now),
    endpoints: single,
  };
}

function standingOf(
  state: EndpointState,
  { endpoints }: Upstream,
  view: BalancingView,
  now: number,
): EndpointStanding {
  // Nothing is put into words for those that are well.
  if (state.open && !state.leaving && view.passesOver(state) === undefined) return "open";
  return endpoints.reasonsOf(state, view, now)[0]?.kind ?? "open";
}
