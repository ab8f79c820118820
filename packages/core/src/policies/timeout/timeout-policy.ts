/** Time limits, in milliseconds, each from 1 to 2,147,483,647 (the longest a timer of Node can wait). */
export interface TimeoutPolicy {
  /** The whole call with all of its attempts and the waits between them; 30,000 by default. */
  readonly totalMs?: number | undefined;
  /** One attempt, up to the response's head or, where the response is taken whole, its last byte; 10,000 by default. */
  readonly attemptMs?: number | undefined;
  /** Opening a connection; 1,000 by default. */
  readonly connectMs?: number | undefined;
  /** Waiting for a connection that is free or newly opened; `attemptMs` by default. */
  readonly queueMs?: number | undefined;
  /** The response's head, from the beginning of the attempt; `attemptMs` by default. */
  readonly headersMs?: number | undefined;
  /** The silence between two pieces of a streamed response's body; 300,000 by default. While the reader is slow it is not counted. */
  readonly bodyIdleMs?: number | undefined;
  /** A streamed response from the beginning of the call to its last byte; unlimited by default. */
  readonly streamMs?: number | undefined;
}

/** {@link TimeoutPolicy} with every field known; `connectMs ≤ attemptMs ≤ totalMs` holds. */
export interface ResolvedTimeout {
  readonly totalMs: number;
  readonly attemptMs: number;
  readonly connectMs: number;
  /** Undefined where the attempt's limit is the only one. */
  readonly queueMs: number | undefined;
  readonly headersMs: number | undefined;
  readonly bodyIdleMs: number;
  readonly streamMs: number | undefined;
}
