import type { Criticality } from "../context/criticality.ts";
import { ProxylessError } from "../errors.ts";
import type { AttemptRecord } from "../errors.ts";
import type { EventHub, Outcome, PickFlag } from "../events.ts";
import type { Refusal } from "../policies/limit/refusal.ts";
import type { Attempt } from "../transport/attempt.ts";

/** Tells the listeners how an attempt ended. */
export function reportAttempt(
  events: EventHub,
  service: string,
  attempt: Attempt,
  outcome: Outcome,
  reason: string | undefined,
  now: number,
): void {
  if (!events.wants("attempt.completed")) return;
  events.emit({
    type: "attempt.completed",
    service,
    endpoint: attempt.endpoint.address,
    number: attempt.number,
    outcome,
    status: attempt.status === 0 ? undefined : attempt.status,
    phase: attempt.phase,
    reason,
    pick: attempt.pick,
    hedge: attempt.isHedge,
    durationMs: now - attempt.startedAt,
  });
}

/** How a call ended. */
interface CallReport {
  readonly service: string;
  readonly route: string | undefined;
  readonly method: string;
  readonly outcome: Outcome;
  /** 0 without an answer. */
  readonly status: number;
  readonly error: unknown;
  readonly attempts: number;
  readonly pick: PickFlag | undefined;
  readonly durationMs: number;
}

/** Tells the listeners, of whom there must be some, how a call ended. */
export function reportCall(events: EventHub, { error, status, ...call }: CallReport): void {
  const fault = error instanceof ProxylessError ? error : undefined;
  events.emit({
    type: "call.completed",
    ...call,
    status: status === 0 ? undefined : status,
    error: fault?.code,
    // What is no error of ours is the reason of the caller's own signal.
    flag: fault === undefined && error !== undefined ? "DC" : fault?.flag,
  });
}

/** Tells the listeners that a call goes on. */
export function reportRetry(
  events: EventHub,
  service: string,
  { endpoint, number, reason = "" }: AttemptRecord,
  delayMs: number,
): void {
  if (!events.wants("call.retried")) return;
  events.emit({ type: "call.retried", service, endpoint, number, reason, delayMs });
}

/** Tells the listeners that a second attempt is sent beside the first. */
export function reportHedge(
  events: EventHub,
  service: string,
  { endpoint, number }: Attempt,
  afterMs: number,
): void {
  if (!events.wants("call.hedged")) return;
  events.emit({ type: "call.hedged", service, endpoint: endpoint.address, number, afterMs });
}

/** Tells the listeners that a limit of this process refused a call. */
export function reportShed(
  events: EventHub,
  service: string,
  route: string | undefined,
  criticality: Criticality,
  { retryAfterMs, why }: Refusal,
): void {
  if (!events.wants("call.shed")) return;
  events.emit({ type: "call.shed", service, route, why, criticality, retryAfterMs });
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
