import type { LimitAlgorithm } from "./limit-algorithm.ts";

const backoff = 0.9;
/** A call that takes longer counts as dropped. */
const timeoutMs = 5_000;

/**
 * Additive increase, multiplicative decrease: one more for a call that came while at least half of the limit was used, 10 %
 * less for one that was dropped or took more than 5 seconds. It is blind to latency: of use where the service refuses what is
 * too much for it. After `AIMDLimit` of Netflix's concurrency-limits.
 */
export class AimdLimit implements LimitAlgorithm {
  limit: number;
  readonly unloadedMs = 0;
  readonly capacityPerMs = 0;
  #min: number;
  #max: number;

  constructor(initialLimit: number, minLimit: number, maxLimit: number) {
    this.limit = initialLimit;
    this.#min = minLimit;
    this.#max = maxLimit;
  }

  bound(minLimit: number, maxLimit: number): void {
    this.#min = minLimit;
    this.#max = maxLimit;
    this.limit = Math.min(maxLimit, Math.max(minLimit, this.limit));
  }

  sample(rttMs: number, inFlight: number, _full: boolean, dropped: boolean): void {
    let next = this.limit;
    if (dropped || rttMs > timeoutMs) next *= backoff;
    else if (inFlight * 2 >= next) next++;
    this.limit = Math.min(this.#max, Math.max(this.#min, next));
  }
}
