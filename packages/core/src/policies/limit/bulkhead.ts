import type { Clock } from "../../clock.ts";
import type { ResolvedBulkhead } from "./bulkhead-policy.ts";
import type { RefusalReason } from "./refusal.ts";
import { WaitingLine } from "./waiting-line.ts";
import type { Waiter } from "./waiting-line.ts";

/** Hears what becomes of those who had to wait. It may ask, wait and release from within. */
export interface GateListener<T> {
  /** It is in: the call is in flight, and somebody must release it. */
  admitted(of: T, now: number): void;
  refused(of: T, why: RefusalReason, now: number): void;
}

/** What stands in a bulkhead. */
export interface BulkheadState {
  readonly maxConcurrent: number;
  readonly inFlight: number;
  readonly queued: number;
}

/**
 * A fixed number of calls in flight, and a line for some more: the more important first, in order of arrival inside a level.
 * When the line is full, the last one of its least important level is put out for one that matters more.
 */
export class Bulkhead<T> {
  #policy: ResolvedBulkhead;
  readonly #listener: GateListener<T>;
  readonly #line: WaitingLine<T>;
  #inFlight = 0;

  constructor(policy: ResolvedBulkhead, clock: Clock, listener: GateListener<T>) {
    this.#policy = policy;
    this.#listener = listener;
    this.#line = new WaitingLine(clock, (of, now) => {
      listener.refused(of, "queue_timeout", now);
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Lets a call in, if there is room. It must be released. */
  enter(): boolean {
    if (this.#inFlight >= this.#policy.maxConcurrent) return false;
    this.#inFlight++;
    return true;
  }

  /**
   * Lets a call wait that could not enter.
   * @param waitMs at most so long, besides the policy's own limit; Infinity where there is no deadline
   * @returns its place, or why it may not
   */
  wait(of: T, level: number, now: number, waitMs: number): Waiter<T> | RefusalReason {
    const { maxQueue, queueTimeoutMs } = this.#policy;
    if (maxQueue === 0 || waitMs <= 0) return "concurrency";
    const line = this.#line;
    if (line.size >= maxQueue) {
      if (line.lowest <= level) return "queue_full";
      this.#putOut(now);
    }
    return line.join(of, level, now + Math.min(queueTimeoutMs, waitMs), now);
  }

  /** Ends the wait of somebody who no longer wants to; `false` where it is over already. */
  cancel(waiter: Waiter<T>): boolean {
    return this.#line.leave(waiter);
  }

  /** A call has ended; the next one is let in. */
  release(now: number): void {
    this.#inFlight--;
    this.#pump(now);
  }

  /** Takes another policy; calls in flight and in the line stay, as far as it has room for them. */
  update(policy: ResolvedBulkhead, now: number): void {
    this.#policy = policy;
    this.#pump(now);
    while (this.#line.size > policy.maxQueue) this.#putOut(now);
  }

  /** Lets everybody in who waits: there is no bulkhead any more. */
  open(now: number): void {
    this.update({ ...this.#policy, maxConcurrent: Infinity }, now);
  }

  inspect(): BulkheadState {
    return {
      maxConcurrent: this.#policy.maxConcurrent,
      inFlight: this.#inFlight,
      queued: this.#line.size,
    };
  }

  #putOut(now: number): void {
    const of = this.#line.newestOfLowest();
    if (of !== undefined) this.#listener.refused(of, "queue_full", now);
  }

  #pump(now: number): void {
    while (this.#line.size > 0 && this.#inFlight < this.#policy.maxConcurrent) {
      const of = this.#line.next(Infinity);
      if (of === undefined) return;
      this.#inFlight++;
      this.#listener.admitted(of, now);
    }
  }
}
