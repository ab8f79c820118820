import type { PickTrace } from "../balancers/picker.ts";
import { addContextHeaders } from "../context/wire.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { Attempt } from "../transport/attempt.ts";
import type { AttemptOwner } from "../transport/attempt.ts";
import type { CallFrame } from "./call-frame.ts";
import type { Download } from "./download.ts";
import type { PickCall } from "./endpoint-set.ts";
import { explainPick } from "./explain.ts";
import { attemptHeaders } from "./headers.ts";
import type { HedgedAttempts } from "./hedged-attempts.ts";
import { sendOwn } from "./own-requests.ts";
import type { BodySupply } from "./replay.ts";
import { reportHedge } from "./report.ts";

/** What sends attempts, and what it knows beyond the call itself. */
export interface Launcher extends AttemptOwner, PickCall {
  readonly call: CallFrame;
  readonly body: BodySupply;
  /** Attempts so far. */
  count: number;
  /** The attempt that was sent last. */
  last: Attempt | undefined;
  readonly download: Download | undefined;
  readonly hedged: HedgedAttempts | undefined;
}

/** Chooses the endpoint of an attempt, among those that the call has not tried; undefined where there is none. */
export function pickEndpoint(launcher: Launcher, trace: PickTrace | undefined): EndpointState | undefined {
  const { request, rules, upstream } = launcher.call;
  return upstream.endpoints.pick(rules.view, launcher, upstream.targeting.wantedBy(request), trace);
}

/**
 * The way of an attempt, once its endpoint is known. What goes wrong with the request itself, before anything is sent, is thrown;
 * everything else arrives at the attempt.
 */
export function sendAttempt(
  launcher: Launcher,
  endpoint: EndpointState,
  isHedge: boolean,
  trace: PickTrace | undefined,
): void {
  const { call, now } = launcher;
  const { context, parts, request, rules, span, upstream } = call;
  const number = ++launcher.count;
  if (trace !== undefined) {
    const explained = { number, trace, tried: launcher.tried };
    explainPick(request.explain, upstream, rules.view, explained, now);
  }
  const attempt = new Attempt(launcher, parts.clock, number, endpoint, now, call.sink.mode === "whole");
  attempt.pick = upstream.endpoints.flag;
  let isBegun = false;
  try {
    const given = upstream.targeting.sent(request.headers);
    const headers = attemptHeaders(upstream.transport.host, request, given, number);
    if (launcher.download !== undefined) headers.push(...launcher.download.headers());
    attempt.isHedge = isHedge;
    const beside = isHedge ? launcher.hedged?.running[0] : undefined;
    attempt.span = parts.telemetry.attemptStarted(context, span, upstream.service, request, attempt, beside);
    parts.telemetry.inject(context, attempt.span ?? span, headers);
    const body = launcher.body.next();
    call.hooking?.attemptBegins(attempt, headers);
    // From here on the attempt is on the endpoint's books, and whatever happens ends in `attemptEnd`.
    isBegun = true;
    launcher.last = attempt;
    if (isHedge) reportHedge(parts.events, call, attempt, now);
    attempt.generation = upstream.endpoints.started(endpoint, now);
    if (parts.lag !== undefined) attempt.lagMark = parts.lag.started(now);
    launcher.hedged?.launched(attempt, now);
    // Whatever is left of the call bounds the attempt as well, so one timer serves both limits.
    const { attemptMs, headersMs, queueMs } = rules.timeout;
    const remaining = call.deadline - now;
    const toldMs = rules.streaming ? Infinity : Math.min(remaining, attemptMs);
    const { criticality = call.inherited?.criticality } = request;
    addContextHeaders(headers, rules.deadline, toldMs, call.inherited, criticality);
    const stages = queueMs === undefined && headersMs === undefined ? undefined : rules.timeout;
    // A sum of times is a hair off now and then: limits that are the same are the call's.
    if (remaining < attemptMs + 1) {
      attempt.arm(remaining, { kind: "total", ms: call.deadline - call.startedAt }, stages);
    } else attempt.arm(attemptMs, attemptLimit, stages);
    const { method, path } = request;
    const { hostname: servername } = upstream.transport;
    const sent = { method, path, headers, body, bodyTimeout: 0, servername };
    sendOwn(context, span !== undefined, rules.transport, attempt, sent);
  } catch (error) {
    if (isBegun) attempt.abort(error);
    else {
      if (attempt.pick === "PR") upstream.endpoints.unused(endpoint);
      throw error;
    }
  }
}

const attemptLimit = { kind: "attempt" } as const;
