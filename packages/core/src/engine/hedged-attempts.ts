import type { Clock, TimerHandle } from "../clock.ts";
import type { Hedging } from "../policies/hedge/hedging.ts";
import type { Attempt } from "../transport/attempt.ts";

/** A superseded attempt counts as just above the delay. */
const BEYOND = 1.05;
/** What a superseded attempt is ended with. */
const superseded = new Error("another attempt was quicker");

/** The attempts of one call that are in flight side by side. Made for calls that may be hedged, and for no others. */
export class HedgedAttempts {
  /** Hedges that were sent in all. */
  sent = 0;
  readonly #hedging: Hedging;
  readonly #clock: Clock;
  readonly #onDue: () => void;
  readonly #running: Attempt[] = [];
  /** Hedges since the last attempt that is none. */
  #hedges = 0;
  #timer: TimerHandle | undefined;
  /** The delay after which the last hedge was sent. */
  #delayMs = 0;

  /** @param onDue it is time for a hedge */
  constructor(hedging: Hedging, clock: Clock, onDue: () => void) {
    this.#hedging = hedging;
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get running(): readonly Attempt[] {
    return this.#running;
  }

  /** An attempt is on its way: the next hedge waits for it to take too long. */
  launched(attempt: Attempt, now: number): void {
    if (attempt.isHedge) {
      this.sent++;
      this.#hedges++;
    } else this.#hedges = 0;
    this.#running.push(attempt);
    this.#stop();
    if (!this.hasMore) return;
    const delayMs = this.#hedging.delayMs(now);
    if (delayMs === undefined) return;
    this.#delayMs = delayMs;
    this.#timer = this.#clock.setTimer(due, delayMs, this);
  }

  /** Whether the attempt may have another hedge. */
  get hasMore(): boolean {
    return this.#hedges < this.#hedging.policy.maxHedges;
  }

  /** Whether a failure with this status has the next hedge sent at once. */
  hedgesOn(status: number): boolean {
    return this.hasMore && (status === 0 || this.#hedging.policy.statuses.includes(status));
  }

  /** An attempt is over, in whatever way. */
  ended(attempt: Attempt, now: number): void {
    const at = this.#running.indexOf(attempt);
    if (at !== -1) this.#running.splice(at, 1);
    if (this.#running.length === 0) this.#stop();
    const tookMs = now - attempt.startedAt;
    const isSuccess = attempt.outcome === "success";
    // How long it would have taken is not known. Counted with all the time it had, one slow endpoint would soon have all hedges wait
    // longer; with no more than the delay, the delay could only ever fall.
    if (attempt.isSuperseded) this.#hedging.record(Math.min(tookMs, BEYOND * this.#delayMs), now);
    else if (isSuccess) this.#hedging.record(tookMs, now);
    if (!attempt.isHedge) return;
    const isLate = tookMs > this.#delayMs;
    // One that was given up before its time says nothing.
    if (isLate || !attempt.isSuperseded) this.#hedging.hedged(isLate || !isSuccess, now);
  }

  /** Ends all attempts but one. */
  supersede(winner: Attempt | undefined): void {
    this.#stop();
    for (const attempt of this.#running.slice()) {
      if (attempt === winner) continue;
      attempt.isSuperseded = true;
      attempt.abort(superseded);
    }
  }

  /** Ends all attempts. */
  abort(reason: unknown): void {
    this.#stop();
    for (const attempt of this.#running.slice()) attempt.abort(reason);
  }

  /** @internal */
  due(): void {
    this.#timer = undefined;
    this.#onDue();
  }

  #stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function due(attempts: HedgedAttempts): void {
  attempts.due();
}
