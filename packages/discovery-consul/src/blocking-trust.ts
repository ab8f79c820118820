/** So many in a row are no accident. */
const maxFailures = 3;
const distrustMs = 60_000;

/**
 * Whether this Consul answers queries that wait. Early agents with streaming answered every query that has an index with
 * status 500, and the same query without one as they should: asked alternately, that would be an error every other
 * time, for ever. After three such failures in a row, whatever came between them, nobody waits for a minute.
 */
export class BlockingTrust {
  #failures = 0;
  #until = -Infinity;

  /** A query that waited was answered with `status`. */
  heard(status: number, now: number): void {
    this.#failures = status >= 500 ? this.#failures + 1 : 0;
    if (this.#failures < maxFailures) return;
    this.#until = now + distrustMs;
    // One more is enough next time: it has shown what it is.
    this.#failures = maxFailures - 1;
  }

  isTrusted(now: number): boolean {
    return now >= this.#until;
  }
}
