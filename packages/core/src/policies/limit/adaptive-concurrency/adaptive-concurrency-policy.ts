/** Which algorithm learns the limit. */
export type LimitAlgorithmName = "adaptive" | "gradient2" | "vegas" | "aimd";

/** How many calls may be in flight at once, found out by how long they take. */
export interface AdaptiveConcurrencyPolicy {
  /**
   * What learns the limit. `adaptive`, the default: short windows against a long baseline, with Little's law. `gradient2`,
   * `vegas`, `aimd`: those of Netflix's concurrency-limits.
   */
  readonly algorithm?: LimitAlgorithmName | undefined;
  /** The limit before anything is known; a whole number from `minLimit` to `maxLimit`; 20 by default. */
  readonly initialLimit?: number | undefined;
  /** The limit is never lower; a whole number from 1 to 1,000,000; 1 by default. */
  readonly minLimit?: number | undefined;
  /** The limit is never higher; a whole number from 1 to 1,000,000, not less than `minLimit`; 1,000 by default. */
  readonly maxLimit?: number | undefined;
  /** How much of a new limit counts, above 0, at most 1; for `gradient2` (0.2 by default) and `vegas` (1 by default) only. */
  readonly smoothing?: number | undefined;
  /**
   * So many times the limit may wait, 0 to 100; 0: nobody waits. 16 by default for `adaptive`, but only as long as it does not
   * know what the service can do: then it is at most 4 times (64 calls always, be the limit ever so low), and as soon as
   * more calls come than come through, about the square root of the limit. 2 by default for the others, which never know.
   */
  readonly queueFactor?: number | undefined;
  /** No more calls wait than this, whatever the limit; a whole number from 0 to 1,000,000; 1,000 by default. */
  readonly maxQueue?: number | undefined;
  /**
   * How long a call waits at most, in milliseconds, 1 to 2,147,483,647; by default until its deadline. Overload needs no such
   * limit: those who are let in then have waited little.
   */
  readonly queueTimeoutMs?: number | undefined;
}

/** {@link AdaptiveConcurrencyPolicy} with every field known. */
export interface ResolvedAdaptiveConcurrency {
  readonly algorithm: LimitAlgorithmName;
  readonly initialLimit: number;
  readonly minLimit: number;
  readonly maxLimit: number;
  readonly smoothing: number;
  readonly queueFactor: number;
  readonly maxQueue: number;
  /** Infinity where only the deadline counts. */
  readonly queueTimeoutMs: number;
}
