import type { Resolution } from "../discovery/resolution.ts";
import { ProxylessError } from "../errors.ts";
import type { AttemptRecord } from "../errors.ts";
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
