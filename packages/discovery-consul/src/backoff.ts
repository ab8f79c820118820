import type { Random } from "@proxyless/core";

const healthyMs = 10_000;

/**
 * Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): a random share of a ceiling that doubles with every
 * failure. It forgets only after 10 s without one, so that a server which fails every other time is not hammered.
 */
export class Backoff {
  readonly #firstMs: number;
  readonly #ceilingMs: number;
  #failures = 0;
  #failedAt = -Infinity;

  constructor(firstMs = 100, ceilingMs = 30_000) {
    this.#firstMs = firstMs;
    this.#ceilingMs = ceilingMs;
  }

  /** Milliseconds to wait after a failure at `now`; never less than the server asked for. */
  failed(now: number, random: Random, retryAfterMs = 0): number {
    const ceiling = Math.min(this.#ceilingMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    this.#failedAt = now;
    return Math.max(retryAfterMs, random() * ceiling);
  }

  /** Something worked at `now`. */
  succeeded(now: number): void {
    if (now - this.#failedAt >= healthyMs) this.#failures = 0;
  }
}
