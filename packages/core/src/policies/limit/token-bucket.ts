/** A token that is due in ten nanoseconds is there: rounding may have cost as much, and nobody can wait that long. */
const soonMs = 1e-5;

/**
 * Tokens that come at a steady rate, up to a burst. Nothing ticks: what is there is worked out when somebody asks, from when the
 * bucket was last full and what was taken since, so that no rounding error adds up.
 */
export class TokenBucket {
  #perMs: number;
  #burst: number;
  /** When it was last full. */
  #since: number;
  /** Taken since. */
  #taken = 0;

  constructor(tokensPerSecond: number, burst: number, now: number) {
    this.#perMs = tokensPerSecond / 1_000;
    this.#burst = burst;
    this.#since = now;
  }

  take(now: number): boolean {
    if (this.waitFor(1, now) > 0) return false;
    this.#taken++;
    return true;
  }

  /** What is in it; not necessarily whole. */
  tokens(now: number): number {
    const tokens = this.#burst - this.#taken + (now - this.#since) * this.#perMs;
    if (tokens < this.#burst) return tokens;
    this.#since = now;
    this.#taken = 0;
    return this.#burst;
  }

  /** Milliseconds until `count` tokens are in it, were none taken; 0 where they are. More than a burst never are at a time. */
  waitFor(count: number, now: number): number {
    const missing = count - this.tokens(now);
    const ms = missing / this.#perMs;
    return ms <= soonMs ? 0 : ms;
  }

  /** Takes another rate and burst; what is in it stays, up to the new burst. */
  update(tokensPerSecond: number, burst: number, now: number): void {
    const tokens = Math.min(burst, this.tokens(now));
    this.#perMs = tokensPerSecond / 1_000;
    this.#burst = burst;
    this.#since = now;
    this.#taken = burst - tokens;
  }
}
