import type { PickTrace } from "../balancers/picker.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { ProxylessError } from "../errors.ts";
import type { Outcome } from "../events.ts";
import { retryAfterOf } from "../policies/retry/retry-after.ts";
import type { RetryDecision } from "../policies/retry/retry-decision.ts";
import type { Attempt, BodySink } from "../transport/attempt.ts";
import {
  attemptError,
  bodyError,
  closedError,
  hopelessError,
  noEndpointError,
  overdueError,
} from "./call-errors.ts";
import type { CallFrame } from "./call-frame.ts";
import { outcomeOf, reasonOf } from "./classify.ts";
import { Download } from "./download.ts";
import { HedgedAttempts } from "./hedged-attempts.ts";
import { pickEndpoint, sendAttempt } from "./launch.ts";
import type { Launcher } from "./launch.ts";
import { BodySupply, mayRepeat, noBody } from "./replay.ts";
import { protocolOf, reportAttempt } from "./report.ts";
import type { CallRequest, ResponseHeaders } from "./request.ts";
import { Retries, isFailedAttempt } from "./retries.ts";
import type { FailedAttempt } from "./retries.ts";

/** The attempts of a call, one after the other and, where they are hedged, side by side; and what follows from each. */
export class Attempts implements Launcher {
  readonly call: CallFrame;
  readonly body: BodySupply;
  readonly hedged: HedgedAttempts | undefined;
  now: number;
  count = 0;
  /** Of a committed call the one whose answer the caller gets. */
  last: Attempt | undefined;
  /** When the head of a streamed response went to the caller; 0 before, and for whole responses. */
  headAt = 0;
  /** What the last answer asked to wait, in milliseconds. */
  retryAfterMs = 0;
  /** The streamed response, where it can be resumed. */
  download: Download | undefined;
  /** Undefined until an attempt fails. */
  #retries: Retries | undefined;
  /** The last attempt that failed. */
  #lastFailed: FailedAttempt | undefined;
  /** What was decided at the head of a streamed response that is not shown. */
  #decision: RetryDecision | undefined;
  /** The head of a streamed response went to the caller. */
  #committed = false;
  /** The caller reads slowly. */
  #paused = false;
  #isHedging = false;

  constructor(call: CallFrame) {
    this.call = call;
    this.now = call.startedAt;
    const { inherited, parts, request, retry, rules } = call;
    const keptBytes = retry === false ? 0 : retry.replayBytes;
    this.body = request.body === null ? noBody : new BodySupply(request.body, keptBytes);
    const { hedging } = rules;
    const isRepeatable = hedging !== undefined && request.retry !== false && mayRepeat(request);
    if (isRepeatable && this.body.isShareable && inherited?.chainStop !== true) {
      this.hedged = new HedgedAttempts(hedging, parts.clock, () => {
        this.#hedge();
      });
    }
  }

  // What a picker reads.
  get request(): CallRequest {
    return this.call.request;
  }

  get tried(): readonly EndpointState[] | undefined {
    const { retry } = this.call;
    const isAnywhere = retry !== false && retry.exclude === "none" && !this.#isHedging;
    return isAnywhere ? undefined : this.#retries?.tried;
  }

  get mayRepeat(): boolean {
    return this.call.retry !== false && mayRepeat(this.call.request) && this.body.isReplayable;
  }

  get avoided(): readonly number[] | undefined {
    const { retry } = this.call;
    const tried = this.#retries?.tried;
    if (tried === undefined || tried.length === 0 || retry === false || retry.exclude !== "priorities") {
      return undefined;
    }
    return [...new Set(tried.map(({ spec }) => spec.priority))];
  }

  /** Hedges so far. */
  get hedges(): number {
    return this.hedged?.sent ?? 0;
  }

  /** Bytes of the body that came, of the attempt whose answer the caller gets; 0 where none does. */
  get responseBytes(): number {
    return this.download?.received ?? this.last?.bodyBytes ?? 0;
  }

  get hashKey(): string | undefined {
    return this.call.request.hashKey;
  }

  /** Sends an attempt. Every attempt picks anew. */
  launch(isHedge = false): void {
    const { call } = this;
    const { request, rules, upstream } = call;
    this.now = call.parts.clock.now();
    const remaining = call.deadline - this.now;
    if (remaining <= rules.deadline.reserveMs) {
      // The answer of the others may be here already, and only not been read.
      if (isHedge) return;
      const totalMs = call.deadline - call.startedAt;
      call.fail("failure", overdueError(upstream.service, totalMs, this.#retries?.records));
      return;
    }
    // What was read ahead while the call waited may have been too much to keep.
    const before = this.#lastFailed;
    if (before !== undefined && !this.body.isReplayable) {
      this.#endWith(before.attempt, before.outcome);
      return;
    }
    const trace: PickTrace | undefined = request.explain === undefined ? undefined : [];
    try {
      const endpoint = pickEndpoint(this, trace);
      if (isHedge && !this.#isHedgeable(endpoint)) return;
      if (endpoint === undefined) this.#failWithoutEndpoint();
      else if (this.#isInTime(endpoint, remaining)) sendAttempt(this, endpoint, isHedge, trace);
    } catch (error) {
      if (!isHedge) call.fail("failure", error);
    }
  }

  attemptHead(attempt: Attempt): void {
    const { call } = this;
    const { sink } = call;
    if (sink.mode === "whole") return;
    this.now = call.parts.clock.now();
    if (this.download !== undefined) {
      this.#goOnWith(attempt, this.download);
      return;
    }
    if (attempt.status >= 400) {
      // The answer that others may still bring is better than this one.
      if (this.hedged !== undefined && this.hedged.running.length > 1 && this.#isFailing(attempt)) {
        attempt.discard();
        return;
      }
      this.#decision = this.#decide(this.#failedOnes(), attempt, outcomeOf(attempt, false));
    }
    // A response that will be retried is never shown; any other commits the call.
    if (this.#decision?.retry === true) {
      attempt.discard();
      return;
    }
    this.#committed = true;
    this.last = attempt;
    this.hedged?.supersede(attempt);
    // The head says whether the service works; the body may last for hours.
    const outcome = outcomeOf(attempt, false);
    call.judged(outcome, attempt.status);
    attempt.headAt = this.headAt = this.now;
    if (outcome === "success") {
      attempt.isAnswered = true;
      attempt.outcome = outcome;
      attempt.latencyMs = this.#latencyOf(attempt, call.parts.lag?.since(attempt.lagMark, this.now) ?? 0);
      const { endpoint, generation } = attempt;
      call.upstream.endpoints.answered(endpoint, generation, attempt.pick === "PR", attempt, this.now);
    }
    const headers = this.#headersOf(attempt);
    if (call.retry !== false && call.retry.resume) {
      this.download = Download.of(call.request, attempt.status, attempt.headers, sink);
    }
    this.#forward(attempt, this.download ?? sink, sink.wholeBody?.(attempt.status) === true);
    sink.head(attempt.status, headers, attempt.statusText, call);
  }

  attemptEnd(attempt: Attempt): void {
    const { call } = this;
    const { events, lag, telemetry } = call.parts;
    const { rules, upstream } = call;
    const now = (this.now = call.parts.clock.now());
    const { endpoint } = attempt;
    const outcome = (attempt.outcome = this.#outcomeOf(attempt));
    attempt.latencyMs = this.#latencyOf(attempt, lag?.ended(attempt.lagMark, now) ?? 0);
    const isOverload = outcome === "overload";
    const retryAfterMs = isOverload ? retryAfterOf(attempt.headers, call.parts.clock) : undefined;
    this.retryAfterMs = retryAfterMs ?? 0;
    const isProbe = attempt.pick === "PR" && !attempt.isAnswered;
    upstream.endpoints.settled(endpoint, rules.view, attempt.generation, isProbe, attempt, retryAfterMs, now);
    const reason = reasonOf(attempt, outcome);
    if (attempt.phase === "sent") upstream.pools.unanswered?.(attempt, now);
    // First, because a tag goes on the span as well.
    call.hooking?.attemptEnded(attempt, now);
    if (attempt.span !== undefined) {
      if (endpoint.gate.generation !== attempt.generation && endpoint.gate.circuit === "open") {
        telemetry.ejected(attempt.span, attempt);
      }
      telemetry.attemptEnded(attempt.span, attempt, reason, protocolOf(upstream, attempt));
    }
    reportAttempt(events, call, attempt, reason, now);
    call.record?.attempted(attempt, outcome, retryAfterMs, now);
    this.hedged?.ended(attempt, now);
    if (attempt.isSuperseded) return;
    if (outcome === "success" && attempt.status < 400) {
      this.#endWith(attempt, outcome);
      return;
    }
    const retries = this.#failedOnes();
    retries.record(attempt, reason, now);
    const isBroken = this.download !== undefined && attempt.headAt > 0;
    if ((this.#committed && !isBroken) || call.callerGone || upstream.closed) {
      this.#endWith(attempt, outcome);
      return;
    }
    if (this.hedged !== undefined && this.hedged.running.length > 0 && this.#isFailing(attempt)) {
      retries.tried.push(endpoint);
      if (this.hedged.hedgesOn(attempt.status)) this.#hedge();
      return;
    }
    if (attempt.phase === "connect" && outcome === "failure") upstream.discovery.refresh("connect failure");
    const decision = this.#decision ?? this.#decide(retries, attempt, outcome);
    const failed = (this.#lastFailed = { attempt, outcome, decision });
    this.#decision = undefined;
    if (retries.failed(failed)) return;
    if (decision.retry) this.#goOn(retries, failed);
    else this.#endWith(attempt, outcome);
  }

  pause(): void {
    this.#paused = true;
    this.last?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.last?.resume();
  }

  /** Ends every attempt in flight. */
  abort(reason: unknown): void {
    if (this.hedged === undefined) this.last?.abort(reason);
    else this.hedged.abort(reason);
  }

  /** The call is over. */
  close(): void {
    this.body.close();
    this.#retries?.done();
    this.hedged?.supersede(undefined);
  }

  /** An attempt takes long: sends another one beside it, if that is worth it and can be afforded. */
  #hedge(): void {
    if (this.call.done || this.#committed) return;
    const { tried } = this.#failedOnes();
    for (const { endpoint } of this.hedged?.running ?? []) {
      if (!tried.includes(endpoint)) tried.push(endpoint);
    }
    this.#isHedging = true;
    this.launch(true);
    this.#isHedging = false;
  }

  /** A hedge goes to an endpoint that this call has not been to. */
  #isHedgeable(endpoint: EndpointState | undefined): boolean {
    if (endpoint === undefined) return false;
    const { budget, endpoints } = this.call.upstream;
    const isNew = this.tried?.includes(endpoint) !== true;
    if (isNew && this.call.rules.hedging?.tryHedge(budget, this.now) === true) return true;
    if (endpoints.flag === "PR") endpoints.unused(endpoint);
    return false;
  }

  /**
   * Whether an attempt can be over before the call is. One that takes longer as a rule is not begun; what was measured more than
   * a moment ago is no rule.
   */
  #isInTime(endpoint: EndpointState, remaining: number): boolean {
    const { endpoints, service } = this.call.upstream;
    const expectedMs = endpoints.medianMs(endpoint, this.now);
    if (expectedMs < remaining) return true;
    if (endpoints.flag === "PR") endpoints.unused(endpoint);
    // A hedge that comes to nothing is none; a retry leaves the call with what there was before it.
    if (this.#isHedging) return false;
    const before = this.#lastFailed;
    if (before !== undefined) this.#endWith(before.attempt, before.outcome);
    else this.call.fail("failure", hopelessError(service, endpoint.address, remaining, expectedMs));
    return false;
  }

  #forward(attempt: Attempt, to: BodySink, isTimed: boolean): void {
    if (isTimed) {
      attempt.forward(to, true);
      return;
    }
    const { inherited, rules, startedAt } = this.call;
    const { bodyIdleMs, streamMs = Infinity } = rules.timeout;
    // The work that the call is made in ends with its deadline, however well the stream goes.
    const endsAt = Math.min(startedAt + streamMs, inherited?.deadline ?? Infinity);
    attempt.forwardWatched(to, bodyIdleMs, endsAt, endsAt - startedAt);
  }

  /** The rest of a download that broke off, if it is that. */
  #goOnWith(attempt: Attempt, download: Download): void {
    if (!download.continues(attempt.status, attempt.headers)) {
      // The endpoint has done nothing wrong: there is another file now. The call ends as it broke off.
      attempt.isSuperseded = true;
      attempt.abort(new Error(`the rest of the answer cannot be had (status ${attempt.status})`));
      const before = this.#lastFailed;
      if (before !== undefined) this.#endWith(before.attempt, before.outcome);
      return;
    }
    this.last = attempt;
    attempt.headAt = this.now;
    this.#forward(attempt, download, false);
    if (this.#paused) attempt.pause();
  }

  /** Whether the answers of other attempts are worth waiting for: one that is wrong for all is not. */
  #isFailing(attempt: Attempt): boolean {
    const statuses = this.call.rules.hedging?.policy.statuses;
    return attempt.status < 400 || statuses?.includes(attempt.status) === true;
  }

  #failedOnes(): Retries {
    this.#retries ??= new Retries(this.call);
    return this.#retries;
  }

  #decide(retries: Retries, attempt: Attempt, outcome: Outcome): RetryDecision {
    const { call, now } = this;
    return retries.decide(attempt, outcome, {
      retry: attempt.number - this.hedges,
      now,
      remainingMs: call.deadline - now,
      typicalMs: call.upstream.endpoints.typicalMs,
      isRetried: call.inherited?.chainStop === true,
      replayable: this.body.isReplayable,
      committed: this.#committed && this.download === undefined,
      callerGone: call.callerGone,
    });
  }

  #goOn(retries: Retries, first: FailedAttempt): void {
    const launch = (): void => {
      this.launch();
    };
    retries.goOn(first, launch, this.call.waiting()).catch((last: unknown) => {
      if (isFailedAttempt(last)) this.#endWith(last.attempt, last.outcome);
      else this.call.fail("ignored", last);
    });
  }

  /** Ends the call with what an attempt brought: a response of whatever status, or an error. */
  #endWith(attempt: Attempt, outcome: Outcome): void {
    const { call } = this;
    if (call.done) return;
    if (attempt.failure !== undefined) {
      call.fail(outcome, call.callerGone ? attempt.failure : this.#errorOf(attempt));
      return;
    }
    const { sink } = call;
    this.last = attempt;
    call.complete(outcome, attempt.status, undefined);
    if (sink.mode === "stream") sink.end(attempt.trailers);
    else sink.done(attempt.status, this.#headersOf(attempt), attempt.statusText, attempt.chunks ?? noChunks);
  }

  #failWithoutEndpoint(): void {
    const { discovery, endpoints, service } = this.call.upstream;
    discovery.refresh("no endpoints");
    const error = noEndpointError(service, discovery.current, endpoints.size, this.#retries?.records);
    this.call.fail("failure", error);
  }

  /** NaN where the time says nothing of the endpoint: it may take as long as it likes, or it was our own loop that took it. */
  #latencyOf(attempt: Attempt, stalledMs: number): number {
    const tookMs = (attempt.headAt === 0 ? this.now : attempt.headAt) - attempt.startedAt;
    return this.call.rules.streaming || stalledMs > STALLED_PART * tookMs ? NaN : tookMs;
  }

  #headersOf({ endpoint, headers }: Attempt): ResponseHeaders {
    return this.call.upstream.targeting.answered(this.call.request, endpoint, headers);
  }

  #outcomeOf(attempt: Attempt): Outcome {
    const { callerGone, upstream } = this.call;
    const isOurs = attempt.isSuperseded || callerGone || upstream.closed;
    if (isOurs || this.body.failure !== undefined) return outcomeOf(attempt, true);
    const isUnsent = attempt.timedOut && attempt.phase === "connect";
    return outcomeOf(attempt, isUnsent && upstream.pools.wasQueued(attempt, this.now));
  }

  #errorOf(attempt: Attempt): ProxylessError {
    const { request, rules, upstream } = this.call;
    if (upstream.closed) return closedError(upstream.service);
    const { failure } = this.body;
    if (failure !== undefined) return bodyError(upstream.service, request.method, attempt, failure);
    const { attemptMs } = rules.timeout;
    return attemptError(upstream.service, request.method, attempt, attemptMs, this.#retries?.records);
  }
}

/** A latency of which more than this part is our own doing is not counted. */
const STALLED_PART = 0.2;
const noChunks: readonly Buffer[] = [];
