import type { Random } from "../random.ts";

const healthyMs = 10_000;

/**
 * Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): a random share of a ceiling that doubles with every
 * failure. It forgets only after 10 s in which all was well, counted from the first success, so that a server which fails
 * every other time is not hammered, and a stream that was well for an hour begins afresh when it breaks.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #ceilingMs: number;
  #failures = 0;
  /** The first success since the last failure. */
  #wellSince = Infinity;

  constructor(firstMs = 100, ceilingMs = 30_000) {
    this.#firstMs = firstMs;
    this.#ceilingMs = ceilingMs;
  }

  /** Milliseconds to wait after a failure at `now`; never less than the server asked for. */
  failed(now: number, random: Random, retryAfterMs = 0): number {
    if (now - this.#wellSince >= healthyMs) this.#failures = 0;
    this.#wellSince = Infinity;
    const ceiling = Math.min(this.#ceilingMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return Math.max(retryAfterMs, random() * ceiling);
  }

  /** Something worked at `now`. */
  succeeded(now: number): void {
    this.#wellSince = Math.min(this.#wellSince, now);
  }
}
