import type { CallRequest } from "./request.ts";

/** Tells the callee which attempt of a call it sees (Envoy's name); sent from the second attempt on. */
const attemptHeader = "x-envoy-attempt-count";

/**
 * The headers of one attempt, in a list of its own that propagation may add to.
 * @param given the request's own, without those that are meant for the mesh
 */
export function attemptHeaders(
  host: string,
  request: CallRequest,
  given: readonly string[],
  attempt: number,
): string[] {
  const list = ["host", host];
  for (let i = 0; i < given.length; i++) list.push(given[i]!);
  if (request.idempotencyKey !== undefined) list.push("idempotency-key", request.idempotencyKey);
  if (attempt > 1) list.push(attemptHeader, String(attempt));
  return list;
}

/** A header's name (RFC 9110). */
export const headerNamePattern: RegExp = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;
/** A header's value: visible ASCII, blanks and tabs, and what older servers send beyond. */
export const headerValuePattern: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Those that belong to a connection, or to the engine. */
export const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
