import type { ErrorCode, ProxylessError } from "../../errors.ts";
import type { AnswerPolicy, ResolvedAnswer } from "../answer.ts";

/** Which failures something else is answered instead of. */
export interface FallbackOn {
  /** Statuses from 400 to 599; every one from 500 on by default. */
  readonly statuses?: readonly number[] | undefined;
  /**
   * Codes of errors; by default all that calling may end with but `ERR_PROXYLESS_REQUEST`, `ERR_PROXYLESS_CONFIG`,
   * `ERR_PROXYLESS_UNKNOWN_SERVICE` and `ERR_PROXYLESS_CLOSED`, which are the caller's own doing. A caller that gives up gets nothing.
   */
  readonly errors?: readonly ErrorCode[] | undefined;
}

/** Answers with what a GET was last answered, from memory. */
export interface StalePolicy {
  /** How old it may be, in milliseconds, 1 to 2,147,483,647. */
  readonly maxAgeMs: number;
  /** Answers that are kept, 1 to 1,000,000; 1,000 by default. The one that was renewed longest ago goes first. */
  readonly maxEntries?: number | undefined;
  /** Bytes that are kept in all, 1 to 2^40; 33,554,432 (32 MiB) by default. */
  readonly maxBytes?: number | undefined;
  /** Longer bodies are not kept, in bytes, 0 to 2^30; 1,048,576 by default. */
  readonly maxEntryBytes?: number | undefined;
  /**
   * The headers, besides those that say who asks and in what form, by which requests are told apart; by default every header but those of
   * tracing.
   */
  readonly headers?: readonly string[] | undefined;
}

/** What a fallback function is told. */
export interface FallbackFailure {
  readonly service: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Of the request: name, value, name, value… */
  readonly headers: readonly string[];
  /** The answer's status, where it is one that counts as a failure. */
  readonly status: number | undefined;
  /** What the call ended with, where there was no answer. */
  readonly error: ProxylessError | undefined;
  /** Aborts when the caller goes, or the time is over. */
  readonly signal: AbortSignal;
}

/** What a fallback function answers. */
export interface FallbackAnswer extends Omit<AnswerPolicy, "body"> {
  readonly body?: string | Uint8Array | undefined;
}

/** Makes up an answer; undefined where it has none. */
export type FallbackFunction = (
  failure: FallbackFailure,
) => FallbackAnswer | undefined | Promise<FallbackAnswer | undefined>;

/**
 * What is answered where a call fails for good, after its retries. Of several the first that has an answer is taken, in this order:
 * `stale`, `service`, `run`, `value`. Plain data, but for the function. The header `x-proxyless-fallback` tells which it was.
 */
export interface FallbackPolicy {
  readonly on?: FallbackOn | undefined;
  readonly stale?: StalePolicy | undefined;
  /**
   * The name of a service that is asked the same; its own fallback is left out. A request that must not be sent twice is sent there only if the
   * first service cannot have seen it.
   */
  readonly service?: string | undefined;
  readonly run?: FallbackFunction | undefined;
  /** The status is 200 by default. */
  readonly value?: AnswerPolicy | undefined;
  /**
   * How long the other service and the function may each take, in milliseconds, 1 to 2,147,483,647. By default what is left of the call's time;
   * given, it holds even where nothing is left, so that the call may take that much longer.
   */
  readonly timeoutMs?: number | undefined;
}

/** {@link StalePolicy} with every field known. */
export interface ResolvedStale {
  readonly maxAgeMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxEntryBytes: number;
  readonly headers: readonly string[] | undefined;
}

/** {@link FallbackPolicy}, checked. */
export interface ResolvedFallback {
  /** Undefined for every one from 500 on. */
  readonly statuses: readonly number[] | undefined;
  /** Undefined for all that are not the caller's own doing. */
  readonly errors: readonly ErrorCode[] | undefined;
  readonly stale: ResolvedStale | undefined;
  readonly service: string | undefined;
  readonly run: FallbackFunction | undefined;
  readonly value: ResolvedAnswer | undefined;
  readonly timeoutMs: number | undefined;
}
