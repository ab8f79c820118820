import { ProxylessError } from "../../errors.ts";
import type { AbortKind } from "../../policies/fault/fault-policy.ts";
import type { ResponseHeaders } from "../../transport/response.ts";

/** Marks an answer that was injected. */
const faultHeader = "x-proxyless-fault";

/** The headers of an injected answer, marked. */
export function faultHeaders(headers: Readonly<Record<string, string>>): ResponseHeaders {
  return { ...headers, [faultHeader]: "FI" };
}

/** What an injected abort ends a request with. */
export function faultError(kind: Exclude<AbortKind, "timeout">, service: string): ProxylessError {
  const code = kind === "refuse" ? "ERR_PROXYLESS_CONNECT" : "ERR_PROXYLESS_RESET";
  const what = kind === "refuse" ? "connection refused" : "connection reset";
  return new ProxylessError(code, `${what} (injected fault)`, {
    service,
    flag: "FI",
    phase: kind === "refuse" ? "connect" : "sent",
    retryable: true,
  });
}

/** The time of a call ran out in an injected delay, or waiting for an answer that was never to come. */
export function faultTimeout(service: string, totalMs: number, flag: "FI" | "DI"): ProxylessError {
  const what = flag === "FI" ? "timeout" : "delay";
  const message = `${service}: no answer within ${Math.round(totalMs)} ms (total timeout, injected ${what})`;
  return new ProxylessError("ERR_PROXYLESS_TIMEOUT", message, {
    service,
    timeout: "total",
    flag,
    phase: "sent",
    retryable: true,
  });
}

/** What the user's own function threw, as an error. */
export function thrown(error: unknown): Error {
  return error instanceof Error ? error : new Error("the behaviour function threw", { cause: error });
}
