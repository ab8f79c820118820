import type { Resolution } from "../discovery/resolution.ts";
import { ProxylessError } from "../errors.ts";
import type { AttemptRecord } from "../errors.ts";
import type { Refusal } from "../policies/limit/refusal.ts";
import type { Attempt } from "../transport/attempt.ts";
import { faultOf } from "./classify.ts";

/** The call ends because its last attempt brought no usable response. */
export function attemptError(
  service: string,
  method: string,
  attempt: Attempt,
  attemptMs: number,
  attempts: readonly AttemptRecord[] | undefined,
): ProxylessError {
  const { code, what, ...fault } = faultOf(attempt, attemptMs);
  const { address } = attempt.endpoint;
  const tries = attempt.number === 1 ? "" : ` (attempt ${attempt.number})`;
  return new ProxylessError(code, `${method} ${service} at ${address} ${what}${tries}`, {
    ...fault,
    service,
    endpoint: address,
    attempts,
    phase: attempt.phase,
    cause: withoutBytes(attempt.failure),
  });
}

/** undici's parser error carries what it could not parse, and that may be anybody's secret. */
function withoutBytes(failure: unknown): unknown {
  if (!(failure instanceof Error) || !("data" in failure)) return failure;
  return Object.assign(new Error(failure.message), { name: failure.name });
}

/** The stream that the caller gave as the request's body failed. */
export function bodyError(service: string, method: string, attempt: Attempt, cause: Error): ProxylessError {
  return new ProxylessError(
    "ERR_PROXYLESS_REQUEST",
    `the body of ${method} ${service} failed: ${cause.message}`,
    {
      service,
      endpoint: attempt.endpoint.address,
      phase: attempt.phase,
      flag: "LR",
      cause,
    },
  );
}

/** An open circuit refused the call. */
export function circuitError(
  service: string,
  route: string | undefined,
  retryAfterMs: number,
): ProxylessError {
  const what = route === undefined ? service : `${service} ${route}`;
  return new ProxylessError(
    "ERR_PROXYLESS_CIRCUIT_OPEN",
    `circuit open for ${what}, retry in ${retryAfterMs} ms`,
    {
      service,
      flag: "UO",
      retryable: true,
      retryAfterMs,
    },
  );
}

/** A limit of this process did not let the call through. */
export function shedError(
  service: string,
  route: string | undefined,
  { retryAfterMs, why }: Refusal,
): ProxylessError {
  const what = route === undefined ? service : `${service} ${route}`;
  const wait = retryAfterMs === undefined ? "" : `, retry in ${Math.ceil(retryAfterMs)} ms`;
  return new ProxylessError("ERR_PROXYLESS_SHED", `${what} was not called: ${sheds[why]}${wait}`, {
    service,
    shed: why,
    flag: why === "rate_limit" ? "RL" : "UO",
    phase: "connect",
    retryable: true,
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs: Math.ceil(retryAfterMs) }),
  });
}

const sheds: Readonly<Record<Refusal["why"], string>> = {
  rate_limit: "its rate limit is reached",
  throttled: "it refuses so much that this call was not sent",
  concurrency: "as many calls are in flight as may be",
  queue_full: "as many calls are in flight and wait as may be",
  queue_timeout: "the call waited for its turn as long as it may",
};

/** There is nothing to call. */
export function noEndpointError(
  service: string,
  resolution: Resolution,
  known: number,
  attempts: readonly AttemptRecord[] | undefined,
): ProxylessError {
  if (resolution.status === "absent") {
    const message = `no service named ${service} is known to discovery`;
    return new ProxylessError("ERR_PROXYLESS_UNKNOWN_SERVICE", message, { service, attempts, flag: "NR" });
  }
  const details = { service, attempts, flag: "UH", retryable: true } as const;
  if (resolution.status === "failed") {
    const { class: kind, message } = resolution.error;
    const text = `the endpoints of ${service} could not be had: ${message} (${kind})`;
    return new ProxylessError("ERR_PROXYLESS_DISCOVERY", text, { ...details, cause: resolution.error.cause });
  }
  const message = `${service} has no endpoint to call (${known} known, none usable)`;
  return new ProxylessError("ERR_PROXYLESS_NO_ENDPOINTS", message, details);
}

/** The call's total time was over before anything (more) could be sent. */
export function overdueError(
  service: string,
  totalMs: number,
  attempts: readonly AttemptRecord[] | undefined,
): ProxylessError {
  const what = attempts === undefined ? "its endpoints were not known" : "no attempt succeeded";
  const message = `${service}: ${what} within ${Math.round(totalMs)} ms (total timeout)`;
  return new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, {
    service,
    attempts,
    timeout: "total",
    flag: "DT",
    phase: "connect",
    retryable: true,
  });
}

/** The work that the call is made in should be over by now. */
export function lateError(service: string): ProxylessError {
  const message = `${service} was not called: the deadline of the work that the call is made in has passed (total timeout)`;
  return new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, { service, timeout: "total", flag: "DT" });
}

/** What is left of the call's time is less than an attempt takes. */
export function hopelessError(
  service: string,
  endpoint: string,
  remainingMs: number,
  expectedMs: number,
): ProxylessError {
  const left = `${Math.max(0, Math.round(remainingMs))} ms are left`;
  const message = `${service} was not called: ${left}, and ${endpoint} takes ${Math.round(expectedMs)} ms (total timeout)`;
  return new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, {
    service,
    endpoint,
    timeout: "total",
    flag: "DT",
    phase: "connect",
    retryable: true,
  });
}

/** The mesh was closed. */
export function closedError(service: string): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_CLOSED", `the mesh is closed; ${service} was not called`, {
    service,
    flag: "LR",
  });
}

/** Why a caller gave up; signals that do not say get what `AbortController` says. */
export function abortReason(given: unknown): unknown {
  return given ?? new DOMException("This operation was aborted", "AbortError");
}
