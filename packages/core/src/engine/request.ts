import type { Context } from "@opentelemetry/api";

import type { Criticality } from "../context/criticality.ts";
import type { ProxylessError } from "../errors.ts";
import type { PickFlag } from "../events.ts";
import type { ResponseHeaders } from "../transport/response.ts";
import type { OuterCall } from "./outer-call.ts";

/** A body as the engine sends it. A function makes a fresh stream for each attempt, which makes the body replayable. */
export type RequestBody = string | Uint8Array | AsyncIterable<Uint8Array> | (() => AsyncIterable<Uint8Array>);

/** Per-call retry options; see the service's `retry` policy for what they mean. */
export interface CallRetryOptions {
  readonly maxAttempts?: number;
  readonly statuses?: readonly number[];
  /** The caller vouches that sending the request twice does no harm. */
  readonly idempotent?: boolean;
}

/** One logical request, as a door hands it to the engine. */
export interface CallRequest {
  /** Upper case. */
  readonly method: string;
  /** Path and query, beginning with `/`. */
  readonly path: string;
  /**
   * Name, value, name, value… as they go on the wire; `host` and connection headers are the engine's, and so is
   * `content-length` except for streams of known length.
   */
  readonly headers: readonly string[];
  readonly body: RequestBody | null;
  /** Path template (`/orders/{id}`), when the door knows it: picks the route policy and names the span. */
  readonly template?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Total time for the call in milliseconds; the policy's when absent. */
  readonly timeoutMs?: number | undefined;
  readonly retry?: CallRetryOptions | false | undefined;
  /** Sent as `idempotency-key`; makes any method retryable. */
  readonly idempotencyKey?: string | undefined;
  /** What hash-based balancers hash. */
  readonly hashKey?: string | undefined;
  /** How much the call matters where calls are shed: that of the work it is made in by default, else `critical`. */
  readonly criticality?: Criticality | undefined;
  /** Whose calls it is counted with, where the rate limit is per key. */
  readonly rateLimitKey?: string | undefined;
  /**
   * The endpoint to call, `host:port`, or several in order of preference; one that is not there or may not be picked is
   * passed over, and if none is left the balancer chooses.
   */
  readonly endpoint?: string | readonly string[] | undefined;
  /** Called for each attempt with the reasons for the choice of its endpoint. */
  readonly explain?: ((explanation: PickExplanation) => void) | undefined;
  /** The call as its caller knows it, where layers stand around it and somebody looks. Doors leave it out. */
  readonly outer?: OuterCall | undefined;
  /** What the call's span is below, where that is not the ambient context. Doors leave it out. */
  readonly parent?: Context | undefined;
}

/** Without the query, which may hold what is nobody else's business. */
export function pathOnly(path: string): string {
  const query = path.indexOf("?");
  return query === -1 ? path : path.slice(0, query);
}

/** Why an attempt went where it went. */
export interface PickExplanation {
  readonly service: string;
  readonly attempt: number;
  /** How the choice was made. */
  readonly flag: PickFlag;
  /** `host:port` of the choice. */
  readonly picked: string;
  /** The endpoints that were compared, the choice first. */
  readonly compared: readonly { readonly endpoint: string; readonly cost: number }[];
  /** The endpoints that could not be chosen, and why. */
  readonly excluded: readonly { readonly endpoint: string; readonly reasons: readonly string[] }[];
  /** All of it as one sentence. */
  readonly text: string;
}

export type { ResponseHeaders };

/** Steers a streamed response. */
export interface ResponseControl {
  /** Stops reading from the socket until `resume`. */
  pause(): void;
  resume(): void;
  /** Drops the rest of the response; the sink hears nothing more. */
  abort(reason: Error): void;
}

/**
 * Takes a response as it streams. `head` is called at most once, then `data` any number of times, then either
 * `end` or `fail`; `fail` may also come first. From `head` on the call is committed: it is never retried.
 */
export interface StreamSink {
  readonly mode: "stream";
  head(status: number, headers: ResponseHeaders, statusText: string, control: ResponseControl): void;
  data(chunk: Buffer): void;
  end(trailers: ResponseHeaders): void;
  /**
   * True when the sink will take the whole body of a response of this status before it answers its caller: the
   * attempt's timer then covers the body too.
   */
  wholeBody?(status: number): boolean;
  /** A {@link ProxylessError}, or the reason of the caller's own signal. */
  fail(error: unknown): void;
}

/** Takes a response whole: until the last byte is here the call may still be retried. */
export interface WholeSink {
  readonly mode: "whole";
  /** `body` is the concatenation of `chunks`, made only when asked. */
  done(status: number, headers: ResponseHeaders, statusText: string, chunks: readonly Buffer[]): void;
  fail(error: unknown): void;
}

export type ResponseSink = StreamSink | WholeSink;

/** What the doors call. `send` never throws: trouble arrives at the sink, possibly before `send` returns. */
export interface CallEngine {
  send(service: string, request: CallRequest, sink: ResponseSink): void;
}

/** What the doors do with a URL; `later` where discovery has to be asked first. */
export type RouteDecision =
  | {
      readonly kind: "later";
      /**
       * Asks discovery. Rejects with a {@link ProxylessError}, or with the reason of `signal`.
       * @param timeoutMs how long the answer may take; the service's total time when undefined
       */
      decide(timeoutMs: number | undefined, signal: AbortSignal): Promise<RouteDecision>;
    }
  | { readonly kind: "service"; readonly service: string }
  | { readonly kind: "external" }
  | { readonly kind: "refused"; readonly error: ProxylessError };
