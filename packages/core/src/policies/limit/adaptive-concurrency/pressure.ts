/** It rises where more than this share of the capacity comes. */
const share = 0.92;

/**
 * Whether more calls come than come through, or only come in a bunch: a count that goes up with each call and down with time,
 * by 92 % of the capacity, as in a CUSUM test (Page, 1954). A bunch is forgotten before it gets to the top; a load that stays
 * above gets there, and stays there until it is below again.
 */
export class Pressure {
  #count = 0;
  #at = 0;
  #most = 1;

  /** 0 for none, 1 for the most. */
  get value(): number {
    return this.#count / this.#most;
  }

  /**
   * A call has come, whether or not it may go.
   * @param capacityPerMs calls per millisecond that come through; 0 where that is not known: there is no pressure then
   * @param most how many calls too many are the most pressure
   */
  arrived(capacityPerMs: number, most: number, now: number): void {
    if (capacityPerMs === 0) {
      this.#count = 0;
    } else {
      const left = this.#count - share * capacityPerMs * (now - this.#at);
      this.#count = Math.min(most, left > 0 ? left + 1 : 1);
    }
    this.#most = most;
    this.#at = now;
  }
}
