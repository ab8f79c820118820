import type { Context, Span } from "@opentelemetry/api";

import { ProxylessError } from "../errors.ts";
import type { AnsweredBy, CallEnding, Outcome, TraceIds } from "../events.ts";
import type { CallHooking } from "./call-hooking.ts";
import { outcomeOfStatus } from "./classify.ts";
import type { EngineParts } from "./parts.ts";
import { endingOf, flagOf, reportCall } from "./report.ts";
import type { CallReport } from "./report.ts";
import type { CallRequest, ResponseHeaders } from "./request.ts";
import type { RouteRules } from "./route-rules.ts";
import { traceOf } from "./telemetry.ts";
import type { Upstream } from "./upstream.ts";

/** How a call ended for its caller. */
export interface OuterEnd {
  /** 0 without an answer. */
  readonly status: number;
  readonly error: unknown;
  /** Of the answer. */
  readonly headers: ResponseHeaders | undefined;
  /** When the head of a streamed answer came; 0 without one. */
  readonly headAt: number;
  readonly responseBytes: number;
}

/** What a call has cost so far. */
export type Spent = Pick<CallReport, "attempts" | "hedges" | "last">;

/**
 * A call that layers stand around, as its caller knows it: its span, its hooks and its event go from the door to the answer, whoever gives
 * that, and the engine's core makes none of its own. Only there where somebody traces, hooks or listens.
 */
export class OuterCall {
  /** The one that the call was made in. */
  readonly context: Context;
  readonly span: Span | undefined;
  readonly hooking: CallHooking | undefined;
  readonly upstream: Upstream;
  readonly rules: RouteRules;
  /** As the caller made it. */
  readonly request: CallRequest;
  readonly startedAt: number;
  readonly #parts: EngineParts;
  /** Undefined as long as nobody but the service has answered. */
  #answeredBy: AnsweredBy | undefined;
  #leader: OuterCall | undefined;
  /** How the call itself ended, where it was sent or refused. */
  #sent: CallReport | undefined;
  /** The call itself, which goes on for others when its caller leaves. */
  #running: { readonly spent: Spent } | undefined;

  constructor(
    parts: EngineParts,
    upstream: Upstream,
    rules: RouteRules,
    request: CallRequest,
    context: Context,
    span: Span | undefined,
  ) {
    this.#parts = parts;
    this.upstream = upstream;
    this.rules = rules;
    this.request = request;
    this.context = context;
    this.span = span;
    this.startedAt = parts.clock.now();
    this.hooking = parts.hooks.begin(upstream.service, rules.route, request, span);
  }

  get ids(): TraceIds | undefined {
    return traceOf(this.span);
  }

  /**
   * The request as it goes through the layers. What hooks set is part of it: the cache and coalescing must not take the request of one
   * tenant for that of another.
   */
  get inner(): CallRequest {
    const { hooking, request } = this;
    return { ...request, headers: hooking?.withHeaders(request.headers) ?? request.headers, outer: this };
  }

  /** Answered from the cache of responses. */
  cached(how: "hit" | "revalidated" | "stale"): void {
    this.#answeredBy = "cache";
    this.span?.setAttribute("proxyless.cache", how);
  }

  /** Got what another call brought. */
  coalesced(leader: OuterCall | undefined): void {
    this.#answeredBy = "coalesced";
    this.#leader = leader;
    this.span?.setAttribute("proxyless.coalesced", true);
    const of = leader?.span?.spanContext();
    // To what nobody recorded there is nothing to follow.
    if (of !== undefined && leader?.ids?.isSampled === true) this.span?.addLink({ context: of });
  }

  /** Something else was answered instead of a failure. */
  fellBack(to: "stale" | "service" | "function" | "value"): void {
    this.#answeredBy = "fallback";
    this.span?.setAttribute("proxyless.fallback", to);
  }

  /** A fault was answered, on purpose. */
  faulted(): void {
    this.#answeredBy = "fault";
  }

  /** The call itself begins. */
  began(call: { readonly spent: Spent }): void {
    this.#running = call;
  }

  /** The call itself is over; what its caller gets may be something else. */
  sent(report: CallReport): void {
    this.#sent = report;
  }

  /** The caller is about to hear of the end. */
  over(end: OuterEnd): void {
    const { error, headAt, headers, status } = end;
    const { clock, events, telemetry } = this.#parts;
    const spent = this.#sent ?? this.#running?.spent;
    if (this.hooking !== undefined || events.wants("call.completed")) {
      const sent = this.#sent;
      const isOwn = sent !== undefined && isSameEnd(sent, end) && this.#answeredBy === undefined;
      const answeredBy = this.#answeredBy ?? (status === 0 ? undefined : "network");
      reportCall(events, this, {
        outcome: isOwn ? sent.outcome : this.#outcome(end),
        status,
        error,
        attempts: spent?.attempts ?? 0,
        hedges: spent?.hedges ?? 0,
        last: spent?.last,
        headers,
        durationMs: clock.now() - this.startedAt,
        headAt,
        responseBytes: isOwn ? sent.responseBytes : end.responseBytes,
        answeredBy,
        replaced: sent === undefined || isOwn ? undefined : replacedBy(answeredBy, sent),
      });
    }
    // After the hooks, of which a tag goes on the span as well.
    if (this.span === undefined) return;
    // A call that is over has said it by itself.
    if (this.#sent === undefined && spent !== undefined) telemetry.resent(this.span, spent.attempts);
    telemetry.callEnded(this.span, status, error, flagOf(error));
  }

  #outcome({ error, status }: OuterEnd): Outcome {
    const leader = this.#answeredBy === "coalesced" ? this.#leader : undefined;
    const shared = leader === undefined ? undefined : leader.#sent;
    if (shared !== undefined && (error === undefined || shared.error === error)) return shared.outcome;
    if (error === undefined) return outcomeOfStatus(status);
    // What is no error of ours is the reason of the caller's own signal.
    return error instanceof ProxylessError ? "failure" : "ignored";
  }
}

function isSameEnd(sent: CallReport, { error, status }: OuterEnd): boolean {
  return error === undefined ? sent.error === undefined && sent.status === status : sent.error === error;
}

/** What the call itself came to, where somebody else's answer took the place of it. */
function replacedBy(answeredBy: AnsweredBy | undefined, sent: CallReport): CallEnding | undefined {
  return answeredBy === "cache" || answeredBy === "fallback" ? endingOf(sent) : undefined;
}
