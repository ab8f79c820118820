/**
 * Keeps something that never stops changing from being read all the time, without making anyone wait for a change that
 * comes after a pause: a token bucket that may be overdrawn, kept as one number (the generic cell rate algorithm, ITU-T
 * I.371). For a watch that reads again after every change.
 */
export class Pacer {
  readonly #burst: number;
  readonly #refillMs: number;
  /** When all that was taken has come back. */
  #evenAt = -Infinity;

  /**
   * @param burst how many tokens may be taken in a row at once; at least 1
   * @param refillMs in how many milliseconds one comes back; with 0 nobody waits
   */
  constructor(burst: number, refillMs: number) {
    this.#burst = burst;
    this.#refillMs = refillMs;
  }

  /**
   * Takes tokens for the next read.
   * @param now by the clock that the wait is counted with
   * @param tokens more than 1 for a read that costs more
   * @returns how many milliseconds to wait before it
   */
  take(now: number, tokens: number = 1): number {
    const full = now - this.#burst * this.#refillMs;
    this.#evenAt = Math.max(this.#evenAt, full) + tokens * this.#refillMs;
    return Math.max(0, this.#evenAt - now);
  }
}
