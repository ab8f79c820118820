/** How many calls may be in flight at once. */
export interface BulkheadPolicy {
  /** Calls in flight at once; a whole number from 1 to 1,000,000. Must be given. */
  readonly maxConcurrent: number;
  /** Calls that wait for one of those to end; a whole number from 0 to 1,000,000; 0 by default: a call too many is refused at once. */
  readonly maxQueue?: number | undefined;
  /**
   * How long a call waits at most, in milliseconds, 1 to 2,147,483,647; 1,000 by default. The call's deadline counts as
   * well. Only with a `maxQueue` above 0.
   */
  readonly queueTimeoutMs?: number | undefined;
}

/** {@link BulkheadPolicy} with every field known. */
export interface ResolvedBulkhead {
  readonly maxConcurrent: number;
  readonly maxQueue: number;
  readonly queueTimeoutMs: number;
}
