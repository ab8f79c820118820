/** Older lists are refused for at least so many milliseconds. */
const leastMs = 30_000;
/** So are as many in a row as there are intervals in this. */
const intervals = 3;

/**
 * Tells lists that are older than one that was heard already. Servers of a cluster are not equally quick, and one that lags
 * may answer many times in a row. When nothing newer is heard for long enough, it is a clock that went back, not the lists.
 */
export class Freshness {
  #newest = -Infinity;
  /** When the first list came that was older, with nothing newer since. */
  #olderSince = Infinity;

  /**
   * @param lastRefTime when a server made the list, by its own clock; older lists are not told apart without it
   * @param now when it came, in milliseconds
   * @param intervalMs how often lists are asked for
   * @returns `false` for a list to be ignored
   */
  accept(lastRefTime: number | undefined, now: number, intervalMs: number): boolean {
    if (lastRefTime === undefined) return true;
    if (lastRefTime < this.#newest) {
      this.#olderSince = Math.min(this.#olderSince, now);
      if (now - this.#olderSince < Math.max(leastMs, intervals * intervalMs)) return false;
    }
    this.#olderSince = Infinity;
    this.#newest = lastRefTime;
    return true;
  }
}
