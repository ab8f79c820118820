import type { Context, Span } from "@opentelemetry/api";

import { currentContext } from "../context/call-context.ts";
import type { CallContext } from "../context/call-context.ts";
import type { Criticality } from "../context/criticality.ts";
import type { Outcome } from "../events.ts";
import { levelOf } from "../policies/limit/criticality.ts";
import type { LimitRequest, Permit, Queued } from "../policies/limit/limits.ts";
import type { Refusal } from "../policies/limit/refusal.ts";
import type { ResolvedRetry } from "../policies/retry/retry-policy.ts";
import { Attempts } from "./attempts.ts";
import { awaitEndpoints } from "./await-endpoints.ts";
import { abortReason, circuitError, lateError, shedError } from "./call-errors.ts";
import type { CallFrame } from "./call-frame.ts";
import type { CallHooking } from "./call-hooking.ts";
import type { CallRecord } from "./outcome-log.ts";
import type { Spent } from "./outer-call.ts";
import type { EngineParts } from "./parts.ts";
import { Passes } from "./passes.ts";
import { mayRepeat } from "./replay.ts";
import { flagOf, reportCall, reportShed } from "./report.ts";
import type { CallReport } from "./report.ts";
import type { CallRequest, ResponseSink } from "./request.ts";
import type { RouteRules } from "./route-rules.ts";
import type { Upstream } from "./upstream.ts";

/**
 * One logical request. The steps of a call stand in `start`; those of an attempt are in `launch.ts`, and what follows from an attempt
 * in `attempts.ts`. Nothing else decides anything.
 */
export class Call implements CallFrame, LimitRequest {
  readonly parts: EngineParts;
  readonly upstream: Upstream;
  readonly request: CallRequest;
  readonly sink: ResponseSink;
  readonly rules: RouteRules;
  readonly retry: ResolvedRetry | false;
  readonly startedAt: number;
  readonly deadline: number;
  readonly inherited: CallContext | undefined;
  readonly context: Context;
  readonly span: Span | undefined;
  readonly hooking: CallHooking | undefined;
  readonly record: CallRecord | undefined;
  callerGone = false;
  done = false;
  readonly #attempts: Attempts;
  readonly #passes: Passes;
  /** Leave to be in flight, or the place in the line for it. */
  #permit: Permit | undefined;
  #queued: Queued | undefined;
  /** The door itself dropped the response and wants to hear no more. */
  #muted = false;
  /** Ends waiting for discovery or for the next attempt. */
  #waiting: AbortController | undefined;

  constructor(
    parts: EngineParts,
    upstream: Upstream,
    request: CallRequest,
    sink: ResponseSink,
    rules: RouteRules,
    retry: ResolvedRetry | false,
  ) {
    this.parts = parts;
    this.upstream = upstream;
    this.request = request;
    this.sink = sink;
    this.rules = rules;
    this.retry = retry;
    this.#passes = new Passes(rules.circuits);
    // Telemetry stands outside everything: the span covers what is refused as well as what is sent.
    const { outer } = request;
    if (outer === undefined) {
      this.context = request.parent ?? parts.telemetry.context();
      this.span = parts.telemetry.callStarted(this.context, upstream, request);
      this.hooking = parts.hooks.begin(upstream.service, rules.route, request, this.span);
    } else {
      ({ context: this.context, hooking: this.hooking, span: this.span } = outer);
      outer.began(this);
    }
    // The deadline is absolute from here on; waiting, attempts and back-offs all spend from it.
    const now = (this.startedAt = parts.clock.now());
    const inherited = (this.inherited = rules.deadline.inherit ? currentContext() : undefined);
    const own = now + (request.timeoutMs ?? rules.timeout.totalMs);
    this.deadline = Math.min(own, inherited?.deadline ?? Infinity);
    this.#attempts = new Attempts(this);
    this.record = upstream.outcomes?.begin({
      at: now,
      route: rules.route,
      method: request.method,
      repeatable: mayRepeat(request) && this.#attempts.body.isReplayable,
      level: levelOf(this.criticality),
    });
  }

  // What a limit reads.
  get key(): string | undefined {
    return this.request.rateLimitKey;
  }

  get criticality(): Criticality {
    return this.request.criticality ?? this.inherited?.criticality ?? "critical";
  }

  /** The way of a call, outermost step first. */
  start(): void {
    const { rules, startedAt: now, upstream } = this;
    upstream.calls++;
    // A caller that has gone already costs nobody anything.
    if (this.#listenTo(this.request.signal) || this.#listenTo(this.inherited?.signal)) return;
    if (this.deadline <= now) {
      this.fail("ignored", lateError(upstream.service));
      return;
    }
    // The circuits stand outside the retries: an open one refuses the call, not each of its attempts.
    const retryAfterMs = this.#passes.ask(now);
    if (retryAfterMs !== undefined) {
      this.parts.telemetry.refused(this.span, retryAfterMs);
      this.fail("ignored", circuitError(upstream.service, rules.route, retryAfterMs));
      return;
    }
    // Limits too: a retry is no reason to queue again.
    if (rules.limits === undefined) this.#proceed();
    else this.#enter(rules.limits.ask(this, now, this.deadline - now));
  }

  /** The call's turn has come, or never will. */
  onReady(answer: Permit | Refusal, now: number): void {
    this.#queued = undefined;
    this.#passes.resume(now);
    this.#enter(answer);
  }

  #enter(answer: Permit | Refusal | Queued): void {
    switch (answer.kind) {
      case "permit":
        this.#permit = answer;
        this.#proceed();
        return;
      case "queued":
        this.#queued = answer;
        return;
      case "refusal":
        reportShed(this.parts.events, this, this.criticality, answer);
        this.fail("ignored", shedError(this.upstream.service, this.rules.route, answer));
    }
  }

  #proceed(): void {
    // Only the first calls of a service ever wait here.
    if (this.upstream.discovery.current.status === "pending") this.#awaitEndpoints();
    else this.#attempts.launch();
  }

  #awaitEndpoints(): void {
    const { clock } = this.parts;
    awaitEndpoints(this.upstream, clock, this.deadline - clock.now(), this.waiting()).then(
      () => (this.done ? undefined : this.#attempts.launch()),
      (error: unknown) => {
        this.fail("failure", error);
      },
    );
  }

  /** @returns whether it has aborted already */
  #listenTo(signal: AbortSignal | undefined): boolean {
    if (signal === undefined) return false;
    if (signal.aborted) this.#giveUp(signal.reason);
    else signal.addEventListener("abort", this, { once: true });
    return signal.aborted;
  }

  /** The caller's signal aborted, or that of the work that the call is made in. */
  handleEvent(): void {
    const { signal } = this.request;
    this.#giveUp(signal?.aborted === true ? signal.reason : this.inherited?.signal?.reason);
  }

  pause(): void {
    this.#attempts.pause();
  }

  resume(): void {
    this.#attempts.resume();
  }

  abort(reason: Error): void {
    this.#muted = true;
    this.#giveUp(reason);
  }

  #giveUp(given: unknown): void {
    if (this.done) return;
    const reason = abortReason(given);
    this.callerGone = true;
    this.#queued?.cancel();
    this.#waiting?.abort(reason);
    this.#attempts.abort(reason);
    // Between attempts, or before the first, no attempt reports the end.
    this.fail("ignored", reason);
  }

  /** Closing the mesh ends it as well as the caller. */
  waiting(): AbortSignal {
    if (this.#waiting === undefined) {
      this.#waiting = new AbortController();
      this.upstream.waiting.add(this.#waiting);
    }
    return this.#waiting.signal;
  }

  judged(outcome: Outcome, status: number): void {
    const { count, now, retryAfterMs } = this.#attempts;
    this.#passes.tell(outcome, status, count, now, retryAfterMs);
  }

  fail(outcome: Outcome, error: unknown): void {
    if (this.done) return;
    this.complete(outcome, 0, error);
    if (!this.#muted) this.sink.fail(error);
  }

  complete(outcome: Outcome, status: number, error: unknown): void {
    this.done = true;
    const { inherited, parts, request, upstream } = this;
    const { count, last, now, retryAfterMs } = this.#attempts;
    upstream.callEnded();
    request.signal?.removeEventListener("abort", this);
    inherited?.signal?.removeEventListener("abort", this);
    if (this.#waiting !== undefined) upstream.waiting.delete(this.#waiting);
    this.#attempts.close();
    this.judged(outcome, status);
    // The budget counts calls that went well, so that there are no retries for a service that is dead.
    if (outcome === "success") upstream.budget.deposit(now);
    this.#permit?.release(outcome, last?.latencyMs ?? NaN, now, retryAfterMs);
    this.record?.ended(outcome, status, error, parts.clock.now());
    const { outer } = request;
    if (outer !== undefined) outer.sent(this.#report(outcome, status, error));
    else if (this.hooking !== undefined || parts.events.wants("call.completed")) {
      reportCall(parts.events, this, this.#report(outcome, status, error));
    }
    // After the hooks, of which a tag goes on the span as well.
    if (this.span === undefined) return;
    parts.telemetry.resent(this.span, count);
    // One that began further out ends there.
    if (outer === undefined) parts.telemetry.callEnded(this.span, status, error, flagOf(error));
  }

  /** What it has cost so far. */
  get spent(): Spent {
    const { count, hedges, last } = this.#attempts;
    return { attempts: count, hedges, last };
  }

  #report(outcome: Outcome, status: number, error: unknown): CallReport {
    const { headAt, last, responseBytes } = this.#attempts;
    return {
      ...this.spent,
      outcome,
      status,
      error,
      headers: status === 0 ? undefined : last?.headers,
      durationMs: this.parts.clock.now() - this.startedAt,
      headAt,
      responseBytes,
      answeredBy: status === 0 ? undefined : "network",
      replaced: undefined,
    };
  }
}
