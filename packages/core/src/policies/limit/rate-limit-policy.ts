/** How many calls may begin per second: a token bucket, or one for each key. */
export interface RateLimitPolicy {
  /** Tokens that come per second, and a call takes one; above 0, at most 1,000,000. Must be given. */
  readonly tokensPerSecond: number;
  /** Tokens that are kept for later; 1 to 1,000,000; what comes in a second by default, at least 1. It begins full. */
  readonly burst?: number | undefined;
  /** Every key of calls has a bucket of its own (calls without one share one); false by default. */
  readonly perKey?: boolean | undefined;
  /**
   * Buckets kept at most, a whole number from 1 to 1,000,000; 10,000 by default. Beyond that the longest unused key is
   * forgotten, and begins with a full bucket when it comes again. Only with `perKey`.
   */
  readonly maxKeys?: number | undefined;
  /**
   * A call waits for its token, in order of arrival, if that takes no longer than this many milliseconds, 0 to 3,600,000;
   * 0 by default: it is refused.
   */
  readonly maxWaitMs?: number | undefined;
}

/** {@link RateLimitPolicy} with every field known. */
export interface ResolvedRateLimit {
  readonly tokensPerSecond: number;
  readonly burst: number;
  readonly perKey: boolean;
  readonly maxKeys: number;
  readonly maxWaitMs: number;
}
