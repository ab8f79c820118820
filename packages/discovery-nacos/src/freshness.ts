/**
 * Tells lists that are older than one that was heard already: servers of a cluster are not equally quick, and each stamps
 * a list with its own clock. Two in a row mean that the clock went back, not the list.
 */
export class Freshness {
  #newest = -Infinity;
  #wasOlder = false;

  /** @returns `false` for a list to be ignored */
  accept(lastRefTime: number | undefined): boolean {
    if (lastRefTime === undefined) return true;
    if (lastRefTime < this.#newest && !this.#wasOlder) {
      this.#wasOlder = true;
      return false;
    }
    this.#wasOlder = false;
    this.#newest = lastRefTime;
    return true;
  }
}
