import type { Clock } from "../../../clock.ts";
import type { Outcome } from "../../../events.ts";
import type { Random } from "../../../random.ts";
import type { GateListener } from "../bulkhead.ts";
import type { RefusalReason } from "../refusal.ts";
import { WaitingLine } from "../waiting-line.ts";
import type { Waiter } from "../waiting-line.ts";
import type { ResolvedAdaptiveConcurrency } from "./adaptive-concurrency-policy.ts";
import { limitAlgorithm } from "./algorithms.ts";
import type { LimitAlgorithm } from "./limit-algorithm.ts";
import { Pressure } from "./pressure.ts";

/**
 * So many calls never mean overload by themselves, be the limit ever so low: with four workers at 80 % load, chance brings as
 * many together about once in a hundred million calls.
 */
const burst = 64;
/** So many times the limit are a burst as well. */
const burstFactor = 4;
/** In sustained overload the line holds `1 + 1.25 √limit`: enough that nobody idles, little enough that nobody waits long. */
const lineFactor = 1.25;
/** The line shortens over the last third of the pressure. */
const lineSlope = 3;
/** A failed call that took so many times as long as an unloaded one has run out of time; a quicker one says nothing of load. */
const timedOutRatio = 2;

/** What stands in an adaptive limiter. */
export interface AdaptiveLimiterState {
  readonly algorithm: string;
  readonly limit: number;
  readonly inFlight: number;
  readonly queued: number;
  /** What a call takes when it does not wait, in milliseconds, as far as is known; 0 before it is. */
  readonly unloadedMs: number;
  /** Calls per second that come through when the limit is used up; 0 where that is not known. */
  readonly capacityPerSecond: number;
  /** How sure it is that more calls come than come through, 0 to 1. */
  readonly pressure: number;
}

/**
 * Calls in flight up to a limit that is learned, and a line for the rest. Two things shed load without shedding a burst:
 *
 * Who may be let in next are only the `1 + 1.25 √limit` that came last, so that in overload those who are let in have
 * waited little, and the others get their turn when the burst is over. When the line is full, the first comers of its least
 * important level are put out.
 *
 * How long the line may be depends on the {@link Pressure}: long as long as it may be a burst, and no longer than those
 * who may be let in next once more calls come than come through. From then on a call too many is refused at once.
 */
export class AdaptiveLimiter<T> {
  #policy: ResolvedAdaptiveConcurrency;
  readonly #random: Random;
  readonly #listener: GateListener<T>;
  readonly #line: WaitingLine<T>;
  readonly #pressure = new Pressure();
  #algorithm: LimitAlgorithm;
  /** The whole part of the limit. */
  #slots: number;
  #inFlight = 0;
  /** There is no limit any more. */
  #opened = false;

  constructor(policy: ResolvedAdaptiveConcurrency, clock: Clock, random: Random, listener: GateListener<T>) {
    this.#policy = policy;
    this.#random = random;
    this.#listener = listener;
    this.#line = new WaitingLine(clock, (of, now) => {
      listener.refused(of, "queue_timeout", now);
    });
    this.#algorithm = limitAlgorithm(policy, policy.initialLimit, random);
    this.#slots = Math.floor(this.#algorithm.limit);
  }

  /** Calls in flight; after an {@link enter} or within `admitted`, what {@link release} wants to know as `startedWith`. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get limit(): number {
    return this.#algorithm.limit;
  }

  /** Whether the limit is used up; after an {@link enter}, what {@link release} wants to know as `full`. */
  get full(): boolean {
    return this.#inFlight >= this.#slots;
  }

  /** Lets a call in, if there is room. It must be released. Asked once for each call, also for those that may not wait. */
  enter(now: number): boolean {
    const { capacityPerMs, limit } = this.#algorithm;
    this.#pressure.arrived(capacityPerMs, Math.max(burst, burstFactor * limit), now);
    if (this.#inFlight >= this.#slots || this.#line.size > 0) return false;
    this.#inFlight++;
    return true;
  }

  /**
   * Lets a call wait that could not enter.
   * @param waitMs at most so long, besides the policy's own limit; Infinity where there is no deadline
   * @returns its place, or why it may not
   */
  wait(of: T, level: number, now: number, waitMs: number): Waiter<T> | RefusalReason {
    const window = this.#window();
    const room = this.#room(window);
    if (room === 0 || waitMs <= 0) return "concurrency";
    const line = this.#line;
    while (line.size > room) this.#putOut(now);
    if (line.size === room) {
      const { lowest } = line;
      // In overload the line holds nobody who waited long: the newcomer is no better than them.
      if (lowest < level || (lowest === level && room <= window)) return "concurrency";
      this.#putOut(now);
    }
    return line.join(of, level, now + Math.min(this.#policy.queueTimeoutMs, waitMs), now);
  }

  /** Ends the wait of somebody who no longer wants to; `false` where it is over already. */
  cancel(waiter: Waiter<T>): boolean {
    return this.#line.leave(waiter);
  }

  /**
   * A call has ended; the next ones are let in.
   * @param latencyMs what it took since it was let in
   * @param startedWith calls in flight when it was let in, itself included
   * @param full the limit was used up then
   */
  release(outcome: Outcome, latencyMs: number, startedWith: number, full: boolean, now: number): void {
    this.#inFlight--;
    const algorithm = this.#algorithm;
    if (outcome === "success") {
      // Not a number where the time says nothing: a stream, an event loop that stood still.
      if (latencyMs >= 0) algorithm.sample(latencyMs, startedWith, full, false, now);
    } else if (outcome === "overload" || (outcome === "failure" && this.#timedOut(latencyMs)))
      algorithm.sample(latencyMs, startedWith, full, true, now);
    if (!this.#opened) this.#slots = Math.floor(algorithm.limit);
    if (this.#line.size > 0) this.#pump(now);
  }

  /** Takes another policy. Calls in flight and in the line stay; what was learned stays unless the algorithm is another one. */
  update(policy: ResolvedAdaptiveConcurrency, now: number): void {
    const { algorithm, smoothing } = this.#policy;
    this.#policy = policy;
    if (policy.algorithm !== algorithm || policy.smoothing !== smoothing) {
      const limit = Math.min(policy.maxLimit, Math.max(policy.minLimit, this.#algorithm.limit));
      this.#algorithm = limitAlgorithm(policy, limit, this.#random);
    } else {
      this.#algorithm.bound(policy.minLimit, policy.maxLimit);
    }
    this.#slots = Math.floor(this.#algorithm.limit);
    this.#pump(now);
    const room = this.#room(this.#window());
    while (this.#line.size > room) this.#putOut(now);
  }

  /** Lets everybody in who waits: there is no limit any more. */
  open(now: number): void {
    this.#opened = true;
    this.#slots = Infinity;
    this.#pump(now);
  }

  inspect(): AdaptiveLimiterState {
    const { capacityPerMs, limit, unloadedMs } = this.#algorithm;
    return {
      algorithm: this.#policy.algorithm,
      limit,
      inFlight: this.#inFlight,
      queued: this.#line.size,
      unloadedMs,
      capacityPerSecond: capacityPerMs * 1_000,
      pressure: this.#pressure.value,
    };
  }

  #timedOut(latencyMs: number): boolean {
    const { unloadedMs } = this.#algorithm;
    return unloadedMs > 0 && latencyMs > timedOutRatio * unloadedMs;
  }

  #window(): number {
    return Math.ceil(1 + lineFactor * Math.sqrt(this.#algorithm.limit));
  }

  /** How many may wait now. */
  #room(window: number): number {
    const { maxQueue, queueFactor } = this.#policy;
    if (queueFactor === 0) return 0;
    const { capacityPerMs, limit } = this.#algorithm;
    // While it is not known what comes through, the limit may still be far too low, and the line not the service's fault.
    const factor = capacityPerMs === 0 ? queueFactor : Math.min(queueFactor, burstFactor);
    const most = Math.max(this.#policy.algorithm === "adaptive" ? burst : 0, factor * limit);
    const share = Math.min(1, lineSlope * (1 - this.#pressure.value));
    return Math.min(maxQueue, window + Math.floor(share * most));
  }

  #putOut(now: number): void {
    const of = this.#line.oldestOfLowest();
    if (of !== undefined) this.#listener.refused(of, "concurrency", now);
  }

  #pump(now: number): void {
    while (this.#line.size > 0 && this.#inFlight < this.#slots) {
      const of = this.#line.next(this.#window());
      if (of === undefined) return;
      this.#inFlight++;
      this.#listener.admitted(of, now);
    }
  }
}
