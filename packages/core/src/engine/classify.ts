import type { ErrorCode, ReasonFlag, TimeoutKind } from "../errors.ts";
import { ProxylessError } from "../errors.ts";
import type { Outcome } from "../events.ts";
import type { Attempt } from "../transport/attempt.ts";

/** What undici says when the request itself cannot be sent; no endpoint is to blame. */
const requestFaults = new Set([
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
]);
const protocolFaults = new Set([
  "UND_ERR_HEADERS_OVERFLOW",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_RES_EXCEEDED_MAX_SIZE",
]);

/**
 * How an attempt ended. Decided once; statistics, circuits, budgets and events all read this value.
 * @param callersDoing the caller's signal, or its body stream, ended it
 */
export function outcomeOf(attempt: Attempt, callersDoing: boolean): Outcome {
  if (attempt.failure !== undefined) {
    return callersDoing || requestFaults.has(codeOf(attempt.failure) ?? "") ? "ignored" : "failure";
  }
  return outcomeOfStatus(attempt.status);
}

/** What an answer of this status is. */
export function outcomeOfStatus(status: number): Outcome {
  if (status === 429 || status === 503) return "overload";
  return status >= 500 ? "failure" : "success";
}

/** Why an attempt was no success, in a word; undefined when it was one. */
export function reasonOf(attempt: Attempt, outcome: Outcome): string | undefined {
  if (outcome === "success") return undefined;
  if (attempt.isSuperseded) return "superseded";
  if (attempt.failure === undefined) return `status ${attempt.status}`;
  if (outcome === "ignored") return codeOf(attempt.failure) ?? "aborted";
  return attempt.timedOut ? "timeout" : (codeOf(attempt.failure) ?? "connection lost");
}

/** What a failed attempt means to the caller. */
export interface Fault {
  readonly code: ErrorCode;
  readonly flag: ReasonFlag;
  /** Reads on after "…to `endpoint` ". */
  readonly what: string;
  readonly timeout?: TimeoutKind;
  readonly retryable: boolean;
}

/**
 * Names the fault of an attempt that brought no usable response.
 * @param attemptMs the attempt timeout that applied
 */
export function faultOf(attempt: Attempt, attemptMs: number): Fault {
  const { failure } = attempt;
  if (attempt.timedOut) {
    const { kind, ms = attemptMs } = attempt.limit;
    const flag = kind === "total" ? "DT" : "UT";
    const what = `did not finish within ${Math.round(ms)} ms (${kind} timeout, ${phrases[attempt.phase]})`;
    return { code: "ERR_PROXYLESS_TIMEOUT", flag, what, timeout: kind, retryable: true };
  }
  if (failure instanceof ProxylessError) {
    const what = `failed: ${failure.message}`;
    const { code, flag = "UF", timeout } = failure;
    return { code, flag, what, retryable: true, ...(timeout === undefined ? undefined : { timeout }) };
  }
  const code = codeOf(failure) ?? "";
  const detail = failure instanceof Error && failure.message !== "" ? failure.message : code;
  if (requestFaults.has(code)) {
    return { code: "ERR_PROXYLESS_REQUEST", flag: "LR", what: `cannot be sent: ${detail}`, retryable: false };
  }
  if (attempt.phase === "connect") {
    return {
      code: "ERR_PROXYLESS_CONNECT",
      flag: "UF",
      what: `failed to connect: ${detail}`,
      retryable: true,
    };
  }
  if (isParserError(failure) || protocolFaults.has(code)) {
    return {
      code: "ERR_PROXYLESS_PROTOCOL",
      flag: "UPE",
      what: `got an answer that is not valid HTTP: ${detail}`,
      retryable: true,
    };
  }
  return {
    code: "ERR_PROXYLESS_RESET",
    flag: "UC",
    what: `lost the connection (${phrases[attempt.phase]}): ${detail}`,
    retryable: true,
  };
}

/** The endpoint refused the request before it looked at it: HTTP/2 says so by REFUSED_STREAM, or by a GOAWAY before the stream. */
export function isRefused(failure: unknown): boolean {
  if (!(failure instanceof Error)) return false;
  return refusals.some((text) => failure.message.includes(text));
}

const refusals = ["NGHTTP2_REFUSED_STREAM", "REFUSED_STREAM", "GOAWAY"];

function isParserError(failure: unknown): boolean {
  return failure instanceof Error && failure.name === "HTTPParserError";
}

const phrases = {
  connect: "nothing was sent",
  sent: "the request was sent, no answer came",
  headers: "the answer had begun",
  body: "part of the answer had come",
} as const;

function codeOf(failure: unknown): string | undefined {
  if (typeof failure !== "object" || failure === null || !("code" in failure)) return undefined;
  return typeof failure.code === "string" ? failure.code : undefined;
}
