/**
 * Identical GET and HEAD requests that are on their way at the same time are sent once, and all of their callers get that one answer.
 * Identical means: the same path and query, the same credentials (`authorization`, `cookie`), and the same other headers.
 */
export interface CoalescePolicy {
  /**
   * The headers, besides those that say who asks and in what form (`authorization`, `cookie`, `accept…`, `range`, `if-…`,
   * `cache-control`), by which requests are told apart. By default every header does that, but for those of tracing.
   */
  readonly headers?: readonly string[] | undefined;
  /**
   * How much of a streamed body is kept for the callers that wait for it to be whole, in bytes, 0 to 1,073,741,824; 1,048,576 by default.
   * Callers of a longer one are each sent on their own.
   */
  readonly maxBytes?: number | undefined;
  /**
   * How long a streamed body may take, from its head on, before the callers that wait for it to be whole are each sent on their own; in
   * milliseconds, 0 to 3,600,000; 1,000 by default.
   */
  readonly holdMs?: number | undefined;
  /** How many may wait for one answer, 1 to 1,000,000; 1,000 by default. What comes beyond that is sent on its own. */
  readonly maxWaiters?: number | undefined;
  /** How many answers may be waited for, 1 to 1,000,000; 1,000 by default. What comes beyond that is sent on its own. */
  readonly maxFlights?: number | undefined;
}

/** {@link CoalescePolicy} with every field known. */
export interface ResolvedCoalesce {
  /** Lower case; undefined for all. */
  readonly headers: readonly string[] | undefined;
  readonly maxBytes: number;
  readonly holdMs: number;
  readonly maxWaiters: number;
  readonly maxFlights: number;
}
