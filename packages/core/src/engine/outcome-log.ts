import { ProxylessError } from "../errors.ts";
import type { Phase, ReasonFlag, ShedReason } from "../errors.ts";
import type { Outcome } from "../events.ts";

/** How one attempt ended, as far as numbers tell. */
export interface AttemptOutcome {
  /** `host:port`. */
  readonly endpoint: string;
  /** When it began, in milliseconds after the call. */
  readonly afterMs: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
  /** 0 without an answer. */
  readonly status: number;
  readonly phase: Phase;
  /** A limit of ours ended it: how long it would have taken is not known. */
  readonly timedOut: boolean;
  readonly hedge: boolean;
  /** Another attempt was quicker, and this one was given up. */
  readonly superseded: boolean;
  /** What its answer asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

/** How one call ended, as far as numbers tell: no path, no header, no body. */
export interface CallOutcome {
  /** When it began, by the mesh's clock. */
  readonly at: number;
  /** The path of the route that it matched. */
  readonly route: string | undefined;
  readonly method: string;
  /** It may be sent twice. */
  readonly repeatable: boolean;
  /** How much it matters; 0 to 3, most first. */
  readonly level: number;
  readonly attempts: readonly AttemptOutcome[];
  readonly durationMs: number;
  readonly outcome: Outcome;
  readonly status: number;
  readonly flag: ReasonFlag | undefined;
  /** A limit of ours refused it. */
  readonly shed: ShedReason | undefined;
}

/** An attempt that ended, as its call knows it. */
interface EndedAttempt {
  readonly endpoint: { readonly address: string };
  readonly startedAt: number;
  readonly status: number;
  readonly phase: Phase;
  readonly failure: unknown;
  readonly timedOut: boolean;
  readonly isHedge: boolean;
  readonly isSuperseded: boolean;
}

/** What is known of a call before it begins. */
type CallBeginning = Pick<CallOutcome, "at" | "route" | "method" | "repeatable" | "level">;

/** A call that is being recorded. */
export class CallRecord {
  readonly #log: OutcomeLog;
  readonly #call: CallBeginning;
  readonly #attempts: AttemptOutcome[] = [];

  constructor(log: OutcomeLog, call: CallBeginning) {
    this.#log = log;
    this.#call = call;
  }

  attempted(attempt: EndedAttempt, outcome: Outcome, retryAfterMs: number | undefined, now: number): void {
    this.#attempts.push({
      endpoint: attempt.endpoint.address,
      afterMs: attempt.startedAt - this.#call.at,
      durationMs: now - attempt.startedAt,
      outcome,
      status: attempt.failure === undefined ? attempt.status : 0,
      phase: attempt.phase,
      timedOut: attempt.timedOut,
      hedge: attempt.isHedge,
      superseded: attempt.isSuperseded,
      retryAfterMs,
    });
  }

  ended(outcome: Outcome, status: number, error: unknown, now: number): void {
    const fault = error instanceof ProxylessError ? error : undefined;
    this.#log.add({
      ...this.#call,
      attempts: this.#attempts,
      durationMs: now - this.#call.at,
      outcome,
      status,
      flag: fault === undefined && error !== undefined ? "DC" : fault?.flag,
      shed: fault?.shed,
    });
  }
}

/** The last calls of a service: a ring, of which a dry run makes what it says. */
export class OutcomeLog {
  readonly #size: number;
  #calls: CallOutcome[] = [];
  /** Where the oldest stands, once the ring is full. */
  #next = 0;

  /** @param size how many calls are kept; 1 or more */
  constructor(size: number) {
    this.#size = size;
  }

  begin(call: CallBeginning): CallRecord {
    return new CallRecord(this, call);
  }

  add(call: CallOutcome): void {
    if (this.#calls.length < this.#size) this.#calls.push(call);
    else {
      this.#calls[this.#next] = call;
      this.#next = (this.#next + 1) % this.#size;
    }
  }

  get size(): number {
    return this.#calls.length;
  }

  /** In the order in which they began. */
  get calls(): readonly CallOutcome[] {
    return this.#calls.toSorted((one, other) => one.at - other.at);
  }
}
