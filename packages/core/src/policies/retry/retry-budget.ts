import type { ResolvedBudget } from "./retry-policy.ts";

const bucketMs = 1_000;
const buckets = 10;

/** `ratio × successes` may come out a hair below the whole number it stands for (0.29 × 100). */
const roundingSlack = 1e-9;

/**
 * What the reserve holds at most. Two, because a call makes two retries; and no more, because a thousand processes that rarely
 * call have a reserve each, and all spend it when the service dies.
 */
const reserveSize = 2;

/**
 * How many retries and hedges a service can afford. Over the last 10 seconds, in steps of one second, there are never more than
 * `ratio` × successes + `minPerSecond` × 10 withdrawals. Every operation takes constant time and allocates nothing.
 *
 * The share of the successes is the retry budget of Finagle (`com.twitter.finagle.service.RetryBudget`; 20 % and 10 per second
 * over 10 seconds are its defaults too). Its constant minimum is what leaks where many processes each make few calls: all of
 * them can retry everything, and a dead service sees three times its load (Brooker, "Fixing retries with token buckets and
 * circuit breakers", 2022, whose token bucket sends 1.49 times the load at 1000 clients). Here the minimum comes out of a
 * reserve of two that only successes fill, one each: as long as the service mostly answers every rare call has its retries, and
 * once it does not, nobody has any.
 */
export class RetryBudget {
  #ratio = 0;
  #reserveLimit = 0;
  readonly #deposits = new Float64Array(buckets);
  readonly #withdrawals = new Float64Array(buckets);
  readonly #fromReserve = new Float64Array(buckets);
  #depositSum = 0;
  #withdrawalSum = 0;
  #reserveSum = 0;
  #reserve = reserveSize;
  #slot = 0;
  #slotEnd: number;

  /** @param now monotonic milliseconds */
  constructor(policy: ResolvedBudget, now: number) {
    this.#slotEnd = now + bucketMs;
    this.update(policy);
  }

  /** Takes another policy. What was counted stays, and is judged by the new one from now on. */
  update(policy: ResolvedBudget): void {
    this.#ratio = policy.ratio;
    this.#reserveLimit = policy.minPerSecond * ((buckets * bucketMs) / 1_000);
  }

  /** Counts a call that succeeded, by whichever of its attempts. */
  deposit(now: number): void {
    if (now >= this.#slotEnd) this.#turn(now);
    this.#deposits[this.#slot]!++;
    this.#depositSum++;
    if (this.#reserve < reserveSize) this.#reserve = Math.min(reserveSize, this.#reserve + 1);
  }

  /** Pays for one retry. `false`, and nothing is taken, when the budget cannot afford it. */
  tryWithdraw(now: number): boolean {
    const earned = this.#earned(now);
    if (earned < 1 - roundingSlack) {
      if (this.#spareReserve < 1 - roundingSlack) return false;
      this.#reserve--;
      this.#fromReserve[this.#slot]!++;
      this.#reserveSum++;
    }
    this.#withdrawals[this.#slot]!++;
    this.#withdrawalSum++;
    return true;
  }

  /**
   * The withdrawals that can be afforded now, the reserve included. The earned part alone may be below zero, after a busy second
   * with few retries has left the window; the reserve is there all the same.
   */
  balance(now: number): number {
    return Math.max(0, this.#earned(now)) + this.#spareReserve;
  }

  /** Pays for a hedge: out of what successes have earned, and never the half of it that retries may come to need. */
  tryWithdrawForHedge(now: number): boolean {
    if (this.#earned(now) - 1 < (this.#ratio * this.#depositSum) / 2 - roundingSlack) return false;
    return this.tryWithdraw(now);
  }

  #earned(now: number): number {
    if (now >= this.#slotEnd) this.#turn(now);
    return this.#ratio * this.#depositSum - this.#withdrawalSum;
  }

  get #spareReserve(): number {
    return Math.max(0, Math.min(this.#reserve, this.#reserveLimit - this.#reserveSum));
  }

  #turn(now: number): void {
    const turns = Math.floor((now - this.#slotEnd) / bucketMs) + 1;
    for (let i = Math.min(turns, buckets); i > 0; i--) {
      this.#slot = (this.#slot + 1) % buckets;
      this.#depositSum -= this.#deposits[this.#slot]!;
      this.#withdrawalSum -= this.#withdrawals[this.#slot]!;
      this.#reserveSum -= this.#fromReserve[this.#slot]!;
      this.#deposits[this.#slot] = 0;
      this.#withdrawals[this.#slot] = 0;
      this.#fromReserve[this.#slot] = 0;
    }
    this.#slotEnd += turns * bucketMs;
  }
}
