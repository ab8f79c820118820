import type { Jitter } from "./backoff.ts";
import type { ResetHeader } from "./retry-after.ts";
import type { FailedAnswer, ResolvedRetriableHeader, RetriableHeader, RetryCondition } from "./retry-on.ts";

/**
 * How much extra load retries and hedges may make, shared by every call of the service in this process: in any 10 seconds no more
 * than `ratio` × the calls that succeeded + `minPerSecond` × 10, and of the latter no more than two that no success has made up for.
 */
export interface RetryBudgetPolicy {
  /** Retries and hedges per call that succeeded, 0 to 1; 0.2 by default. */
  readonly ratio?: number | undefined;
  /** Retries per second beyond that, as long as the service mostly answers, 0 to 1,000,000; 10 by default. */
  readonly minPerSecond?: number | undefined;
}

/** A failed attempt, as a classifier of one's own sees it. */
export interface RetryCandidate extends FailedAnswer {
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** What ended it, where no whole answer came. */
  readonly error: unknown;
}

/** Retries of one route. The budget belongs to the whole service, so that a route cannot spend past it. */
export interface RouteRetryPolicy {
  /** Attempts in all, the first one included; a whole number from 1 to 10; 3 by default. */
  readonly maxAttempts?: number | undefined;
  /**
   * What is retried, in Envoy's words; `connect-failure`, `refused-stream`, `reset` and `retriable-status-codes` by default. An empty
   * list retries nothing.
   */
  readonly on?: readonly RetryCondition[] | undefined;
  /** Response statuses (400 to 599) for `retriable-status-codes`; 408, 429, 502, 503 and 504 by default. */
  readonly statuses?: readonly number[] | undefined;
  /** Response headers for `retriable-headers`; none by default. */
  readonly headers?: readonly RetriableHeader[] | undefined;
  /**
   * Has the first word: `true` retries, `false` does not, `undefined` leaves it to `on`. Code, not data; it must not throw. It cannot have a
   * request sent twice that may not be.
   */
  readonly classify?: ((candidate: RetryCandidate) => boolean | undefined) | undefined;
  /** The back-off before retry n is a part of `baseDelayMs × 2^(n−1)`; 0 to 2,147,483,647; 25 by default. */
  readonly baseDelayMs?: number | undefined;
  /** The back-off's upper limit; 0 to 2,147,483,647, not less than `baseDelayMs`; 250 by default. */
  readonly maxDelayMs?: number | undefined;
  /** Which part: `full` (0 to all of it, the default), `equal`, `decorrelated` or `none`. */
  readonly jitter?: Jitter | undefined;
  /**
   * Response headers that say how long to wait at least, the first that is there; `retry-after` by default (which also reads
   * `retry-after-ms`). `x-ratelimit-reset` and `ratelimit-reset` are in seconds, or seconds since 1970.
   */
  readonly resetHeaders?: readonly ResetHeader[] | undefined;
  /** A response that asks for a longer wait than this is not retried, in milliseconds; 0 to 86,400,000; 300,000 by default. */
  readonly maxRetryAfterMs?: number | undefined;
  /**
   * A streamed request body up to so many bytes is kept, so that it can be sent again; 0 to 16,777,216; 65,536 by default. Longer ones
   * are sent once.
   */
  readonly replayBytes?: number | undefined;
  /** A request that is itself a retry of our caller is not retried here: or each floor would multiply; true by default. */
  readonly chainStop?: boolean | undefined;
  /**
   * Where a retry may go: `hosts`, the default, to an endpoint that this call has not been to; `priorities`, besides, to a priority that it
   * has not been to; `none`, anywhere. Where nothing else is left it goes where it can.
   */
  readonly exclude?: "hosts" | "priorities" | "none" | undefined;
  /**
   * Goes on with a broken download where it stopped (`Range` with `If-Range`), if it is a GET whose answer had a strong `ETag` and
   * `accept-ranges: bytes`; false by default.
   */
  readonly resume?: boolean | undefined;
}

/** Retries of a service. */
export interface RetryPolicy extends RouteRetryPolicy {
  readonly budget?: RetryBudgetPolicy | undefined;
}

/** {@link RetryBudgetPolicy} with every field known. */
export interface ResolvedBudget {
  readonly ratio: number;
  readonly minPerSecond: number;
}

/** {@link RouteRetryPolicy} with every field known; `baseDelayMs ≤ maxDelayMs` holds. */
export interface ResolvedRetry {
  readonly maxAttempts: number;
  readonly on: readonly RetryCondition[];
  readonly statuses: readonly number[];
  readonly headers: readonly ResolvedRetriableHeader[];
  readonly classify: ((candidate: RetryCandidate) => boolean | undefined) | undefined;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly jitter: Jitter;
  readonly resetHeaders: readonly ResetHeader[];
  readonly maxRetryAfterMs: number;
  readonly replayBytes: number;
  readonly chainStop: boolean;
  readonly exclude: "hosts" | "priorities" | "none";
  readonly resume: boolean;
}
