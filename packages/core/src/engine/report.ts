import type { Criticality } from "../context/criticality.ts";
import { ProxylessError } from "../errors.ts";
import type { AttemptRecord, ReasonFlag } from "../errors.ts";
import type { EventHub } from "../event-hub.ts";
import type { AnsweredBy, CallEnding, Outcome } from "../events.ts";
import { headerValue } from "../header-list.ts";
import type { Refusal } from "../policies/limit/refusal.ts";
import type { Attempt } from "../transport/attempt.ts";
import type { CallFrame } from "./call-frame.ts";
import { pathOnly } from "./request.ts";
import type { CallRequest, ResponseHeaders } from "./request.ts";
import { traceOf } from "./telemetry.ts";
import type { Upstream } from "./upstream.ts";

/** Tells the listeners how an attempt ended. */
export function reportAttempt(
  events: EventHub,
  { hooking, request, rules, upstream }: CallFrame,
  attempt: Attempt,
  reason: string | undefined,
  now: number,
): void {
  if (!events.wants("attempt.completed")) return;
  events.emit({
    type: "attempt.completed",
    service: upstream.service,
    route: rules.route,
    method: request.method,
    endpoint: attempt.endpoint.address,
    number: attempt.number,
    outcome: attempt.outcome,
    status: attempt.status === 0 ? undefined : attempt.status,
    phase: attempt.phase,
    reason,
    pick: attempt.pick,
    hedge: attempt.isHedge,
    protocol: protocolOf(upstream, attempt),
    durationMs: now - attempt.startedAt,
    trace: traceOf(attempt.span),
    tags: hooking?.tagsOf(attempt),
  });
}

/** How a call ended. */
export interface CallReport {
  readonly outcome: Outcome;
  /** 0 without an answer. */
  readonly status: number;
  readonly error: unknown;
  readonly attempts: number;
  readonly hedges: number;
  readonly last: Attempt | undefined;
  /** Of the answer. */
  readonly headers: ResponseHeaders | undefined;
  readonly durationMs: number;
  /** When the head of a streamed answer came; 0 without one. */
  readonly headAt: number;
  readonly responseBytes: number;
  readonly answeredBy: AnsweredBy | undefined;
  readonly replaced: CallEnding | undefined;
}

/** What was called, and what is told of it. */
type ReportedCall = Pick<CallFrame, "hooking" | "request" | "rules" | "span" | "startedAt" | "upstream">;

/** Tells hooks and listeners how a call ended. */
export function reportCall(
  events: EventHub,
  { hooking, request, rules, span, startedAt, upstream }: ReportedCall,
  report: CallReport,
): void {
  const { answeredBy, attempts, durationMs, headAt, headers, hedges, last, replaced, responseBytes } = report;
  const { error, outcome } = report;
  const code = error instanceof ProxylessError ? error.code : undefined;
  const flag = flagOf(error);
  const status = report.status === 0 ? undefined : report.status;
  hooking?.ended({ outcome, status, error, code, flag, attempts, durationMs, answeredBy }, headers);
  if (!events.wants("call.completed")) return;
  events.emit({
    type: "call.completed",
    service: upstream.service,
    route: rules.route,
    method: request.method,
    path: pathOnly(request.path),
    template: request.template,
    outcome,
    status,
    error: code,
    flag,
    answeredBy,
    replaced,
    attempts,
    hedges,
    endpoint: last?.endpoint.address,
    pick: last?.pick,
    durationMs,
    firstByteMs: headAt === 0 ? undefined : headAt - startedAt,
    requestBytes: sizeOf(request),
    responseBytes,
    protocol: protocolOf(upstream, last),
    trace: traceOf(span),
    tags: hooking?.tags,
  });
}

/** How a call ended, as events say it. */
export function endingOf({
  durationMs,
  error,
  outcome,
  status,
}: Pick<CallReport, "durationMs" | "error" | "outcome" | "status">): CallEnding {
  return {
    outcome,
    status: status === 0 ? undefined : status,
    error: error instanceof ProxylessError ? error.code : undefined,
    flag: flagOf(error),
    durationMs,
  };
}

/** The version of HTTP that an attempt was made in; undefined where nothing was sent. */
export function protocolOf({ pools, transport }: Upstream, attempt: Attempt | undefined): string | undefined {
  if (attempt === undefined || attempt.phase === "connect") return undefined;
  return transport.http2 ? pools.protocolOf?.(attempt.endpoint) : "1.1";
}

/** Bytes of a request's body; undefined for a stream that does not say. */
function sizeOf({ body, headers }: CallRequest): number | undefined {
  if (body === null) return 0;
  if (typeof body === "string") return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.byteLength;
  const told = Number(headerValue(headers, "content-length") ?? NaN);
  return Number.isInteger(told) ? told : undefined;
}

/** Why a call failed, in short. */
export function flagOf(error: unknown): ReasonFlag | undefined {
  if (error instanceof ProxylessError) return error.flag;
  // What is no error of ours is the reason of the caller's own signal.
  return error === undefined ? undefined : "DC";
}

/** Tells the listeners that a call goes on. */
export function reportRetry(
  events: EventHub,
  { span, upstream: { service } }: CallFrame,
  { endpoint, number, reason = "" }: AttemptRecord,
  delayMs: number,
): void {
  if (!events.wants("call.retried")) return;
  const trace = traceOf(span);
  events.emit({ type: "call.retried", service, endpoint, number, reason, delayMs, trace });
}

/** Tells the listeners that a call would go on, could the budget pay for it. */
export function reportExhausted(
  events: EventHub,
  { span, upstream: { budget, service } }: CallFrame,
  now: number,
): void {
  if (!events.wants("budget.exhausted")) return;
  events.emit({ type: "budget.exhausted", service, balance: budget.balance(now), trace: traceOf(span) });
}

/** Tells the listeners that a second attempt is sent beside the first. */
export function reportHedge(
  events: EventHub,
  { span, startedAt, upstream: { service } }: CallFrame,
  { endpoint, number }: Attempt,
  now: number,
): void {
  if (!events.wants("call.hedged")) return;
  const afterMs = now - startedAt;
  const trace = traceOf(span);
  events.emit({ type: "call.hedged", service, endpoint: endpoint.address, number, afterMs, trace });
}

/** Tells the listeners that a limit of this process refused a call. */
export function reportShed(
  events: EventHub,
  { rules: { route }, span, upstream: { service } }: CallFrame,
  criticality: Criticality,
  { retryAfterMs, why }: Refusal,
): void {
  if (!events.wants("call.shed")) return;
  const trace = traceOf(span);
  events.emit({ type: "call.shed", service, route, why, criticality, retryAfterMs, trace });
}

/** What an error will remember of an attempt. */
export function recordOf(attempt: Attempt, reason: string | undefined, now: number): AttemptRecord {
  return {
    number: attempt.number,
    endpoint: attempt.endpoint.address,
    phase: attempt.phase,
    durationMs: now - attempt.startedAt,
    ...(attempt.status === 0 ? undefined : { status: attempt.status }),
    ...(reason === undefined ? undefined : { reason }),
  };
}
