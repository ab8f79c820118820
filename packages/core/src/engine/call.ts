import type { Context, Span } from "@opentelemetry/api";

import type { PickTrace } from "../balancers/picker.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { ProxylessError } from "../errors.ts";
import type { Outcome } from "../events.ts";
import type { ResolvedRetry } from "../policies/policy.ts";
import { retryAfterOf } from "../policies/retry-after.ts";
import type { RetryDecision } from "../policies/retry-decision.ts";
import { Attempt } from "../transport/attempt.ts";
import type { AttemptOwner } from "../transport/attempt.ts";
import { awaitEndpoints } from "./await-endpoints.ts";
import {
  abortReason,
  attemptError,
  bodyError,
  circuitError,
  closedError,
  noEndpointError,
  overdueError,
} from "./call-errors.ts";
import { outcomeOf, reasonOf } from "./classify.ts";
import type { PickCall } from "./endpoint-set.ts";
import { explainPick } from "./explain.ts";
import { attemptHeaders } from "./headers.ts";
import type { EngineParts } from "./parts.ts";
import { Passes } from "./passes.ts";
import { BodySupply, isReplayable, mayRepeat, noBody } from "./replay.ts";
import { reportAttempt, reportCall } from "./report.ts";
import type { CallRequest, ResponseControl, ResponseHeaders, ResponseSink } from "./request.ts";
import { Retries, isFailedAttempt } from "./retries.ts";
import type { FailedAttempt } from "./retries.ts";
import type { RouteRules, Upstream } from "./upstream.ts";

/**
 * One logical request and its attempts. The steps of a call stand in `start`, those of an attempt in `#launch`, what
 * follows from an attempt in `attemptEnd`; nothing else decides anything.
 */
export class Call implements AttemptOwner, PickCall, ResponseControl {
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
  readonly #passes: Passes;
  #attempt: Attempt | undefined;
  #attemptSpan: Span | undefined;
  #attempts = 0;
  /** Undefined until an attempt fails. */
  #retries: Retries | undefined;
  /** What was decided at the head of a streamed response that is not shown. */
  #decision: RetryDecision | undefined;
  /** The head of a streamed response went to the caller. */
  #committed = false;
  #callerGone = false;
  #done = false;
  /** The door itself dropped the response and wants to hear no more. */
  #muted = false;
  /** Ends waiting for discovery or for the next attempt. */
  #waiting: AbortController | undefined;

  // What a picker reads.
  now: number;

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
    this.#passes = new Passes(rules.circuits);
    // Telemetry stands outside everything: the span covers what is refused as well as what is sent.
    this.#context = parts.telemetry.context();
    this.#span = parts.telemetry.callStarted(this.#context, upstream.service, request);
    // The deadline is absolute from here on; waiting, attempts and back-offs all spend from it.
    this.now = this.#startedAt = parts.clock.now();
    this.#deadline = this.#startedAt + (request.timeoutMs ?? rules.timeout.totalMs);
  }

  get request(): CallRequest {
    return this.#request;
  }

  get tried(): readonly EndpointState[] | undefined {
    return this.#retries?.tried;
  }

  get mayRepeat(): boolean {
    return this.#retry !== false && mayRepeat(this.#request) && isReplayable(this.#request);
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
        this.#giveUp(signal.reason);
        return;
      }
      signal.addEventListener("abort", this, { once: true });
    }
    // The circuits stand outside the retries: an open one refuses the call, not each of its attempts.
    const retryAfterMs = this.#passes.ask(this.now);
    if (retryAfterMs !== undefined) {
      this.#finish("ignored", circuitError(upstream.service, this.#rules.route, retryAfterMs));
      return;
    }
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
    let attempt: Attempt | undefined;
    let planned: Attempt | undefined;
    try {
      // Whatever is left of the call bounds the attempt as well, so one timer serves both limits.
      const remaining = this.#deadline - this.now;
      if (remaining <= 0) {
        this.#finish("failure", overdueError(upstream.service, this.#totalMs, this.#retries?.records));
        return;
      }
      const trace: PickTrace | undefined = request.explain === undefined ? undefined : [];
      const endpoint = upstream.endpoints.pick(
        this.#rules.view,
        this,
        upstream.targeting.wantedBy(request),
        trace,
      );
      if (endpoint === undefined) {
        this.#finishWithoutEndpoint();
        return;
      }
      const number = ++this.#attempts;
      if (trace !== undefined)
        explainPick(request.explain, upstream, this.#rules.view, number, trace, this.now);
      planned = new Attempt(this, clock, number, endpoint, this.now, this.#sink.mode === "whole");
      planned.pick = upstream.endpoints.flag;
      const sent = upstream.targeting.sent(request.headers);
      const headers = attemptHeaders(upstream.transport.host, request, sent, number);
      const { service } = upstream;
      this.#attemptSpan = telemetry.attemptStarted(this.#context, this.#span, service, request, planned);
      telemetry.inject(this.#context, this.#attemptSpan ?? this.#span, headers);
      const body = this.#body.next();
      // From here on the attempt is on the endpoint's books, and whatever happens ends in `attemptEnd`.
      attempt = this.#attempt = planned;
      attempt.generation = upstream.endpoints.started(endpoint, this.now);
      const { lag } = this.#parts;
      if (lag !== undefined) attempt.lagMark = lag.started(this.now);
      const { attemptMs } = this.#rules.timeout;
      if (remaining <= attemptMs) attempt.arm(remaining, { kind: "total", ms: this.#totalMs });
      else attempt.arm(attemptMs, attemptLimit);
      upstream.pools.send(attempt, {
        method: request.method,
        path: request.path,
        headers,
        body,
        bodyTimeout: this.#sink.mode === "whole" ? 0 : SILENT_BODY_MS,
        servername: upstream.transport.hostname,
      });
    } catch (error) {
      if (attempt !== undefined) attempt.abort(error);
      else {
        if (planned?.pick === "PR") upstream.endpoints.unused(planned.endpoint);
        this.#finish("failure", error);
      }
    }
  }

  attemptHead(attempt: Attempt): void {
    const sink = this.#sink;
    if (sink.mode === "whole") return;
    this.now = this.#parts.clock.now();
    if (attempt.status >= 400)
      this.#decision = this.#decide(this.#failedOnes(), attempt, outcomeOf(attempt, false));
    // A response that will be retried is never shown; any other commits the call.
    if (this.#decision?.retry === true) {
      attempt.discard();
      return;
    }
    this.#committed = true;
    // The head says whether the service works; the body may last for hours.
    this.#passes.tell(outcomeOf(attempt, false), attempt.status, this.#attempts, this.now);
    attempt.headAt = this.now;
    attempt.forward(sink, sink.wholeBody?.(attempt.status) === true);
    sink.head(attempt.status, this.#headersOf(attempt), attempt.statusText, this);
  }

  attemptEnd(attempt: Attempt): void {
    const { clock, events, telemetry } = this.#parts;
    const { endpoint } = attempt;
    const upstream = this.#upstream;
    const now = (this.now = clock.now());
    const outcome = (attempt.outcome = this.#outcomeOf(attempt));
    attempt.latencyMs = this.#latencyOf(attempt);
    const retryAfterMs = outcome === "overload" ? retryAfterOf(attempt.headers, clock) : undefined;
    const isProbe = attempt.pick === "PR";
    const { generation } = attempt;
    upstream.endpoints.settled(endpoint, this.#rules.view, generation, isProbe, attempt, retryAfterMs, now);
    const reason = reasonOf(attempt, outcome);
    if (this.#attemptSpan !== undefined) telemetry.attemptEnded(this.#attemptSpan, attempt, reason);
    reportAttempt(events, upstream.service, attempt, outcome, reason, now);
    if (outcome === "success" && attempt.status < 400) {
      this.#finishWith(attempt, outcome);
      return;
    }
    const retries = this.#failedOnes();
    retries.record(attempt, reason, now);
    if (this.#committed || this.#callerGone || upstream.closed) {
      this.#finishWith(attempt, outcome);
      return;
    }
    if (attempt.phase === "connect" && outcome === "failure") upstream.discovery.refresh("connect failure");
    const failed = {
      attempt,
      outcome,
      decision: this.#decision ?? this.#decide(retries, attempt, outcome),
    };
    this.#decision = undefined;
    if (retries.failed(failed)) return;
    if (failed.decision.retry) this.#goOn(retries, failed);
    else this.#finishWith(attempt, outcome);
  }

  #failedOnes(): Retries {
    this.#retries ??= new Retries(this.#parts, this.#upstream, this.#request, this.#retry);
    return this.#retries;
  }

  #decide(retries: Retries, attempt: Attempt, outcome: Outcome): RetryDecision {
    return retries.decide(attempt, outcome, {
      now: this.now,
      remainingMs: this.#deadline - this.now,
      committed: this.#committed,
      callerGone: this.#callerGone,
    });
  }

  #goOn(retries: Retries, first: FailedAttempt): void {
    const launch = (): void => {
      this.now = this.#parts.clock.now();
      this.#launch();
    };
    retries.goOn(first, launch, this.#wait().signal).catch((last: unknown) => {
      if (isFailedAttempt(last)) this.#finishWith(last.attempt, last.outcome);
      else this.#finish("ignored", last);
    });
  }

  #awaitEndpoints(): void {
    const { clock } = this.#parts;
    awaitEndpoints(this.#upstream, clock, this.#totalMs, this.#wait().signal).then(
      () => {
        this.now = clock.now();
        return this.#done ? undefined : this.#launch();
      },
      (error: unknown) => {
        this.#finish("failure", error);
      },
    );
  }

  /** What the call is going to wait by; closing the mesh ends it as well as the caller. */
  #wait(): AbortController {
    if (this.#waiting === undefined) {
      this.#waiting = new AbortController();
      this.#upstream.waiting.add(this.#waiting);
    }
    return this.#waiting;
  }

  #finishWithoutEndpoint(): void {
    const { discovery, endpoints, service } = this.#upstream;
    discovery.refresh("no endpoints");
    this.#finish(
      "failure",
      noEndpointError(service, discovery.current, endpoints.size, this.#retries?.records),
    );
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
    if (sink.mode === "stream") sink.end(attempt.trailers);
    else sink.done(attempt.status, this.#headersOf(attempt), attempt.statusText, attempt.chunks ?? noChunks);
  }

  /** NaN where the time says nothing of the endpoint: it may take as long as it likes, or it was our own loop that took it. */
  #latencyOf(attempt: Attempt): number {
    const stalledMs = this.#parts.lag?.ended(attempt.lagMark, this.now) ?? 0;
    const tookMs = (attempt.headAt === 0 ? this.now : attempt.headAt) - attempt.startedAt;
    return this.#rules.streaming || stalledMs > STALLED_PART * tookMs ? NaN : tookMs;
  }

  #headersOf({ endpoint, headers }: Attempt): ResponseHeaders {
    return this.#upstream.targeting.answered(this.#request, endpoint, headers);
  }

  #outcomeOf(attempt: Attempt): Outcome {
    if (this.#callerGone || this.#body.failure !== undefined || this.#upstream.closed) {
      return outcomeOf(attempt, true);
    }
    const { pools } = this.#upstream;
    const isQueued = attempt.timedOut && attempt.phase === "connect" && pools.wasQueued(attempt, this.now);
    return outcomeOf(attempt, isQueued);
  }

  #errorOf(attempt: Attempt): ProxylessError {
    const { closed, service } = this.#upstream;
    if (closed) return closedError(service);
    const { method } = this.#request;
    const { failure } = this.#body;
    if (failure !== undefined) return bodyError(service, method, attempt, failure);
    return attemptError(service, method, attempt, this.#rules.timeout.attemptMs, this.#retries?.records);
  }

  get #totalMs(): number {
    return this.#deadline - this.#startedAt;
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
    if (this.#waiting !== undefined) upstream.waiting.delete(this.#waiting);
    this.#retries?.done();
    this.#passes.tell(outcome, status, this.#attempts, this.now);
    if (this.#span !== undefined) telemetry.callEnded(this.#span, status, this.#attempts, error);
    if (events.wants("call.completed")) {
      reportCall(events, {
        service: upstream.service,
        route: this.#rules.route,
        method: request.method,
        outcome,
        status,
        error,
        attempts: this.#attempts,
        pick: this.#attempt?.pick,
        durationMs: clock.now() - this.#startedAt,
      });
    }
  }

  #giveUp(given: unknown): void {
    if (this.#done) return;
    const reason = abortReason(given);
    this.#callerGone = true;
    this.#waiting?.abort(reason);
    this.#attempt?.abort(reason);
    // Between attempts, or before the first, no attempt reports the end.
    this.#finish("ignored", reason);
  }
}

/** A latency of which more than this part is our own doing is not counted. */
const STALLED_PART = 0.2;
/** A streamed body may be silent this long. */
const SILENT_BODY_MS = 300_000;
const attemptLimit = { kind: "attempt" } as const;
const noChunks: readonly Buffer[] = [];
