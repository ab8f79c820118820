import type { AnswerPolicy, ResolvedAnswer } from "../answer.ts";

/** What a fault is decided by. */
export interface FaultSubject {
  /** Upper case. */
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Name, value, name, value… */
  readonly headers: readonly string[];
  /** 1 for the first attempt, 0 where the call as a whole is meant. */
  readonly attempt: number;
}

/** How long an injected delay lasts. */
export type DelayPolicy = FixedDelay | UniformDelay | NormalDelay | ExponentialDelay;

/** The share of the faults that the top-level `percent` lets through. */
interface Share {
  /** 0 to 100, fractions too. */
  readonly percent?: number | undefined;
}

/** Always the same. */
interface FixedDelay extends Share {
  /** 0 to 2,147,483,647. */
  readonly fixedMs: number;
}

/** Anything between two bounds, each as likely. */
interface UniformDelay extends Share {
  readonly distribution: "uniform";
  /** 0 to 2,147,483,647. */
  readonly minMs: number;
  /** `minMs` to 2,147,483,647. */
  readonly maxMs: number;
}

/** Around a mean, as a bell; never below 0. */
interface NormalDelay extends Share {
  readonly distribution: "normal";
  /** 0 to 2,147,483,647. */
  readonly meanMs: number;
  /** The standard deviation; 0 to 2,147,483,647. */
  readonly deviationMs: number;
  /** Longer ones are cut to this; 2,147,483,647 by default. */
  readonly maxMs?: number | undefined;
}

/** Mostly short, now and then long. */
interface ExponentialDelay extends Share {
  readonly distribution: "exponential";
  /** Above 0, at most 2,147,483,647. */
  readonly meanMs: number;
  /** Longer ones are cut to this; 2,147,483,647 by default. */
  readonly maxMs?: number | undefined;
}

/**
 * How a request is broken off: `reset` as if the connection broke after it was sent, `refuse` as if nobody listened there,
 * `timeout` as if it was sent and no answer came until the time is over.
 */
export type AbortKind = "reset" | "refuse" | "timeout";

/** What comes instead of the service's answer. */
export type AbortPolicy =
  | (AnswerPolicy & Share & { readonly status: number; readonly kind?: undefined })
  | (Share & { readonly kind: AbortKind });

/** Which requests faults are meant for; every given field has to fit. */
export interface FaultMatch {
  /** In any case; all by default. */
  readonly methods?: readonly string[] | undefined;
  /** Whole paths without the query, or beginnings of them where they end in `*`; all by default. */
  readonly paths?: readonly string[] | undefined;
  /** Headers that a request must have, with these values; none by default. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Numbers of attempts, 1 for the first; all by default. Not with `position: "call"`. */
  readonly attempts?: readonly number[] | undefined;
}

/** Something of your own that runs before a request is sent; sent is what follows, unless it throws. */
export type FaultBehaviour = (subject: FaultSubject, signal: AbortSignal) => void | Promise<void>;

/** Makes up what comes instead of the service's answer: an answer, or an error; undefined for nothing. */
export type FaultOutcome = (subject: FaultSubject) => AnswerPolicy | Error | undefined;

/**
 * Injects faults into calls, to see what they do to this process and to those that call it. Plain data, but for the functions.
 * One of `delay`, `abort`, `behaviour`, `outcome` and `headers` must be there.
 */
export interface FaultPolicy {
  /** False turns everything off, and a function is asked for each request; true by default. */
  readonly enabled?: boolean | ((subject: FaultSubject) => boolean) | undefined;
  /**
   * Where the faults happen. `attempt`, the default: at each attempt, as if its endpoint did it, so that retries, outlier detection and
   * circuits of this process are put to the test. `call`: before all of these, so that only those who call this process are.
   */
  readonly position?: "attempt" | "call" | undefined;
  /**
   * The share of the matching requests that anything is injected into, 0 to 100, fractions too. Must be given unless `delay` and `abort`
   * have one of their own, so that nobody breaks every request by leaving it out.
   */
  readonly percent?: number | undefined;
  readonly delay?: DelayPolicy | undefined;
  readonly abort?: AbortPolicy | undefined;
  /** Runs before the request is sent, after the delay. */
  readonly behaviour?: FaultBehaviour | undefined;
  /** Makes up the answer; not together with `abort`. */
  readonly outcome?: FaultOutcome | undefined;
  /**
   * Lets the headers `x-envoy-fault-delay-request` (milliseconds), `x-envoy-fault-abort-request` (a status) and their
   * `…-percentage` ask for faults; they come before `delay` and `abort`, and `percent` bounds them. False by default: whoever may set
   * headers could break calls.
   */
  readonly headers?: boolean | undefined;
  readonly match?: FaultMatch | undefined;
}

/** {@link DelayPolicy}, checked. */
export type ResolvedDelay = { readonly percent: number } & (
  | { readonly kind: "fixed"; readonly ms: number }
  | { readonly kind: "uniform"; readonly minMs: number; readonly maxMs: number }
  | {
      readonly kind: "normal";
      readonly meanMs: number;
      readonly deviationMs: number;
      readonly maxMs: number;
    }
  | { readonly kind: "exponential"; readonly meanMs: number; readonly maxMs: number }
);

/** {@link AbortPolicy}, checked. */
export interface ResolvedAbort {
  readonly percent: number;
  readonly with: ResolvedAnswer | AbortKind;
}

/** {@link FaultMatch}, checked; what is undefined fits everything. */
export interface ResolvedFaultMatch {
  /** Upper case. */
  readonly methods: readonly string[] | undefined;
  readonly paths: readonly string[] | undefined;
  /** Lower-case names and the values. */
  readonly headers: readonly (readonly [string, string])[];
  readonly attempts: readonly number[] | undefined;
}

/** {@link FaultPolicy} with every field known. */
export interface ResolvedFault {
  readonly enabled: boolean | ((subject: FaultSubject) => boolean);
  readonly position: "attempt" | "call";
  readonly percent: number;
  readonly delay: ResolvedDelay | undefined;
  readonly abort: ResolvedAbort | undefined;
  readonly behaviour: FaultBehaviour | undefined;
  readonly outcome: FaultOutcome | undefined;
  readonly headers: boolean;
  readonly match: ResolvedFaultMatch;
}
