// Both the server and the page read this: it imports nothing that only one of them has.

/** Why an endpoint gets no calls. */
export interface Reason {
  readonly kind: string;
  readonly text: string;
  readonly endsInMs?: number | undefined;
}

/** What seldom changes of an endpoint. */
export interface EndpointAbout {
  readonly address: string;
  readonly health: string;
  readonly zone?: string | undefined;
  readonly version?: string | undefined;
  readonly weight: number;
  readonly priority: number;
}

/**
 * What changes with every call: without names, for with very many endpoints it is nearly all that is sent. The share is that of the
 * service's attempts of the last ten looks, 0 to 1, without hedges that came to nothing; balancers go by the weight that is effective now.
 */
export type EndpointFigures = readonly [
  effectiveWeight: number,
  pending: number,
  latencyMs: number | null,
  successRatio: number,
  share: number,
  cost: number | null,
];

/** One endpoint, as the page knows it. */
export interface EndpointState {
  readonly about: EndpointAbout;
  /** Why no call goes there; empty when calls do. */
  readonly gate: readonly Reason[];
  readonly figures: EndpointFigures;
}

/** One circuit, as the page knows it. */
export interface CircuitStateView {
  readonly route?: string | undefined;
  readonly mode: string;
  readonly state: string;
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  readonly failureRatio: number;
  readonly refused: number;
  readonly openForMs: number;
}

/** The limits of a service or a route; what is not limited is absent. */
export interface LimitsStateView {
  readonly route?: string | undefined;
  readonly rateLimit?: {
    readonly tokensPerSecond: number;
    readonly tokens?: number | undefined;
    readonly keys: number;
    readonly queued: number;
  };
  readonly adaptiveThrottling?: {
    readonly levels: Readonly<Record<string, { readonly rejection: number }>>;
  };
  readonly adaptiveConcurrency?: {
    readonly algorithm: string;
    readonly limit: number;
    readonly inFlight: number;
    readonly queued: number;
    readonly pressure: number;
  };
  readonly bulkhead?: {
    readonly maxConcurrent: number;
    readonly inFlight: number;
    readonly queued: number;
  };
}

/** The hedging of a service or a route. */
export interface HedgingStateView {
  readonly route?: string | undefined;
  readonly delayMs?: number | undefined;
  readonly hedges: number;
  readonly late: number;
  readonly isServiceSlow: boolean;
}

/** Endpoints that share a part of the calls. */
interface GroupState {
  readonly share: number;
  readonly endpoints: number;
}

/** One service, as the page knows it. */
export interface ServiceState {
  readonly status: string;
  readonly stale: boolean;
  readonly source?: string | undefined;
  readonly from?: string | undefined;
  /** What the source's trouble is. */
  readonly trouble?: string | undefined;
  /** Calls in flight. */
  readonly calls: number;
  readonly balancer: string;
  readonly panic: boolean;
  readonly ejected: number;
  readonly panics: number;
  readonly groups: readonly GroupState[];
  readonly circuits: readonly CircuitStateView[];
  readonly budget: number;
  readonly limits: readonly LimitsStateView[];
  readonly hedging: readonly HedgingStateView[];
  readonly policyVersion?: string | undefined;
  /** By their ids. */
  readonly endpoints: Readonly<Record<string, EndpointState>>;
}

/** The whole of a mesh, as the page knows it: what `mesh.inspect()` says, and what was counted. JSON. */
export interface PageState {
  readonly services: Readonly<Record<string, ServiceState>>;
  readonly registrations: readonly {
    readonly service: string;
    readonly registry: string;
    readonly state: string;
  }[];
}

/** A service's calls of a second or so. Percentiles are milliseconds, null where there were no answers. */
export interface Point {
  /** Seconds since 1970. */
  readonly at: number;
  /** Calls per second. */
  readonly rate: number;
  /** Of these those that failed or were refused. */
  readonly failed: number;
  /** Retries and hedges per second. */
  readonly extra: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** Something that the mesh reported. */
export interface NewsItem {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly type: string;
  readonly service: string;
  readonly text: string;
  /** `bad`: something broke or was taken out. `good`: it is back. `plain`: neither. */
  readonly tone: "bad" | "good" | "plain";
  /** How many alike there were within one second. */
  readonly count: number;
}

/** An endpoint as it stood when a choice was made. */
export interface Candidate {
  readonly address: string;
  readonly cost?: number | undefined;
  readonly pending: number;
  readonly latencyMs?: number | undefined;
}

/** What a choice was made of, as it stood at the look after the call: the one that was called may have closed in between. */
export interface Choice {
  readonly balancer: string;
  readonly panic: boolean;
  /** The one that was called; undefined where it is gone, or none was. */
  readonly chosen?: Candidate | undefined;
  /** Why it was closed; undefined where it was open, or is gone. */
  readonly closedFor?: string | undefined;
  /** The cheapest of the others that were open. */
  readonly others: readonly Candidate[];
  readonly othersOpen: number;
  /** Some of the others that got no calls, and why. */
  readonly closed: readonly { readonly address: string; readonly reasons: string }[];
  readonly closedInAll: number;
}

/** A call that was kept to be looked at. */
export interface CallItem {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly service: string;
  readonly route?: string | undefined;
  readonly method: string;
  readonly outcome: string;
  readonly status?: number | undefined;
  readonly error?: string | undefined;
  readonly flag?: string | undefined;
  readonly attempts: number;
  readonly durationMs: number;
  /** How the last attempt's endpoint was chosen. */
  readonly pick?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly choice: Choice;
}

/** The first message of a stream, and what a client gets that could not keep up. */
export interface WholeMessage {
  readonly title: string;
  /** Who looks may operate circuits. */
  readonly mayOperate: boolean;
  readonly state: PageState;
  readonly history: Readonly<Record<string, readonly Point[]>>;
  readonly news: readonly NewsItem[];
  readonly calls: readonly CallItem[];
}

/** What changed in a second. */
export interface TickMessage {
  /** A JSON Merge Patch (RFC 7396) of the state. */
  readonly patch: unknown;
  readonly points: Readonly<Record<string, Point>>;
  readonly news: readonly NewsItem[];
  readonly calls: readonly CallItem[];
}
