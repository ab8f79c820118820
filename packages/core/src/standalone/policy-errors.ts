import { ProxylessError } from "../errors.ts";
import type { Refusal, RefusalReason } from "../policies/limit/refusal.ts";

/** An open circuit refused the call. */
export function circuitError(name: string, retryAfterMs: number): ProxylessError {
  return new ProxylessError(
    "ERR_PROXYLESS_CIRCUIT_OPEN",
    `circuit open for ${name}, retry in ${retryAfterMs} ms`,
    { service: name, flag: "UO", retryable: true, retryAfterMs },
  );
}

const whys: Readonly<Record<RefusalReason, string>> = {
  rate_limit: "the rate limit is used up",
  throttled: "too many calls fail",
  concurrency: "too many calls are in flight",
  queue_full: "too many calls wait",
  queue_timeout: "it waited as long as it may",
};

/** A limit did not let the call through. */
export function limitError(name: string, { retryAfterMs, why }: Refusal): ProxylessError {
  const when = retryAfterMs === undefined ? "" : `, retry in ${Math.ceil(retryAfterMs)} ms`;
  return new ProxylessError("ERR_PROXYLESS_SHED", `${name} was not called: ${whys[why]}${when}`, {
    service: name,
    flag: why === "rate_limit" ? "RL" : "UO",
    shed: why,
    retryable: true,
    retryAfterMs,
  });
}

/** A timeout ended the call, or one attempt of it. */
export function timeoutError(name: string, ms: number, kind: "attempt" | "total"): ProxylessError {
  return new ProxylessError(
    "ERR_PROXYLESS_TIMEOUT",
    `${name}: no result within ${Math.round(ms)} ms (${kind} timeout)`,
    { service: name, timeout: kind, flag: kind === "total" ? "DT" : "UT", phase: "sent", retryable: true },
  );
}

/** The deadline had passed before the function could be called. */
export function lateError(): ProxylessError {
  const message = "the function was not called: the deadline of the call has passed (total timeout)";
  return new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, {
    timeout: "total",
    flag: "DT",
    phase: "connect",
  });
}
