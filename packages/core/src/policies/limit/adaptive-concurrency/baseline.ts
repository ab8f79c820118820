/** The relative standard error of the long mean. */
const error = 0.025;
const fewest = 100;
const most = 4_000;
/** A squared coefficient of variation between these; 0.25 before anything is known. */
const leastSpread = 0.02;
const mostSpread = 4;

/**
 * What a call takes when it does not wait: a long weighted mean of the calls that were chosen for it, as long as their spread
 * asks for. It takes a window's calls together, so that a window can be judged before it counts.
 */
export class Baseline {
  /** The mean in milliseconds; 0 before there is one. */
  ms = 0;
  /** The squared coefficient of variation of the times. */
  spread = 0.25;
  /** Calls that were added since the last {@link settle}. */
  looked = 0;
  #sum = 0;
  #squares = 0;
  #weight = 0;

  /** Whether it rests on as many calls as their spread asks for. */
  get sure(): boolean {
    return this.#weight >= this.#wanted;
  }

  get #wanted(): number {
    return Math.min(most, Math.max(fewest, this.spread / (error * error)));
  }

  add(ms: number): void {
    this.looked++;
    this.#sum += ms;
    this.#squares += ms * ms;
  }

  /** Begins with a first guess, which the first calls outweigh. */
  restart(ms: number): void {
    this.ms = ms;
    this.#weight = 0;
    this.#forget();
  }

  /**
   * Counts what was added.
   * @param wary the calls came while others may have had theirs waiting too: a rise counts a quarter, once
   *   the mean is sure
   */
  settle(wary: boolean): void {
    const { looked } = this;
    if (looked === 0) return;
    const mean = this.#sum / looked;
    const slow = wary && this.sure && mean > this.ms;
    this.#weight = Math.min(this.#weight + looked, this.#wanted);
    const share = Math.min(1, looked / this.#weight) * (slow ? 0.25 : 1);
    this.ms += share * (mean - this.ms);
    if (looked > 1) {
      const spread = Math.max(0, this.#squares / looked - mean * mean) / (mean * mean);
      this.spread += share * (Math.min(mostSpread, Math.max(leastSpread, spread)) - this.spread);
    }
    this.#forget();
  }

  /** The time has risen to about `ms`. */
  lift(ms: number): void {
    this.ms += 0.9 * (ms - this.ms);
  }

  #forget(): void {
    this.looked = 0;
    this.#sum = 0;
    this.#squares = 0;
  }
}
