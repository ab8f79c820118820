import type { Clock, TimerHandle } from "../clock.ts";
import type { CallContext } from "../context/call-context.ts";
import type { WireContext } from "../context/wire.ts";
import { ProxylessError } from "../errors.ts";
import type { Books } from "./books.ts";

/** The answer to a request, as far as its deadline must know it. */
export interface Answer {
  /** Its head went out: the caller has what it waited for, and may read the rest for hours. */
  readonly begun: boolean;
  /** Answers 504 in the place of the handler. */
  refuse(): void;
}

/** What there is to know of a request whose deadline is watched. */
interface Limit {
  readonly deadline: number;
  readonly givenMs: number;
  readonly enforced: boolean;
  readonly respondMs: number | false;
}

/** One request that is being served: owns its signal and its timer, until `end`. */
export class Visit {
  readonly context: CallContext;
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #books: Books;
  readonly #method: string;
  readonly #answer: Answer;
  readonly #limit: Limit | undefined;
  readonly #startedAt: number;
  #timer: TimerHandle | undefined;
  #overran = false;
  #ended = false;

  constructor(
    clock: Clock,
    books: Books,
    method: string,
    wire: WireContext,
    limit: Limit | undefined,
    answer: Answer,
  ) {
    this.#clock = clock;
    this.#books = books;
    this.#method = method;
    this.#answer = answer;
    this.#limit = limit;
    this.#startedAt = clock.now();
    this.context = {
      deadline: limit?.enforced === true ? limit.deadline : undefined,
      signal: this.#controller.signal,
      attempt: wire.attempt,
      criticality: wire.criticality,
      // What is a retry already is not multiplied by retries of ours.
      chainStop: wire.chainStop || (wire.attempt ?? 1) > 1,
    };
    books.counts.inFlight++;
    if (limit !== undefined) {
      this.#timer = clock.setTimer(passed, limit.deadline - this.#startedAt, this, true);
    }
  }

  /**
   * The exchange is over; anything after the first time is ignored.
   * @param normally the handler finished its answer; otherwise the caller went away before
   */
  end(normally: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    const { counts } = this.#books;
    counts.inFlight--;
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    const now = this.#clock.now();
    if (!normally) {
      const message = `the caller of this ${this.#method} went away`;
      this.#controller.abort(new DOMException(message, "AbortError"));
    }
    const limit = this.#limit;
    if (this.#overran && limit !== undefined) {
      this.#books.overran(limit.enforced, this.#method, limit.givenMs, Math.max(0, now - limit.deadline));
      if (limit.enforced) return;
    }
    if (!normally) this.#books.cancelled(this.#method, now - this.#startedAt);
  }

  /** The deadline passed. */
  pass(): void {
    this.#timer = undefined;
    const limit = this.#limit;
    if (this.#ended || limit === undefined || this.#answer.begun) return;
    this.#overran = true;
    if (!limit.enforced) return;
    const message = `the deadline of this ${this.#method} is over: it came with ${limit.givenMs} ms`;
    const reason = new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, { timeout: "total", flag: "DT" });
    if (limit.respondMs !== false) {
      this.#timer = this.#clock.setTimer(unanswered, limit.respondMs, this, true);
    }
    this.#controller.abort(reason);
  }

  /** The handler had its time after the deadline, too. */
  giveUp(): void {
    this.#timer = undefined;
    if (!this.#ended && !this.#answer.begun) this.#answer.refuse();
  }
}

function passed(visit: Visit): void {
  visit.pass();
}

function unanswered(visit: Visit): void {
  visit.giveUp();
}
