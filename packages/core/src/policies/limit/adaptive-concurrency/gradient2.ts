import type { LimitAlgorithm } from "./limit-algorithm.ts";

/** The long mean is an exponential one over so many windows; over the first few it is a plain one. */
const longWindow = 600;
const warmUp = 10;
/** How much longer than the long mean a call may take before the limit falls. */
const tolerance = 1.5;
/** What the limit grows by while nothing waits. */
const queue = 4;
/** One window per second at most, of at least so many calls. */
const windowMs = 1_000;
const windowCalls = 10;

/**
 * The ratio of a long mean of round trips to that of the last second, times a tolerance of 1.5, scales the limit; a constant of
 * 4 lets it grow. After `Gradient2Limit` and `WindowedLimit` of Netflix's concurrency-limits. In long overload the long mean
 * drifts up to the overloaded one, and the limit with it.
 */
export class Gradient2Limit implements LimitAlgorithm {
  limit: number;
  readonly capacityPerMs = 0;
  #min: number;
  #max: number;
  readonly #smoothing: number;
  #longMs = 0;
  #windows = 0;
  #start = Number.NaN;
  #calls = 0;
  #sumMs = 0;
  #peak = 0;
  #dropped = false;

  constructor(initialLimit: number, minLimit: number, maxLimit: number, smoothing: number) {
    this.limit = initialLimit;
    this.#min = minLimit;
    this.#max = maxLimit;
    this.#smoothing = smoothing;
  }

  get unloadedMs(): number {
    return this.#longMs;
  }

  bound(minLimit: number, maxLimit: number): void {
    this.#min = minLimit;
    this.#max = maxLimit;
    this.limit = this.#clamp(this.limit);
  }

  sample(rttMs: number, inFlight: number, _full: boolean, dropped: boolean, now: number): void {
    if (Number.isNaN(this.#start)) this.#start = now;
    if (dropped) this.#dropped = true;
    else {
      this.#calls++;
      this.#sumMs += rttMs;
      if (inFlight > this.#peak) this.#peak = inFlight;
    }
    if (now - this.#start < windowMs) return;
    if (this.#calls >= windowCalls) this.#turn(this.#sumMs / this.#calls);
    else if (!this.#dropped) return;
    if (this.#dropped) this.limit = this.#clamp(this.limit / 2);
    this.#start = now;
    this.#calls = 0;
    this.#sumMs = 0;
    this.#peak = 0;
    this.#dropped = false;
  }

  #turn(shortMs: number): void {
    this.#windows++;
    const share = this.#windows <= warmUp ? 1 / this.#windows : 2 / (longWindow + 1);
    this.#longMs += share * (shortMs - this.#longMs);
    // After an overload the long mean is too long, and comes down faster than it would by itself.
    if (this.#longMs / shortMs > 2) this.#longMs *= 0.95;
    if (this.#peak < this.limit / 2) return;
    const gradient = Math.max(0.5, Math.min(1, (tolerance * this.#longMs) / shortMs));
    const next = this.limit * gradient + queue;
    this.limit = this.#clamp(this.limit + this.#smoothing * (next - this.limit));
  }

  #clamp(limit: number): number {
    return Math.min(this.#max, Math.max(this.#min, limit));
  }
}
