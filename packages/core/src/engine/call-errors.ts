import type { Resolution } from "../discovery/resolution.ts";
import { ProxylessError } from "../errors.ts";
import type { AttemptRecord } from "../errors.ts";
import type { Attempt } from "../transport/attempt.ts";
import { faultOf } from "./classify.ts";
import type { TimeLimit } from "./classify.ts";

/** The call ends because its last attempt brought no usable response. */
export function attemptError(
  service: string,
  method: string,
  attempt: Attempt,
  limit: TimeLimit,
  attempts: readonly AttemptRecord[] | undefined,
): ProxylessError {
  const { code, what, ...fault } = faultOf(attempt, limit);
  const { address } = attempt.endpoint;
  const tries = attempt.number === 1 ? "" : ` (attempt ${attempt.number})`;
  return new ProxylessError(code, `${method} ${service} at ${address} ${what}${tries}`, {
    ...fault,
    service,
    endpoint: address,
    attempts,
    phase: attempt.phase,
    cause: attempt.failure,
  });
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

/** Discovery answered, but there is nothing to call. */
export function noEndpointError(
  service: string,
  { status }: Resolution,
  known: number,
  attempts: readonly AttemptRecord[] | undefined,
): ProxylessError {
  if (status === "absent") {
    const message = `no service named ${service} is known to discovery`;
    return new ProxylessError("ERR_PROXYLESS_UNKNOWN_SERVICE", message, { service, attempts, flag: "NR" });
  }
  const message = `${service} has no endpoint to call (${known} known, none usable)`;
  return new ProxylessError("ERR_PROXYLESS_NO_ENDPOINTS", message, {
    service,
    attempts,
    flag: "UH",
    retryable: true,
  });
}

/** Discovery did not answer within the call's total time. */
export function unresolvedError(service: string, totalMs: number): ProxylessError {
  const message = `the endpoints of ${service} were not known within ${Math.round(totalMs)} ms (total timeout)`;
  return new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, {
    service,
    timeout: "total",
    flag: "DT",
    phase: "connect",
    retryable: true,
  });
}
