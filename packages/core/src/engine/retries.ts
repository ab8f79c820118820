import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { AttemptRecord } from "../errors.ts";
import type { Outcome } from "../events.ts";
import { retryAfterOf } from "../policies/retry/retry-after.ts";
import { decideRetry } from "../policies/retry/retry-decision.ts";
import type { RetryDecision } from "../policies/retry/retry-decision.ts";
import { retryLoop } from "../policies/retry/retry-loop.ts";
import type { Attempt } from "../transport/attempt.ts";
import type { CallFrame } from "./call-frame.ts";
import { isRefused } from "./classify.ts";
import { mayRepeat } from "./replay.ts";
import { recordOf, reportExhausted, reportRetry } from "./report.ts";

/** An attempt that brought nothing to show, and what follows from that. */
export interface FailedAttempt {
  readonly attempt: Attempt;
  readonly outcome: Outcome;
  readonly decision: RetryDecision;
}

/** How the call stands when its attempt has failed. */
export interface CallState {
  /** Attempts that were made one after the other, this one included: hedges are none of them. */
  readonly retry: number;
  readonly now: number;
  readonly remainingMs: number;
  /** How long an attempt takes as a rule; 0 where that is not known. */
  readonly typicalMs: number;
  /** It is itself a retry of our caller. */
  readonly isRetried: boolean;
  /** The body can be sent again from its beginning. */
  readonly replayable: boolean;
  /** A head of a response went to the caller. */
  readonly committed: boolean;
  readonly callerGone: boolean;
}

/** The failed attempts of one call and what follows from them. A call whose first attempt succeeds has none. */
export class Retries {
  /** What the call's error will say of its attempts. */
  readonly records: AttemptRecord[] = [];
  /** Where the call has been. */
  readonly tried: EndpointState[] = [];
  readonly #call: CallFrame;
  #freeRetryUsed = false;
  /** What was waited before the last retry. */
  #delayMs = 0;
  /** Where the loop hears of the running attempt. */
  #settle: { readonly resolve: () => void; readonly reject: (failed: FailedAttempt) => void } | undefined;

  constructor(call: CallFrame) {
    this.#call = call;
  }

  record(attempt: Attempt, reason: string | undefined, now: number): void {
    this.records.push(recordOf(attempt, reason ?? `status ${attempt.status}`, now));
  }

  decide(attempt: Attempt, outcome: Outcome, call: CallState): RetryDecision {
    const { parts, request, retry, upstream } = this.#call;
    const { random, events } = parts;
    const answered = attempt.failure === undefined;
    const decision = decideRetry({
      retry,
      error: attempt.failure,
      headers: attempt.headers,
      refused: isRefused(attempt.failure),
      previousDelayMs: this.#delayMs,
      typicalMs: call.typicalMs,
      isRetried: call.isRetried,
      attempt: call.retry,
      idempotent: mayRepeat(request),
      replayable: call.replayable,
      phase: attempt.phase,
      status: answered ? attempt.status : undefined,
      retryAfterMs: answered ? this.#retryAfterOf(attempt) : undefined,
      remainingMs: call.remainingMs,
      committed: call.committed,
      localShed: outcome === "ignored" && !attempt.timedOut,
      aborted: call.callerGone,
      // Having waited in vain costs as much as having been answered badly: only a refused connection is free.
      freeRetryUsed: this.#freeRetryUsed || attempt.timedOut,
      budget: upstream.budget,
      now: call.now,
      random,
    });
    if (!decision.retry && decision.why === "budget") reportExhausted(events, this.#call, call.now);
    return decision;
  }

  /** Tells the loop that the attempt it waits for has failed. @returns false when no loop is running */
  failed(failed: FailedAttempt): boolean {
    this.#settle?.reject(failed);
    return this.#settle !== undefined;
  }

  /** The call is over: the loop, if it is running, ends. */
  done(): void {
    this.#settle?.resolve();
  }

  /**
   * The first attempt failed and may be repeated: from here on p-retry runs the loop.
   * @param launch begins the next attempt
   * @throws the last {@link FailedAttempt}, or the signal's reason when it aborts a wait
   */
  goOn(first: FailedAttempt, launch: () => void, signal: AbortSignal): Promise<void> {
    const { parts, retry } = this.#call;
    return retryLoop(
      first,
      () =>
        new Promise<void>((resolve, reject) => {
          this.#settle = { resolve, reject };
          launch();
        }),
      (failed) => this.#delayAfter(failed),
      {
        maxAttempts: retry === false ? 1 : retry.maxAttempts,
        clock: parts.clock,
        signal,
      },
    );
  }

  #retryAfterOf({ headers }: Attempt): number | undefined {
    const { parts, retry } = this.#call;
    return retry === false ? undefined : retryAfterOf(headers, parts.clock, retry.resetHeaders);
  }

  #delayAfter(failed: unknown): number | undefined {
    if (!isFailedAttempt(failed) || !failed.decision.retry) return undefined;
    const { delayMs, free } = failed.decision;
    this.tried.push(failed.attempt.endpoint);
    if (free) this.#freeRetryUsed = true;
    this.#delayMs = delayMs;
    const { parts, span } = this.#call;
    const record = this.records.at(-1)!;
    parts.telemetry.retried(span, record, delayMs);
    reportRetry(parts.events, this.#call, record, delayMs);
    return delayMs;
  }
}

export function isFailedAttempt(value: unknown): value is FailedAttempt {
  return typeof value === "object" && value !== null && "attempt" in value && "decision" in value;
}
