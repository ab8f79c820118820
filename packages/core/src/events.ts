import type { Criticality } from "./context/criticality.ts";
import type { DiscoveryErrorClass, ErrorCode, Phase, ReasonFlag, ShedReason } from "./errors.ts";

/**
 * How an instance says it is. `starting`: not yet; `up`: well; `degraded`: worse than others; `down`: ill;
 * `out-of-service`: it takes no new work, which others see as draining.
 */
export type RegistrationStatus = "starting" | "up" | "degraded" | "down" | "out-of-service";

/** The steps of leaving, in their order. */
export type LeaveStep = "draining" | "unready" | "propagated" | "deregistered" | "drained";

/** How one attempt ended, decided once; statistics, circuits, budgets and limiters all read this value. */
export type Outcome = "success" | "failure" | "overload" | "ignored";

/**
 * How the endpoint of an attempt was chosen: `LB` by the balancer, `PR` as a probe of one that was ejected, `PA` in panic
 * (its gate is closed, or it fails as all of them do: nothing better was found), `SS` by the session, `OH` by the caller (override host).
 */
export type PickFlag = "LB" | "PR" | "PA" | "SS" | "OH";

/** What a hook may tag a call or an attempt with. */
export type TagValue = string | number | boolean;

/** What hooks tagged, by name. */
export type Tags = Readonly<Record<string, TagValue>>;

/**
 * Whose answer, or error, the caller of a call got: `network` the service's own; `cache` one that was kept; `coalesced` that of an
 * identical call; `fallback` what is answered instead of a failure; `fault` one that was injected into the call.
 */
export type AnsweredBy = "network" | "cache" | "coalesced" | "fallback" | "fault";

/** How a call ended. */
export interface CallEnding {
  readonly outcome: Outcome;
  readonly status: number | undefined;
  readonly error: ErrorCode | undefined;
  readonly flag: ReasonFlag | undefined;
  readonly durationMs: number;
}

/** Where a span is found. */
export interface TraceIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** Everything a mesh reports, told apart by `type`. Endpoints are written `host:port`; times are milliseconds. */
export type MeshEvent =
  | {
      /** A call ended, however, and whoever answered it: one for each call. */
      readonly type: "call.completed";
      readonly service: string;
      readonly route: string | undefined;
      readonly method: string;
      /** Without the query. */
      readonly path: string;
      /** Path template, where the caller knows one. */
      readonly template: string | undefined;
      readonly outcome: Outcome;
      readonly status: number | undefined;
      readonly error: ErrorCode | undefined;
      readonly flag: ReasonFlag | undefined;
      /** Whose answer it was; undefined without one, unless the error is that of an identical call. */
      readonly answeredBy: AnsweredBy | undefined;
      /** How the call itself ended, where the cache or a fallback answered all the same; undefined where nothing was replaced. */
      readonly replaced: CallEnding | undefined;
      /** Retries and hedges included; 0 where nothing was sent. */
      readonly attempts: number;
      /** Of the attempts those that were sent beside another one. */
      readonly hedges: number;
      /** Of the last attempt, or the one whose answer was taken; undefined when there was none. */
      readonly endpoint: string | undefined;
      /** How the last attempt's endpoint was chosen; undefined when there was no attempt. */
      readonly pick: PickFlag | undefined;
      readonly durationMs: number;
      /** Until the head of the answer came. Known where answers stream: undefined for those that are taken whole, and without one. */
      readonly firstByteMs: number | undefined;
      /** Of the body, sent once; undefined for a stream without a `content-length`. */
      readonly requestBytes: number | undefined;
      /** Of the body that came, before it is decoded; 0 without an answer. */
      readonly responseBytes: number;
      /** The version of HTTP of the last attempt: `1.1` or `2`. Undefined where nothing was sent. */
      readonly protocol: string | undefined;
      /** Of the call's span, sampled or not; undefined where nobody traces. */
      readonly trace: TraceIds | undefined;
      /** What hooks tagged; undefined where none did. */
      readonly tags: Tags | undefined;
    }
  | {
      /** One attempt of a call ended. */
      readonly type: "attempt.completed";
      readonly service: string;
      readonly route: string | undefined;
      readonly method: string;
      readonly endpoint: string;
      readonly number: number;
      readonly outcome: Outcome;
      readonly status: number | undefined;
      readonly phase: Phase;
      readonly reason: string | undefined;
      readonly pick: PickFlag;
      /** It was sent beside another attempt that took long. */
      readonly hedge: boolean;
      /** The version of HTTP: `1.1` or `2`. Undefined where nothing was sent. */
      readonly protocol: string | undefined;
      readonly durationMs: number;
      /** Of the attempt's span, which the callee sees as its parent. */
      readonly trace: TraceIds | undefined;
      readonly tags: Tags | undefined;
    }
  | {
      /** A failed attempt will be followed by another. */
      readonly type: "call.retried";
      readonly service: string;
      readonly endpoint: string;
      readonly number: number;
      readonly reason: string;
      readonly delayMs: number;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** An attempt took long, and another one was sent beside it. */
      readonly type: "call.hedged";
      readonly service: string;
      /** Of the hedge. */
      readonly endpoint: string;
      readonly number: number;
      /** Since the call began. */
      readonly afterMs: number;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** A limit of this process refused a call. */
      readonly type: "call.shed";
      readonly service: string;
      readonly route: string | undefined;
      readonly why: ShedReason;
      readonly criticality: Criticality;
      /** Milliseconds after which calling again may help, where that is known. */
      readonly retryAfterMs: number | undefined;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** A call could have been retried, but the budget could not afford it. */
      readonly type: "budget.exhausted";
      readonly service: string;
      readonly balance: number;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** A fault was injected on purpose. */
      readonly type: "fault.injected";
      readonly service: string;
      readonly route: string | undefined;
      /** The endpoint whose attempt it is; undefined where the call as a whole is meant. */
      readonly endpoint: string | undefined;
      /** The attempt's number; 0 where the call as a whole is meant. */
      readonly number: number;
      /** `FI` where it is broken off or answered, `DI` where it is only held up. */
      readonly flag: "FI" | "DI";
      /** 0 without a delay. */
      readonly delayMs: number;
      /** `reset`, `refuse`, `timeout`, `error` or a status; undefined where the service is asked all the same. */
      readonly abort: string | undefined;
      /** Of the attempt's span, or the call's where it is meant as a whole. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** Got the answer, or the error, of an identical call that was already on its way, and was not sent itself. */
      readonly type: "call.coalesced";
      readonly service: string;
      readonly route: string | undefined;
      readonly method: string;
      readonly status: number | undefined;
      readonly error: ErrorCode | undefined;
      readonly flag: ReasonFlag | undefined;
      readonly durationMs: number;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** Failed, and something else was answered instead. */
      readonly type: "call.fell_back";
      readonly service: string;
      readonly route: string | undefined;
      readonly method: string;
      readonly to: "stale" | "service" | "function" | "value";
      /** The failure: a status, or an error. */
      readonly failedStatus: number | undefined;
      readonly failedError: ErrorCode | undefined;
      /** Of what was answered instead. */
      readonly status: number;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** What was to be answered instead of a failure could not be had; the next is tried, or the failure stands. */
      readonly type: "call.fallback_failed";
      readonly service: string;
      readonly route: string | undefined;
      readonly method: string;
      readonly to: "service" | "function";
      readonly reason: string;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** Answered from the cache of responses. */
      readonly type: "call.cached";
      readonly service: string;
      readonly route: string | undefined;
      readonly method: string;
      readonly status: number;
      /** `hit`: it was fresh. `revalidated`: the service said that it still holds. `stale`: it was given although stale. */
      readonly how: "hit" | "revalidated" | "stale";
      /** Its age. */
      readonly ageMs: number;
      /** Of the call's span. */
      readonly trace: TraceIds | undefined;
    }
  | {
      /** Too many calls failed or were slow, a probe failed, or somebody forced it: calls are refused for `openMs`. */
      readonly type: "circuit.opened";
      readonly service: string;
      readonly route: string | undefined;
      /** `consecutive`: failures in a row. `probe`: it was half-open. `forced`: somebody switched the mode. */
      readonly cause: "failures" | "slow" | "consecutive" | "probe" | "forced";
      readonly failureRatio: number;
      readonly slowRatio: number;
      readonly calls: number;
      /** `Infinity` when it was forced. */
      readonly openMs: number;
      /** `false` in the mode `metrics-only`: no call is refused. */
      readonly enforced: boolean;
    }
  | {
      /** The time is over: a few calls may try. */
      readonly type: "circuit.half_opened";
      readonly service: string;
      readonly route: string | undefined;
      readonly enforced: boolean;
    }
  | {
      /** The probes went well: calls pass again. */
      readonly type: "circuit.closed";
      readonly service: string;
      readonly route: string | undefined;
      readonly enforced: boolean;
    }
  | {
      /** Somebody switched the mode of a circuit. */
      readonly type: "circuit.mode_changed";
      readonly service: string;
      readonly route: string | undefined;
      readonly mode: "auto" | "forced-open" | "forced-closed" | "metrics-only";
      /** After the switch. */
      readonly state: "closed" | "open" | "half_open";
    }
  | {
      /** A document's policy is in force; calls in flight keep the one that they began with. */
      readonly type: "policy.applied";
      readonly service: string;
      readonly version: string;
    }
  | {
      /** Nothing of a document was put in force. */
      readonly type: "policy.refused";
      /** Undefined where it is the document as a whole. */
      readonly service: string | undefined;
      /** Undefined where it has none. */
      readonly version: string | undefined;
      readonly field: string | undefined;
      readonly reason: string;
    }
  | {
      /** So few of the endpoints are healthy that health is ignored. */
      readonly type: "balancer.panicked";
      readonly service: string;
      readonly endpoints: number;
      readonly healthy: number;
    }
  | {
      /** An endpoint came. */
      readonly type: "endpoint.added";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
    }
  | {
      /** The registry says something else of an endpoint: weight, health, address. */
      readonly type: "endpoint.updated";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
    }
  | {
      /** An endpoint left; no call begins there any more, and `inFlight` attempts may finish. */
      readonly type: "endpoint.removed";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      readonly inFlight: number;
    }
  | {
      /** The last attempt at an endpoint that left is over, and its connections are closed. */
      readonly type: "endpoint.drained";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
    }
  | {
      /** An endpoint was taken out because of how it answers. */
      readonly type: "endpoint.ejected";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      /** What found it; `probe` where it was out already and a probe failed. */
      readonly detector: string;
      readonly reason: string;
      readonly ejectionMs: number;
      /** Ejections in a row. */
      readonly ejections: number;
    }
  | {
      /** An endpoint would have been taken out, and was not. */
      readonly type: "endpoint.ejection_skipped";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      readonly detector: string;
      readonly reason: string;
      /** `limit`: too many are out already. */
      readonly why: "shadow" | "enforcing" | "limit";
    }
  | {
      /** An ejected endpoint gets calls again. */
      readonly type: "endpoint.returned";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      /** `limit`: endpoints left, and so many may not be out any more. */
      readonly how: "probes" | "health check" | "limit";
    }
  | {
      /** Health checks say something else of an endpoint than before. */
      readonly type: "endpoint.health_changed";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      readonly health: "healthy" | "unhealthy";
      readonly detail: string;
    }
  | {
      /** The list of endpoints changed. */
      readonly type: "discovery.updated";
      readonly service: string;
      readonly source: string;
      readonly added: number;
      readonly updated: number;
      readonly removed: number;
      readonly endpoints: number;
      /** `disk`: from a cache, because the source has not answered since the process began. `held`: the source says "none". */
      readonly from: "live" | "held" | "disk";
    }
  | {
      /** The source is in trouble; `serving` endpoints are still used. */
      readonly type: "discovery.error";
      readonly service: string;
      readonly source: string;
      readonly class: DiscoveryErrorClass;
      readonly message: string;
      readonly serving: number;
    }
  | {
      /** The trouble is over. */
      readonly type: "discovery.recovered";
      readonly service: string;
      readonly source: string;
      readonly staleMs: number;
    }
  | {
      /** An answer would have taken too much away, and `kept` endpoints stay. */
      readonly type: "discovery.protected";
      readonly service: string;
      readonly source: string;
      readonly reason: "empty" | "absent" | "shrink" | "suspect";
      readonly kept: number;
      readonly holdMs: number;
    }
  | {
      /** What a source noticed beside its answers. */
      readonly type: "discovery.notice";
      readonly service: string;
      readonly source: string;
      /** `cache`, `merge`, or what the source calls it. */
      readonly topic: string;
      readonly message: string;
    }
  | {
      /** Entries of the registry made no sense and were left out. */
      readonly type: "discovery.skipped";
      readonly service: string;
      readonly source: string;
      readonly entries: number;
      readonly reason: string;
    }
  | {
      /** The registry has the instance: for the first time, or again after it was lost. */
      readonly type: "registration.registered";
      readonly service: string;
      readonly id: string;
      readonly registry: string;
      readonly endpoint: string;
    }
  | {
      /** The registry may have forgotten the instance or given up on it; it is told again and again. */
      readonly type: "registration.lost";
      readonly service: string;
      readonly id: string;
      readonly registry: string;
      readonly reason: string;
    }
  | {
      /** The registry was told how the instance is. */
      readonly type: "registration.status";
      readonly service: string;
      readonly id: string;
      readonly registry: string;
      readonly status: RegistrationStatus;
      readonly note: string;
      /** `false`: the registry did not hear it yet, and is told again. */
      readonly isHeard: boolean;
    }
  | {
      /** A step of leaving is over. */
      readonly type: "registration.leaving";
      readonly service: string;
      readonly id: string;
      readonly registry: string;
      readonly step: LeaveStep;
      /** `leave`, `close`, a signal, or what was given. */
      readonly reason: string;
      /** What went wrong with this step; the next is taken all the same. */
      readonly failed: string | undefined;
    }
  | {
      /** All steps of leaving are over. */
      readonly type: "registration.left";
      readonly service: string;
      readonly id: string;
      readonly registry: string;
      readonly reason: string;
      readonly durationMs: number;
    };

/**
 * How a call that ended came out for the service, behind what its caller got: what tells of the service's health, and what metrics and the
 * live page count.
 * @returns undefined where the service was not asked for this call: from the cache, or by another call
 */
export function endingAtService(event: MeshEventOf<"call.completed">): CallEnding | undefined {
  const { answeredBy } = event;
  const isOwn = answeredBy === "network" || answeredBy === undefined || answeredBy === "fault";
  return isOwn ? event : event.replaced;
}

export type MeshEventType = MeshEvent["type"];

/** The event of one type. */
export type MeshEventOf<T extends MeshEventType> = Extract<MeshEvent, { readonly type: T }>;
