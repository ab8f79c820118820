/**
 * Learns how many calls may be in flight at once from how calls end. Times are milliseconds of one monotonic clock. A sample
 * costs some nanoseconds and allocates nothing.
 */
export interface LimitAlgorithm {
  /** Calls that may be in flight, 1 or more; not necessarily whole: its whole part counts. */
  readonly limit: number;
  /** What a call takes when nothing waits, in milliseconds, as far as is known; 0 before it is. */
  readonly unloadedMs: number;
  /**
   * Calls per millisecond that come through when the limit is used up, where the algorithm measures it and knows that more
   * calls in flight would not raise it; 0 otherwise.
   */
  readonly capacityPerMs: number;
  /**
   * A call has ended.
   * @param rttMs what it took, without its wait in this process
   * @param inFlight calls in flight when it started, itself included
   * @param full it was the last one that the limit let in, or it had to wait for that
   * @param dropped it was refused for overload or ran out of time: `rttMs` says nothing
   */
  sample(rttMs: number, inFlight: number, full: boolean, dropped: boolean, now: number): void;
  /** Takes other bounds; the limit moves into them at once. */
  bound(minLimit: number, maxLimit: number): void;
}
