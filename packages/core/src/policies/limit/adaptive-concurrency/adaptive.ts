import type { Random } from "../../../random.ts";
import { Baseline } from "./baseline.ts";
import type { LimitAlgorithm } from "./limit-algorithm.ts";

/** Samples before anything is concluded. */
const fewSamples = 20;
/** A window lasts at least so many unloaded round trips: an effect shows one round trip after its cause. */
const windowRoundTrips = 2;
/** A call that takes longer than so many unloaded ones counts as this long: one stray answer decides nothing. */
const longestRatio = 8;
/** The relative standard error that a window's mean may have; together with the spread of the times it sets the window's size. */
const windowError = 0.06;
const mostSamples = 500;
/** The limit falls at most to this share of itself in one window. */
const steepestFall = 0.5;
/** Where calls are refused, the limit falls to this share of itself, once per round trip. */
const dropFactor = 0.9;
/** Above this share of the limit at which calls were last refused, it rises by one per window. */
const wary = 0.9;
/** After a window without refusals, that limit is thought to be higher by this. */
const forgetting = 1.02;
/** Windows in a row without a look at the unloaded time after which the limit goes below the knee for one. */
const windowsBetweenDips = 10;
/** The same, while the unloaded time rests on a few calls only. */
const windowsBetweenFirstDips = 4;
/** Of the calls a service can work on at once, how many a dip leaves it. */
const dipDepth = 0.85;

/**
 * The default: holds the number of calls in flight at `busy + √busy`, where `busy` is how many of them are worked on rather than
 * waiting at the other side, by Little's law `calls in flight × unloaded time ÷ time now`. The square root is what random
 * arrivals need to keep everyone busy (Halfin and Whitt's square-root staffing); the rest of a burst waits in this process.
 *
 * The time now is the mean of a short window, which ends when it has enough calls for its mean to be worth something. The
 * unloaded time is a long weighted mean of the calls that started with too few others to have waited (see {@link Baseline}).
 * Where the limit is used up all the time there are no such calls, so for one window in ten it dips 15 % below the knee; it never
 * goes down to a minimum to find out. When times stay long though far fewer calls are in flight, the calls do not wait for
 * each other, the service has become slower, and the unloaded time is lifted.
 *
 * Short window against long baseline, and asking whether times and calls in flight go together, is after the adaptive limiter
 * of failsafe-go; the window's size, the square root and the dip are not.
 */
export class AdaptiveLimit implements LimitAlgorithm {
  limit: number;
  capacityPerMs = 0;
  #min: number;
  #max: number;
  readonly #random: Random;
  readonly #baseline = new Baseline();
  /** Calls that the service works on at once, when it has enough of them; 0 for not known. */
  #busy = 0;

  #windowStart = Number.NaN;
  #warm = false;
  #samples = 0;
  #sumMs = 0;
  #sumInFlight = 0;
  #peak = 0;
  #full = 0;
  #dropped = false;
  #dropAgainAt = -Infinity;
  /** The limit at which the service refused calls; Infinity where it has not. */
  #refusedAt = Infinity;

  /** Windows in a row in which the limit was used up. */
  #fullWindows = 0;
  /** Windows in a row without calls for the baseline. */
  #blindWindows = 0;
  #limitBeforeDip = 0;
  #lastInFlight = 0;
  #lastMs = 0;

  constructor(initialLimit: number, minLimit: number, maxLimit: number, random: Random) {
    this.#min = minLimit;
    this.#max = maxLimit;
    this.limit = initialLimit;
    this.#random = random;
  }

  get unloadedMs(): number {
    return this.#baseline.ms;
  }

  bound(minLimit: number, maxLimit: number): void {
    this.#min = minLimit;
    this.#max = maxLimit;
    this.#limitBeforeDip = this.#clamp(this.#limitBeforeDip);
    this.limit = this.#clamp(this.limit);
  }

  sample(rttMs: number, inFlight: number, full: boolean, dropped: boolean, now: number): void {
    if (dropped) {
      this.#drop(now);
      return;
    }
    const baseline = this.#baseline;
    const known = baseline.ms;
    if (Number.isNaN(this.#windowStart)) this.#windowStart = now;
    const ms = known === 0 ? rttMs : Math.min(rttMs, known * longestRatio);
    this.#samples++;
    this.#sumMs += ms;
    this.#sumInFlight += inFlight;
    if (inFlight > this.#peak) this.#peak = inFlight;
    if (full) this.#full++;
    // Up to here nobody waits for anybody: a little below what is worked on at once.
    if (inFlight <= (this.#busy === 0 ? this.limit : 0.9 * this.#busy + 0.4)) baseline.add(ms);
    if (this.#samples < fewSamples) return;
    const took = now - this.#windowStart;
    if (!this.#warm) this.#warmUp(took, now);
    else if (took >= windowRoundTrips * known && this.#samples >= this.#enough()) this.#turn(took, now);
  }

  /** The calls that end first are the quick ones, so the first few say nothing of what a call takes. */
  #warmUp(took: number, now: number): void {
    if (took < (3 * this.#sumMs) / this.#samples) return;
    this.#warm = true;
    this.#baseline.restart(this.#sumMs / this.#samples);
    this.#begin(now);
  }

  #enough(): number {
    const full = Math.min(mostSamples, this.#baseline.spread / (windowError * windowError));
    if (this.#limitBeforeDip > 0) return full / 2;
    return this.capacityPerMs === 0 ? (full * 2) / 3 : full;
  }

  #turn(took: number, now: number): void {
    const baseline = this.#baseline;
    const samples = this.#samples;
    const dipped = this.#limitBeforeDip > 0;
    const looked = baseline.looked >= 0.1 * samples;
    baseline.settle(dipped);
    const ms = this.#sumMs / samples;
    const inFlight = this.#sumInFlight / samples;
    const full = this.#full / samples;
    if (dipped) {
      this.limit = this.#limitBeforeDip;
      this.#limitBeforeDip = 0;
      this.#blindWindows = 0;
    } else if (full > 0.5) {
      this.#followShift(inFlight, ms);
      this.#used(inFlight, ms, full, samples / took);
      this.#blindWindows = looked ? 0 : this.#blindWindows + 1;
      if (this.#blindWindows >= (baseline.sure ? windowsBetweenDips : windowsBetweenFirstDips)) this.#dip();
    } else {
      this.#spare(inFlight, ms, samples / took);
    }
    this.#lastInFlight = inFlight;
    this.#lastMs = ms;
    this.#begin(now);
  }

  /** The limit was used up: is it too low, or too high? */
  #used(inFlight: number, ms: number, full: number, perMs: number): void {
    this.#fullWindows++;
    const busyNow = inFlight / Math.max(1, ms / this.#baseline.ms);
    const waiting = inFlight - busyNow;
    const room = Math.sqrt(inFlight);
    const unknown = this.capacityPerMs === 0;
    // Slow calls fill the limit by themselves now and then; only when it lasts is it a reason to lower it.
    const sure = this.#fullWindows > 1 || waiting > 2 * room || busyNow > this.#busy;
    if (this.#busy === 0) this.#busy = busyNow;
    else if (sure) this.#busy += (unknown ? 0.6 : 0.3) * (busyNow - this.#busy);
    const next = this.#busy + Math.sqrt(this.#busy);
    const wanted = full > 0.8 ? Math.max(next, this.#grown(waiting / room, full, perMs)) : next;
    this.#move(sure ? wanted : Math.max(wanted, this.limit));
  }

  /**
   * What the limit may grow to, seeing how many calls wait at the other side, by the square root of those in flight.
   * @returns 0 for no more than it is
   */
  #grown(waiting: number, full: number, perMs: number): number {
    const clear = waiting < 0.25 && !this.#dropped;
    const unknown = this.capacityPerMs === 0;
    const { sure } = this.#baseline;
    // Nobody waits there: with a higher limit as much more should come through.
    const next = this.limit + Math.max(1, unknown && clear ? this.limit : this.limit / 4);
    if (clear) this.capacityPerMs *= Math.min(1.1, next / this.limit);
    else if (full > 0.95 && this.#fullWindows > (sure ? 2 : 4) && waiting >= 0.5) this.#measure(perMs);
    return waiting < (sure ? 0.5 : 1) ? next : 0;
  }

  /** Not too far at a time, and not where the service has refused calls, unless by small steps. */
  #move(wanted: number): void {
    const limit = this.limit;
    let next = Math.max(wanted, steepestFall * limit);
    if (this.#dropped) next = Math.min(next, limit);
    else {
      next = Math.min(next, Math.max(limit + 1, wary * this.#refusedAt));
      this.#refusedAt *= forgetting;
    }
    this.limit = this.#clamp(next);
  }

  /** Its highs count, for a window may have had less to do than it could. */
  #measure(perMs: number): void {
    const known = this.capacityPerMs;
    this.capacityPerMs = known === 0 ? perMs : Math.max(perMs, known + 0.2 * (perMs - known));
  }

  /** The limit was not used up: it stays, but not far above what is used, lest a burst finds no limit. */
  #spare(inFlight: number, ms: number, perMs: number): void {
    // So much came through with some to spare, so more can.
    const least = perMs / 0.9;
    if (this.capacityPerMs > 0 && this.capacityPerMs < least)
      this.capacityPerMs += 0.2 * (least - this.capacityPerMs);
    this.#fullWindows = 0;
    this.#blindWindows = 0;
    const busyNow = inFlight / Math.max(1, ms / this.#baseline.ms);
    if (busyNow > this.#busy) this.#busy = busyNow;
    const waits = inFlight - busyNow > 1.5 * Math.sqrt(inFlight);
    this.limit = this.#clamp(
      waits ? Math.max(0.8 * this.limit, 1.2 * busyNow) : Math.min(this.limit, 2 * this.#peak + 6),
    );
  }

  #dip(): void {
    this.#limitBeforeDip = this.limit;
    // Rounded by chance: with four workers it is three or four of them, never always one too many.
    this.limit = this.#clamp(Math.floor(dipDepth * this.#busy + this.#random()));
  }

  /** Fewer in flight, and no faster: they did not wait for each other. */
  #followShift(inFlight: number, ms: number): void {
    const fewer = Math.log(this.#lastInFlight / inFlight);
    if (!(fewer >= 0.25) || ms < 1.2 * this.#baseline.ms) return;
    if (Math.log(this.#lastMs / ms) < 0.3 * fewer) this.#baseline.lift(ms);
  }

  #drop(now: number): void {
    this.#dropped = true;
    if (now < this.#dropAgainAt) return;
    this.#dropAgainAt = now + Math.max(1, this.#baseline.ms);
    this.#refusedAt = this.limit;
    if (this.#limitBeforeDip > 0) this.#limitBeforeDip = this.#clamp(dropFactor * this.#limitBeforeDip);
    this.limit = this.#clamp(dropFactor * this.limit);
    this.#busy = Math.min(this.#busy, this.limit);
  }

  #begin(now: number): void {
    this.#windowStart = now;
    this.#samples = 0;
    this.#sumMs = 0;
    this.#sumInFlight = 0;
    this.#peak = 0;
    this.#full = 0;
    this.#dropped = false;
  }

  #clamp(limit: number): number {
    return Math.min(this.#max, Math.max(this.#min, limit));
  }
}
