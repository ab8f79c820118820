import { ProxylessError } from "../errors.ts";
import type { AttemptRecord } from "../errors.ts";
import type { EventHub, Outcome } from "../events.ts";
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
    durationMs: now - attempt.startedAt,
  });
}

/** Tells the listeners, of whom there must be some, how a call ended. */
export function reportCall(
  events: EventHub,
  call: { readonly service: string; readonly route: string | undefined; readonly method: string },
  outcome: Outcome,
  status: number,
  error: unknown,
  attempts: number,
  durationMs: number,
): void {
  const fault = error instanceof ProxylessError ? error : undefined;
  events.emit({
    type: "call.completed",
    ...call,
    outcome,
    status: status === 0 ? undefined : status,
    error: fault?.code,
    // What is no error of ours is the reason of the caller's own signal.
    flag: fault === undefined && error !== undefined ? "DC" : fault?.flag,
    attempts,
    durationMs,
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
