/** A change in a quiet time is read at once; so many may follow each other before reading has to wait. */
const burst = 50;
const refillMs = 50;

/** Keeps a service that changes all the time from being read all the time: a token bucket of 50 reads, then 20 a second. */
export class Pacer {
  #tokens = burst;
  #refilledAt: number;

  constructor(now: number) {
    this.#refilledAt = now;
  }

  /** Takes a token for the next read; tells how many milliseconds to wait before it. */
  next(now: number): number {
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#refilledAt) / refillMs) - 1;
    this.#refilledAt = now;
    return this.#tokens >= 0 ? 0 : -this.#tokens * refillMs;
  }
}
