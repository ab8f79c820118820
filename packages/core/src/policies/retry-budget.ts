import type { ResolvedBudget } from "./policy.ts";

const bucketMs = 1_000;
const buckets = 10;

/** `ratio × deposits` may come out a hair below the whole number it stands for (0.29 × 100). */
const roundingSlack = 1e-9;

/**
 * How many retries a service can afford. Over the last 10 seconds, in steps of one second, there are never more
 * withdrawals than `ratio` × deposits + `minPerSecond` × 10; so a dead dependency sees `1 + ratio` times its normal
 * load plus the minimum, however many calls retry. Every operation takes constant time and allocates nothing.
 *
 * After the retry budget of Finagle (`com.twitter.finagle.service.RetryBudget`): 20 % and 10 per second over 10
 * seconds are its defaults too.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #deposits = new Float64Array(buckets);
  readonly #withdrawals = new Float64Array(buckets);
  #depositSum = 0;
  #withdrawalSum = 0;
  #slot = 0;
  #slotEnd: number;

  /** @param now monotonic milliseconds */
  constructor(policy: ResolvedBudget, now: number) {
    this.#ratio = policy.ratio;
    this.#reserve = policy.minPerSecond * ((buckets * bucketMs) / 1_000);
    this.#slotEnd = now + bucketMs;
  }

  /** Counts a call: its first attempt, not its retries. */
  deposit(now: number): void {
    if (now >= this.#slotEnd) this.#turn(now);
    this.#deposits[this.#slot]!++;
    this.#depositSum++;
  }

  /** Pays for one retry. `false`, and nothing is taken, when the budget cannot afford it. */
  tryWithdraw(now: number): boolean {
    if (this.balance(now) < 1 - roundingSlack) return false;
    this.#withdrawals[this.#slot]!++;
    this.#withdrawalSum++;
    return true;
  }

  /** The retries that can be afforded now; below zero after a busy second with few retries has left the window. */
  balance(now: number): number {
    if (now >= this.#slotEnd) this.#turn(now);
    return this.#reserve + this.#ratio * this.#depositSum - this.#withdrawalSum;
  }

  #turn(now: number): void {
    const turns = Math.floor((now - this.#slotEnd) / bucketMs) + 1;
    for (let i = Math.min(turns, buckets); i > 0; i--) {
      this.#slot = (this.#slot + 1) % buckets;
      this.#depositSum -= this.#deposits[this.#slot]!;
      this.#withdrawalSum -= this.#withdrawals[this.#slot]!;
      this.#deposits[this.#slot] = 0;
      this.#withdrawals[this.#slot] = 0;
    }
    this.#slotEnd += turns * bucketMs;
  }
}
