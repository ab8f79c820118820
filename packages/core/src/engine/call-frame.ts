import type { Context, Span } from "@opentelemetry/api";

import type { CallContext } from "../context/call-context.ts";
import type { Outcome } from "../events.ts";
import type { ResolvedRetry } from "../policies/retry/retry-policy.ts";
import type { CallHooking } from "./call-hooking.ts";
import type { CallRecord } from "./outcome-log.ts";
import type { EngineParts } from "./parts.ts";
import type { CallRequest, ResponseControl, ResponseSink } from "./request.ts";
import type { RouteRules } from "./route-rules.ts";
import type { Upstream } from "./upstream.ts";

/** What the attempts of a call know of it. */
export interface CallFrame extends ResponseControl {
  readonly parts: EngineParts;
  readonly upstream: Upstream;
  readonly request: CallRequest;
  readonly sink: ResponseSink;
  readonly rules: RouteRules;
  readonly retry: ResolvedRetry | false;
  readonly startedAt: number;
  /** Absolute; waiting, attempts and back-offs all spend from it. */
  readonly deadline: number;
  /** Of the work that the call is made in. */
  readonly inherited: CallContext | undefined;
  readonly context: Context;
  readonly span: Span | undefined;
  /** Undefined where nobody hooked in. */
  readonly hooking: CallHooking | undefined;
  /** Where what becomes of it is remembered. */
  readonly record: CallRecord | undefined;
  /** The caller gave up. */
  readonly callerGone: boolean;
  readonly done: boolean;
  /** Ends what the call waits by, when nobody waits for the call any more. */
  waiting(): AbortSignal;
  /** Tells the circuits and the budget how the call went: once, at the head of a streamed response or at the end. */
  judged(outcome: Outcome, status: number): void;
  /** The books of the call; runs once, before the caller hears of the end. */
  complete(outcome: Outcome, status: number, error: unknown): void;
  /** Ends the call without a response. */
  fail(outcome: Outcome, error: unknown): void;
}
