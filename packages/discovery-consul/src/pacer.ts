/**
 * Keeps a long poll whose answers never stop coming from becoming a hot loop, without making anyone wait for a change
 * that comes after a pause. Three token buckets: two queries may follow each other at once and then one every 20 ms;
 * of queries whose answers differ, 200 in a row and then two a second; of queries whose answers do not differ (the
 * index moves for another service), 20 in a row and then one in five seconds.
 */
export class Pacer {
  readonly #quick: TokenBucket;
  readonly #changed: TokenBucket;
  readonly #unchanged: TokenBucket;

  constructor(now: number) {
    this.#quick = new TokenBucket(2, 20, now);
    this.#changed = new TokenBucket(200, 500, now);
    this.#unchanged = new TokenBucket(20, 5000, now);
  }

  /** Takes a token for the query after an answer; tells how many milliseconds to wait before it. */
  next(now: number, changed: boolean): number {
    const lasting = changed ? this.#changed : this.#unchanged;
    return Math.max(this.#quick.take(now), lasting.take(now));
  }
}

class TokenBucket {
  readonly #capacity: number;
  readonly #refillMs: number;
  #tokens: number;
  #refilledAt: number;

  constructor(capacity: number, refillMs: number, now: number) {
    this.#capacity = capacity;
    this.#refillMs = refillMs;
    this.#tokens = capacity;
    this.#refilledAt = now;
  }

  take(now: number): number {
    const refilled = this.#tokens + (now - this.#refilledAt) / this.#refillMs;
    this.#tokens = Math.min(this.#capacity, refilled) - 1;
    this.#refilledAt = now;
    return this.#tokens >= 0 ? 0 : -this.#tokens * this.#refillMs;
  }
}
