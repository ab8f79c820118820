import type { Random } from "../../../random.ts";
import type { LimitAlgorithm } from "./limit-algorithm.ts";

/** The shortest round trip is measured anew after so many calls per unit of the limit, times a random 0.5 to 1. */
const probeCalls = 30;

/**
 * Estimates how many calls wait at the other side, `limit × (1 − shortest round trip / this one)`, and moves the limit by
 * steps of `log10(limit)` so that about 3 to 6 times that many do. After `VegasLimit` of Netflix's concurrency-limits (Brakmo
 * and Peterson's TCP Vegas). It judges by single calls and their shortest: with times that vary much by themselves it is too low.
 */
export class VegasLimit implements LimitAlgorithm {
  limit: number;
  readonly capacityPerMs = 0;
  #min: number;
  #max: number;
  readonly #smoothing: number;
  readonly #random: Random;
  #shortestMs = 0;
  #calls = 0;
  #jitter: number;

  constructor(initialLimit: number, minLimit: number, maxLimit: number, smoothing: number, random: Random) {
    this.limit = initialLimit;
    this.#min = minLimit;
    this.#max = maxLimit;
    this.#smoothing = smoothing;
    this.#random = random;
    this.#jitter = 0.5 + random() / 2;
  }

  get unloadedMs(): number {
    return this.#shortestMs;
  }

  bound(minLimit: number, maxLimit: number): void {
    this.#min = minLimit;
    this.#max = maxLimit;
    this.limit = this.#clamp(this.limit);
  }

  sample(rttMs: number, inFlight: number, _full: boolean, dropped: boolean): void {
    if (!dropped && this.#measured(rttMs)) return;
    const next = dropped ? this.limit - this.#step() : this.#moved(rttMs, inFlight);
    this.limit = this.#clamp(this.limit + this.#smoothing * (this.#clamp(next) - this.limit));
  }

  /** Whether this round trip became the shortest. */
  #measured(rttMs: number): boolean {
    this.#calls++;
    const due = this.#calls >= this.#jitter * probeCalls * this.limit;
    if (!due && this.#shortestMs !== 0 && rttMs >= this.#shortestMs) return false;
    if (due) {
      this.#calls = 0;
      this.#jitter = 0.5 + this.#random() / 2;
    }
    this.#shortestMs = rttMs;
    return true;
  }

  #moved(rttMs: number, inFlight: number): number {
    const { limit } = this;
    if (inFlight * 2 < limit) return limit;
    const step = this.#step();
    const waiting = Math.ceil(limit * (1 - this.#shortestMs / rttMs));
    if (waiting <= step) return limit + 6 * step;
    if (waiting < 3 * step) return limit + step;
    return waiting > 6 * step ? limit - step : limit;
  }

  #step(): number {
    return Math.max(1, Math.log10(this.limit));
  }

  #clamp(limit: number): number {
    return Math.min(this.#max, Math.max(this.#min, limit));
  }
}
