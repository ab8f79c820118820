import type { RetryBudget } from "../retry/retry-budget.ts";
import type { ResolvedHedge } from "./hedge-policy.ts";
import { SlidingHistogram } from "./sliding-histogram.ts";

/** Fewer latencies say nothing of a high percentile. */
const minSamples = 100;
/** How often the percentile is worked out anew. */
const recomputeMs = 500;
/** Over so long it is counted how hedges fare, at least; at most twice that. */
const watchMs = 1_000;
/** Fewer hedges say nothing of the service. */
const minHedges = 5;

/** How a route is doing with its hedges. */
export interface HedgingView {
  /** When a hedge would be sent now, in milliseconds after the attempt; undefined while too little was measured. */
  readonly delayMs: number | undefined;
  /** Latencies that were measured. */
  readonly samples: number;
  /** Hedges lately, and how many of them were no quicker than what they were to help. */
  readonly hedges: number;
  readonly late: number;
  /** Hedges do not help at the moment: the whole service is slow. */
  readonly isServiceSlow: boolean;
}

/** What was measured, and how hedges fared: in two halves of the time that is watched. */
interface HedgingRecord {
  readonly histogram: SlidingHistogram;
  readonly hedges: [number, number];
  readonly late: [number, number];
  half: 0 | 1;
  halfEnd: number;
}

function newRecord(now: number): HedgingRecord {
  return {
    histogram: new SlidingHistogram(now),
    hedges: [0, 0],
    late: [0, 0],
    half: 0,
    halfEnd: now + watchMs,
  };
}

/**
 * When the calls of a route are hedged. The delay is fixed, or a percentile of what was measured; it is worth nothing where the
 * second attempt is as slow as the first, and then it would double the load of a service that is slow already. So it is watched
 * how hedges fare: while most of those of the last second or two took longer than their own delay, no more are sent.
 */
export class Hedging {
  readonly policy: ResolvedHedge;
  readonly #record: HedgingRecord;
  #delayMs: number | undefined;
  #computedAt = -Infinity;

  /**
   * @param now monotonic milliseconds
   * @param before of the same calls under another policy: what it has measured is shared
   */
  constructor(policy: ResolvedHedge, now: number, before?: Hedging) {
    this.policy = policy;
    this.#record = before === undefined ? newRecord(now) : before.#record;
  }

  /** How long to wait for an attempt before a hedge; undefined while that is not known. */
  delayMs(now: number): number | undefined {
    const { delayMs, minDelayMs, percentile } = this.policy;
    if (delayMs !== undefined) return delayMs;
    if (this.#delayMs === undefined || now - this.#computedAt >= recomputeMs) {
      this.#computedAt = now;
      this.#delayMs =
        this.#record.histogram.count(now) < minSamples
          ? undefined
          : Math.max(minDelayMs, this.#record.histogram.percentile(percentile, now));
    }
    return this.#delayMs;
  }

  /** Asks for a hedge, and pays for it. */
  tryHedge(budget: RetryBudget, now: number): boolean {
    return !this.#isServiceSlow(now) && budget.tryWithdrawForHedge(now);
  }

  /** An attempt ended, or was given up because another one was quicker: then it would have taken this long at least. */
  record(latencyMs: number, now: number): void {
    if (latencyMs >= 0) this.#record.histogram.record(latencyMs, now);
  }

  /** A hedge ended. `isLate`: it took longer than the delay after which it was sent. */
  hedged(isLate: boolean, now: number): void {
    this.#turn(now);
    this.#record.hedges[this.#record.half]++;
    if (isLate) this.#record.late[this.#record.half]++;
  }

  inspect(now: number): HedgingView {
    this.#turn(now);
    return {
      delayMs: this.delayMs(now),
      samples: this.#record.histogram.count(now),
      hedges: this.#record.hedges[0] + this.#record.hedges[1],
      late: this.#record.late[0] + this.#record.late[1],
      isServiceSlow: this.#isServiceSlow(now),
    };
  }

  #isServiceSlow(now: number): boolean {
    this.#turn(now);
    const hedges = this.#record.hedges[0] + this.#record.hedges[1];
    return hedges >= minHedges && 2 * (this.#record.late[0] + this.#record.late[1]) > hedges;
  }

  #turn(now: number): void {
    if (now < this.#record.halfEnd) return;
    const turns = Math.floor((now - this.#record.halfEnd) / watchMs) + 1;
    for (let i = Math.min(turns, 2); i > 0; i--) {
      this.#record.half = this.#record.half === 0 ? 1 : 0;
      this.#record.hedges[this.#record.half] = this.#record.late[this.#record.half] = 0;
    }
    this.#record.halfEnd += turns * watchMs;
  }
}
