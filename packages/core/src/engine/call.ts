import type { Context, Span } from "@opentelemetry/api";

import type { PickContext, PickTrace } from "../balancers/picker.ts";
import type { TimerHandle } from "../clock.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { AttemptRecord, ProxylessError } from "../errors.ts";
import type { Outcome } from "../events.ts";
import type { Admission } from "../policies/circuit.ts";
import type { ResolvedRetry } from "../policies/policy.ts";
import { retryAfterOf } from "../policies/retry-after.ts";
import { decideRetry } from "../policies/retry-decision.ts";
import type { RetryDecision } from "../policies/retry-decision.ts";
import { retryLoop } from "../policies/retry-loop.ts";
import { Attempt } from "../transport/attempt.ts";
import type { AttemptOwner } from "../transport/attempt.ts";
import { attemptError, bodyError, circuitError, noEndpointError, unresolvedError } from "./call-errors.ts";
import { outcomeOf, reasonOf } from "./classify.ts";
import { explainPick } from "./explain.ts";
import { attemptHeaders } from "./headers.ts";
import type { EngineParts } from "./parts.ts";
import { BodySupply, isReplayable, noBody, mayRepeat } from "./replay.ts";
import { recordOf, reportAttempt, reportCall, reportRetry } from "./report.ts";
import type { CallRequest, ResponseControl, ResponseSink } from "./request.ts";
import type { RouteRules, Upstream } from "./upstream.ts";

/**
 * One logical request and its attempts. The steps of a call stand in `start`, those of an attempt in `#attempt`, what
 * follows from an attempt in `attemptEnd`; nothing else decides anything.
 */
export class Call implements AttemptOwner, PickContext, ResponseControl {
  readonly #parts: EngineParts;
  readonly #upstream: Upstream;
  readonly #request: CallRequest;
  readonly #sink: ResponseSink;
  readonly #rules: RouteRules;
  readonly #retry: ResolvedRetry | false;
  readonly #body: BodySupply;
  readonly #startedAt: number;
  readonly #deadline: number;
  readonly #context: Context;
  readonly #span: Span | undefined;
  #admissions: readonly Admission[] | undefined;
  #attempt: Attempt | undefined;
  #attemptSpan: Span | undefined;
  #attempts = 0;
  #records: AttemptRecord[] | undefined;
  /** The running attempt's limit is what is left of the call, not the attempt's own. */
  #limitIsTotal = false;
  #decision: RetryDecision | undefined;
  #freeRetryUsed = false;
  /** The head of a streamed response went to the caller. */
  #committed = false;
  #callerGone = false;
  #done = false;
  /** The door itself dropped the response and wants to hear no more. */
  #muted = false;
  #waiting: TimerHandle | undefined;
  #retrying: AbortController | undefined;
  #settleAttempt: { readonly resolve: () => void; readonly reject: (failed: Attempt) => void } | undefined;

  // What a picker reads.
  now: number;
  tried: EndpointState[] | undefined = undefined;

  constructor(
    parts: EngineParts,
    upstream: Upstream,
    request: CallRequest,
    sink: ResponseSink,
    rules: RouteRules,
    retry: ResolvedRetry | false,
  ) {
    this.#parts = parts;
    this.#upstream = upstream;
    this.#request = request;
    this.#sink = sink;
    this.#rules = rules;
    this.#retry = retry;
    this.#body = request.body === null ? noBody : new BodySupply(request.body);
    // Telemetry stands outside everything: the span covers what is refused as well as what is sent.
    this.#context = parts.telemetry.context();
    this.#span = parts.telemetry.callStarted(this.#context, upstream.service, request);
    // The deadline is absolute from here on; waiting, attempts and back-offs all spend from it.
    this.now = this.#startedAt = parts.clock.now();
    this.#deadline = this.#startedAt + (request.timeoutMs ?? rules.timeout.totalMs);
  }

  get hashKey(): string | undefined {
    return this.#request.hashKey;
  }

  /** The way of a call, outermost step first. */
  start(): void {
    const upstream = this.#upstream;
    upstream.calls++;
    // A caller that has gone already costs nobody anything.
    const { signal } = this.#request;
    if (signal !== undefined) {
      if (signal.aborted) {
        this.#callerGone = true;
        this.#finish("ignored", signal.reason);
        return;
      }
      signal.addEventListener("abort", this, { once: true });
    }
    // The circuit stands outside the retries: an open one refuses the call, not each of its attempts.
    if (!this.#admit()) return;
    // The budget counts calls, so that retries stay in proportion to them.
    upstream.budget.deposit(this.now);
    // Only the first calls of a service ever wait here.
    if (upstream.discovery.current.status === "pending") this.#awaitEndpoints();
    else this.#launch();
  }

  /** The caller's signal aborted. */
  handleEvent(): void {
    this.#giveUp(this.#request.signal?.reason);
  }

  pause(): void {
    this.#attempt?.pause();
  }

  resume(): void {
    this.#attempt?.resume();
  }

  abort(reason: Error): void {
    this.#muted = true;
    this.#giveUp(reason);
  }

  /** The way of an attempt. Every attempt picks anew, among endpoints that this call has not tried. */
  #launch(): void {
    const { clock, telemetry } = this.#parts;
    const upstream = this.#upstream;
    const request = this.#request;
    this.now = this.#attempts === 0 && this.#waiting === undefined ? this.#startedAt : clock.now();
    const trace: PickTrace | undefined = request.explain === undefined ? undefined : [];
    const endpoint = upstream.endpoints.picker.pick(this, trace);
    if (endpoint === undefined) {
      this.#finishWithoutEndpoint();
      return;
    }
    const number = ++this.#attempts;
    if (trace !== undefined)
      request.explain?.(explainPick(upstream.service, number, trace, upstream.endpoints));
    const attempt = new Attempt(this, clock, number, endpoint, this.now, this.#sink.mode === "whole");
    this.#attempt = attempt;
    endpoint.usedAt = this.now;
    endpoint.table.started(endpoint.offset);
    const headers = attemptHeaders(upstream.transport.host, request, number);
    this.#attemptSpan = telemetry.attemptStarted(
      this.#context,
      this.#span,
      upstream.service,
      request,
      attempt,
    );
    telemetry.inject(this.#context, this.#attemptSpan ?? this.#span, headers);
    // One timer serves both limits: what is left of the call bounds the attempt as well.
    const remaining = this.#deadline - this.now;
    this.#limitIsTotal = remaining <= this.#rules.timeout.attemptMs;
    attempt.arm(Math.max(0, this.#limitIsTotal ? remaining : this.#rules.timeout.attemptMs));
    upstream.pools.send(attempt, {
      method: request.method,
      path: request.path,
      headers,
      body: this.#body.next(),
      bodyTimeout: this.#sink.mode === "whole" ? 0 : SILENT_BODY_MS,
      servername: upstream.transport.hostname,
    });
  }

  attemptHead(attempt: Attempt): void {
    if (this.#sink.mode === "whole") return;
    // A response that will be retried is never shown; any other commits the call.
    this.now = this.#parts.clock.now();
    if (attempt.status >= 400) this.#decision = this.#decide(attempt, undefined);
    if (this.#decision?.retry === true) {
      attempt.discard();
      return;
    }
    this.#committed = true;
    attempt.headAt = this.now;
    attempt.forward(this.#sink);
    this.#sink.head(attempt.status, attempt.headers, attempt.statusText, this);
  }

  attemptEnd(attempt: Attempt): void {
    const { clock, events, telemetry } = this.#parts;
    const { endpoint } = attempt;
    const upstream = this.#upstream;
    const now = (this.now = clock.now());
    const outcome = this.#outcomeOf(attempt);
    endpoint.table.finished(endpoint.offset);
    const latency = (attempt.headAt === 0 ? now : attempt.headAt) - attempt.startedAt;
    if (outcome === "success") endpoint.table.succeeded(endpoint.offset, latency, now);
    else if (outcome !== "ignored") endpoint.table.failed(endpoint.offset, now);
    if (endpoint.leaving) upstream.endpoints.finished(endpoint);
    const reason = reasonOf(attempt, outcome);
    if (this.#attemptSpan !== undefined) telemetry.attemptEnded(this.#attemptSpan, attempt, reason);
    reportAttempt(events, upstream.service, attempt, outcome, reason, now);
    if (reason !== undefined) (this.#records ??= []).push(recordOf(attempt, reason, now));
    const fine = outcome === "success" && attempt.status < 400;
    if (fine || this.#committed || this.#callerGone) {
      this.#settleAttempt?.resolve();
      this.#finishWith(attempt, outcome);
      return;
    }
    if (attempt.phase === "connect") upstream.discovery.refresh("connect failure");
    this.#decision ??= this.#decide(attempt, outcome);
    if (this.#settleAttempt !== undefined) this.#settleAttempt.reject(attempt);
    else if (this.#decision.retry) this.#retryFrom(attempt);
    else this.#finishWith(attempt, outcome);
  }

  /** The first attempt failed and may be repeated: from here on p-retry runs the loop. */
  #retryFrom(first: Attempt): void {
    this.#retrying = new AbortController();
    retryLoop(
      first,
      () => this.#nextAttempt(),
      (failed) => (failed instanceof Attempt ? this.#delayAfter(failed) : undefined),
      {
        maxAttempts: this.#retry === false ? 1 : this.#retry.maxAttempts,
        clock: this.#parts.clock,
        signal: this.#retrying.signal,
      },
    ).catch((failed: unknown) => {
      if (failed instanceof Attempt) this.#finishWith(failed, this.#outcomeOf(failed));
      else this.#finish("failure", failed);
    });
  }

  #nextAttempt(): Promise<void> {
    this.#decision = undefined;
    return new Promise((resolve, reject) => {
      this.#settleAttempt = { resolve, reject };
      this.#launch();
    });
  }

  #delayAfter(failed: Attempt): number | undefined {
    const decision = this.#decision;
    if (decision === undefined || !decision.retry) return undefined;
    (this.tried ??= []).push(failed.endpoint);
    if (decision.free) this.#freeRetryUsed = true;
    reportRetry(this.#parts.events, this.#upstream.service, this.#records!.at(-1)!, decision.delayMs);
    return decision.delayMs;
  }

  #decide(attempt: Attempt, outcome: Outcome | undefined): RetryDecision {
    const { random, clock, events } = this.#parts;
    const request = this.#request;
    const answered = attempt.failure === undefined;
    const decision = decideRetry({
      retry: this.#retry,
      attempt: attempt.number,
      idempotent: mayRepeat(request),
      replayable: isReplayable(request),
      phase: attempt.phase,
      status: answered ? attempt.status : undefined,
      retryAfterMs: answered ? retryAfterOf(attempt.headers, clock) : undefined,
      remainingMs: this.#deadline - this.now,
      committed: this.#committed,
      localShed: outcome === "ignored",
      aborted: this.#callerGone,
      freeRetryUsed: this.#freeRetryUsed,
      budget: this.#upstream.budget,
      now: this.now,
      random,
    });
    if (!decision.retry && decision.why === "budget" && events.wants("budget.exhausted")) {
      events.emit({
        type: "budget.exhausted",
        service: this.#upstream.service,
        balance: this.#upstream.budget.balance(this.now),
      });
    }
    return decision;
  }

  #admit(): boolean {
    const { circuits } = this.#rules;
    const admissions: Admission[] = [];
    for (const circuit of circuits) {
      const admission = circuit.admit(this.now);
      if (admission.admitted) {
        admissions.push(admission);
        continue;
      }
      this.#admissions = admissions;
      this.#finish(
        "ignored",
        circuitError(this.#upstream.service, this.#rules.route, admission.retryAfterMs),
      );
      return false;
    }
    this.#admissions = admissions;
    return true;
  }

  #awaitEndpoints(): void {
    const { clock } = this.#parts;
    const { discovery, service } = this.#upstream;
    const waiting = new AbortController();
    this.#retrying = waiting;
    const totalMs = this.#deadline - this.#startedAt;
    this.#waiting = clock.setTimer(
      () => {
        const error = unresolvedError(service, totalMs);
        this.#finish("failure", error);
        waiting.abort(error);
      },
      totalMs,
      undefined,
    );
    discovery.ready({ signal: waiting.signal }).then(
      () => {
        clock.clearTimer(this.#waiting!);
        return this.#done ? undefined : this.#launch();
      },
      (error: unknown) => {
        if (!this.#done) this.#finish("failure", error);
      },
    );
  }

  #finishWithoutEndpoint(): void {
    const { discovery, endpoints, service } = this.#upstream;
    discovery.refresh("no endpoints");
    const error = noEndpointError(service, discovery.current, endpoints.size, this.#records);
    this.#settleAttempt?.resolve();
    this.#finish("failure", error);
  }

  /** Ends the call with what the last attempt brought: a response of whatever status, or an error. */
  #finishWith(attempt: Attempt, outcome: Outcome): void {
    if (this.#done) return;
    const sink = this.#sink;
    if (attempt.failure !== undefined) {
      this.#finish(outcome, this.#callerGone ? attempt.failure : this.#errorOf(attempt));
      return;
    }
    this.#complete(outcome, attempt.status, undefined);
    if (sink.mode === "whole")
      sink.done(attempt.status, attempt.headers, attempt.statusText, attempt.chunks ?? noChunks);
    else sink.end(attempt.trailers);
  }

  #outcomeOf(attempt: Attempt): Outcome {
    return outcomeOf(attempt, this.#callerGone || this.#body.failure !== undefined);
  }

  #errorOf(attempt: Attempt): ProxylessError {
    const { service } = this.#upstream;
    const { method } = this.#request;
    if (this.#body.failure !== undefined) return bodyError(service, method, attempt, this.#body.failure);
    const limit = this.#limitIsTotal
      ? ({ kind: "total", ms: this.#deadline - this.#startedAt } as const)
      : ({ kind: "attempt", ms: this.#rules.timeout.attemptMs } as const);
    return attemptError(service, method, attempt, limit, this.#records);
  }

  #finish(outcome: Outcome, error: unknown): void {
    if (this.#done) return;
    this.#complete(outcome, 0, error);
    if (!this.#muted) this.#sink.fail(error);
  }

  /** The books of the call; runs once, before the caller hears of the end. */
  #complete(outcome: Outcome, status: number, error: unknown): void {
    this.#done = true;
    const { clock, events, telemetry } = this.#parts;
    const upstream = this.#upstream;
    const request = this.#request;
    upstream.callEnded();
    request.signal?.removeEventListener("abort", this);
    if (this.#waiting !== undefined) clock.clearTimer(this.#waiting);
    const { circuits } = this.#rules;
    const admissions = this.#admissions;
    if (admissions !== undefined) {
      // A call that sent nothing says nothing about the service.
      const neutral = outcome === "ignored" || this.#attempts === 0;
      const result = neutral ? "neutral" : outcome === "success" ? "success" : "failure";
      for (let i = 0; i < admissions.length; i++) circuits[i]!.record(admissions[i]!, result, this.now);
    }
    if (this.#span !== undefined) telemetry.callEnded(this.#span, status, this.#attempts, error);
    if (events.wants("call.completed")) {
      const subject = { service: upstream.service, route: this.#rules.route, method: request.method };
      reportCall(events, subject, outcome, status, error, this.#attempts, clock.now() - this.#startedAt);
    }
  }

  #giveUp(reason: unknown): void {
    if (this.#done) return;
    this.#callerGone = true;
    const attempt = this.#attempt;
    this.#retrying?.abort(reason);
    attempt?.abort(reason);
    // Between attempts, or before the first, no attempt reports the end.
    this.#finish("ignored", reason);
  }
}

/** A streamed body may be silent this long. */
const SILENT_BODY_MS = 300_000;
const noChunks: readonly Buffer[] = [];
