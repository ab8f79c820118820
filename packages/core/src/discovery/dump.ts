import { hostPort } from "./host.ts";
import type { DirectoryEndpoint, Resolution } from "./resolution.ts";
import type { DiscoveryError, Health, Locality } from "./source.ts";

/** An endpoint in a dump. Metadata is left out: nobody knows what people write there. */
export interface EndpointDump {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  readonly health: Health;
  readonly weight: number;
  readonly priority: number;
  readonly held: boolean;
  readonly version?: string;
  readonly locality?: Locality;
}

/** The numbers that a directory has of one service. Times are milliseconds before now. */
export interface WatchReading {
  readonly service: string;
  readonly source: string;
  readonly status: Resolution["status"];
  readonly version: number;
  readonly stale: boolean;
  /** Where the endpoints come from, when there are any: the source, the source before it said "none", or a disk. */
  readonly from?: "live" | "held" | "disk";
  /** How old the knowledge is: the time since the source last confirmed it. */
  readonly ageMs?: number;
  /** The time since the endpoints last changed. */
  readonly changedMs?: number;
  /** How long the source has been in trouble. */
  readonly staleMs?: number;
  readonly error?: { readonly class: string; readonly message: string };
  /** The source says "none" and is not believed yet. */
  readonly holdingEmpty: boolean;
  readonly holdEndsInMs?: number;
  readonly users: number;
  readonly counts: {
    readonly snapshots: number;
    readonly updates: number;
    readonly errors: number;
    /** Errors of the class `protocol-reset`: how often the source had to begin again. */
    readonly resets: number;
    readonly skipped: number;
    readonly protected: number;
    readonly refreshes: number;
    /** How often the watch had to be opened again. */
    readonly reopened: number;
  };
}

/** What a directory knows of one service, as plain data. Times are milliseconds before now. */
export interface WatchDump extends WatchReading {
  readonly endpoints: readonly EndpointDump[];
}

/** What a watch is described from. Moments are on the clock of `now`; infinite ones never were. */
export interface WatchState {
  readonly now: number;
  readonly service: string;
  readonly source: string;
  readonly current: Resolution;
  readonly version: number;
  readonly aliveAt: number;
  readonly changedAt: number;
  readonly staleSince: number;
  readonly error: DiscoveryError | undefined;
  readonly from: "live" | "held" | "disk";
  readonly holdingEmpty: boolean;
  readonly holdEndsAt: number;
  readonly users: number;
  readonly opened: number;
  readonly counts: Omit<WatchReading["counts"], "reopened">;
}

/** A copy of a watch's state that shares nothing with it and survives `JSON.stringify`. */
export function describeWatch(state: WatchState): WatchDump {
  const { current } = state;
  return {
    ...readWatch(state),
    endpoints: current.status === "bound" ? current.endpoints.map(describeEndpoint) : [],
  };
}

/** The same without the endpoints: takes no time that grows with their number. */
export function readWatch(state: WatchState): WatchReading {
  const { now, current, error, aliveAt, changedAt, staleSince, holdEndsAt } = state;
  return {
    service: state.service,
    source: state.source,
    status: current.status,
    version: state.version,
    stale: current.status === "bound" ? current.stale : error !== undefined,
    ...(current.status === "bound" ? { from: state.from } : undefined),
    ...(Number.isFinite(aliveAt) ? { ageMs: now - aliveAt } : undefined),
    ...(Number.isFinite(changedAt) ? { changedMs: now - changedAt } : undefined),
    ...(error === undefined
      ? undefined
      : { staleMs: now - staleSince, error: { class: error.class, message: error.message } }),
    holdingEmpty: state.holdingEmpty,
    ...(Number.isFinite(holdEndsAt) ? { holdEndsInMs: Math.max(0, holdEndsAt - now) } : undefined),
    users: state.users,
    counts: { ...state.counts, reopened: Math.max(0, state.opened - 1) },
  };
}

function describeEndpoint(endpoint: DirectoryEndpoint): EndpointDump {
  const { id, host, port, health, weight, priority, held, version, locality } = endpoint;
  return {
    id,
    address: hostPort(host, port),
    health,
    weight,
    priority,
    held,
    ...(version === undefined ? undefined : { version }),
    ...(locality === undefined ? undefined : { locality: { ...locality } }),
  };
}
