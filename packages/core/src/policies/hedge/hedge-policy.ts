/**
 * Sending a second attempt while the first is still unanswered, and taking the answer that comes first (Dean and Barroso, "The Tail at
 * Scale", CACM 2013; gRFC A6). Only for calls that may be sent twice: idempotent methods and calls with an idempotency key, with a
 * body that can be sent again. Plain data.
 */
export interface HedgePolicy {
  /** How long an attempt may take before the next one is sent beside it, in milliseconds, 1 to 2,147,483,647; measured by default. */
  readonly delayMs?: number | undefined;
  /**
   * Where no `delayMs` is given: hedge what takes longer than this percentage of the calls of the route, over the last 20 to 30 seconds;
   * 50 to 99.99; 99 by default. Until 100 calls have been measured nothing is hedged.
   */
  readonly percentile?: number | undefined;
  /** A measured delay is never below this, in milliseconds; 0 to 2,147,483,647; 1 by default. */
  readonly minDelayMs?: number | undefined;
  /** Hedges of one attempt; a whole number from 1 to 4; 1 by default. */
  readonly maxHedges?: number | undefined;
  /**
   * Statuses (400 to 599) that do not end the call while another attempt is in flight, and have the next hedge sent at once; 429, 502,
   * 503 and 504 by default.
   */
  readonly statuses?: readonly number[] | undefined;
}

/** {@link HedgePolicy} with every field known. */
export interface ResolvedHedge {
  /** Undefined where it is measured. */
  readonly delayMs: number | undefined;
  readonly percentile: number;
  readonly minDelayMs: number;
  readonly maxHedges: number;
  readonly statuses: readonly number[];
}
