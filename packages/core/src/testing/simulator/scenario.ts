import type { Locality } from "../../discovery/source.ts";
import type { Ordinal } from "../../endpoints/subset/subsetter.ts";
import type { MeshOptions, ServiceOptions } from "../../mesh-options.ts";
import type { Random } from "../../random.ts";
import type { ServiceTime } from "./service-time.ts";

/** A while in which a server behaves differently. Times count from the beginning of the scenario. */
export interface ServerPhase {
  readonly fromMs: number;
  readonly toMs: number;
  /** Its service times are so many times as long; a pair goes evenly from the first at the beginning to the second at the end. */
  readonly latencyFactor?: number | readonly [from: number, to: number];
  /** The share of requests that fail, 0 to 1. */
  readonly failRatio?: number;
  /** With which status; 500 by default. */
  readonly failStatus?: number;
  /** How long a failure takes, in milliseconds; 1 by default. */
  readonly failAfterMs?: number;
  /** The share of requests that are never answered, 0 to 1. */
  readonly hangRatio?: number;
  /** The share of requests whose connection breaks after they were sent, 0 to 1. */
  readonly resetRatio?: number;
  /** Nothing listens: connections are refused. */
  readonly refuse?: boolean;
}

/** A modelled server. */
export interface ServerModel {
  readonly id: string;
  readonly serviceTime: ServiceTime;
  /** Requests that it works on at once, waiting for what it calls included; any number by default. */
  readonly workers?: number;
  /** Requests that wait for a worker at most; beyond that it answers 503 at once. Any number by default. */
  readonly queue?: number;
  /** Where several phases hold at a time, the first counts. */
  readonly phases?: readonly ServerPhase[];
  /** When discovery has it, as `[from, to)`; always by default. */
  readonly present?: readonly (readonly [fromMs: number, toMs: number])[];
  readonly locality?: Locality;
  readonly weight?: number;
  readonly priority?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * The servers behind it. When it has worked on a request it calls one of them, through a mesh of its own with the same policy,
   * and passes the answer on; what ends without an answer becomes 502. Servers that are given the same list call the same ones.
   */
  readonly calls?: readonly ServerModel[];
}

/** A process that calls. */
export interface ClientModel {
  readonly locality?: Locality;
  readonly ordinal?: Ordinal;
  /**
   * When the process stands still, as `[from, to)`, in order: a long garbage collection, a frozen container. Afterwards its overdue
   * timers fire, then it reads what was answered meanwhile, then it makes the calls that it did not make.
   */
  readonly pauses?: readonly (readonly [fromMs: number, toMs: number])[];
}

/** What a simulated request is like. */
export interface SimulatedRequest {
  /** `GET` by default. */
  readonly method?: string;
  /** `/` by default. */
  readonly path?: string;
  readonly hashKey?: string;
}

/** A world to try a policy in: servers, clients, and the calls that come whether or not the ones before have been answered. */
export interface Scenario {
  readonly name: string;
  /** How long calls come. */
  readonly durationMs: number;
  readonly servers: readonly ServerModel[];
  /** Calls per second of all clients together; where that changes, rates at points in time, with straight lines between them. */
  readonly callsPerSecond: number | readonly (readonly [atMs: number, perSecond: number])[];
  /** `poisson`, the default, or one after the other at even distances. */
  readonly arrivals?: "poisson" | "even";
  /** One by default. Each call comes from one of them by chance. */
  readonly clients?: readonly ClientModel[];
  /** Requests that one call is made of, all at once: it is over when all of them are, and well when all of them are. One by default. */
  readonly fanOut?: number;
  /** A call is well when it succeeds within this many milliseconds. */
  readonly limitMs: number;
  readonly request?: (random: Random, index: number) => SimulatedRequest;
  /** The path on which servers answer probes at once with their load (`x-prequal-rif`, `x-prequal-latency-ms`). */
  readonly probePath?: string;
  /** Answers carry an ORCA load report: the utilisation of the server's workers and its rate of requests. */
  readonly reportsLoad?: boolean;
}

/** What is compared: options of the service, and of the mesh. */
export interface SimulatedPolicy {
  readonly name: string;
  readonly service: ServiceOptions;
  readonly mesh?: Pick<MeshOptions, "directory" | "drainMs">;
}

/** A call that is over. */
export interface SimulatedCall {
  /** Counted from the beginning of the scenario. */
  readonly begunMs: number;
  readonly tookMs: number;
  /** The status of the answer; 0 where none came. The last one that was bad, for a call of several requests. */
  readonly status: number;
  /** Why there was no answer. */
  readonly error: unknown;
}

/** How calls and endpoints fared in one second. */
export interface SimulatedSecond {
  readonly calls: number;
  /** Calls that were well. */
  readonly ok: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Attempts per server, in the order of the scenario. */
  readonly sends: readonly number[];
}

/** An event of a mesh that changed what calls may go where. */
export interface SimulatedEvent {
  readonly atMs: number;
  readonly client: number;
  readonly type: string;
  readonly endpoint: string | undefined;
  readonly reason: string | undefined;
}

/** What came of a policy in a scenario. The same scenario, policy and seed give the same result, to the last digit. */
export interface SimulationResult {
  readonly scenario: string;
  readonly policy: string;
  readonly seed: number;
  readonly calls: number;
  /** Calls that were well, by the scenario's limit. */
  readonly ok: number;
  readonly okRatio: number;
  /** Calls that ended in an error or with a status of 400 and above. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly p9999Ms: number;
  /** Attempts per call, or, where a call is made of several requests, per request. */
  readonly sendsPerCall: number;
  /** Attempts on each server by id, those behind other servers included. */
  readonly sends: Readonly<Record<string, number>>;
  /** The share of the attempts that each of the scenario's servers had, by id. */
  readonly shares: Readonly<Record<string, number>>;
  /** The load of the busiest server by that of the average one, in proportion to their weights. */
  readonly maxOverMean: number;
  /** Picks of endpoints whose gate was closed, because nothing better was found. */
  readonly panics: number;
  readonly events: readonly SimulatedEvent[];
  readonly seconds: readonly SimulatedSecond[];
}
