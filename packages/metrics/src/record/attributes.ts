import type { Attributes } from "@opentelemetry/api";
import type { MeshEventOf } from "@proxyless/core";

/** Those that the convention for HTTP knows; any other would be a value of the caller's making. */
const methods = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);

/** `http.request.method` */
export function methodOf(method: string): string {
  return methods.has(method) ? method : "_OTHER";
}

/** `error.type` of a call, as its span has it: the code of its error, or the status. */
export function errorTypeOfCall({
  error,
  flag,
  status,
}: Pick<MeshEventOf<"call.completed">, "error" | "flag" | "status">): string | undefined {
  if (error !== undefined) return error;
  if (status !== undefined) return status >= 400 ? String(status) : undefined;
  return flag === undefined ? undefined : "aborted";
}

/** The codes of Node, undici and the mesh; anything else might be of any number. */
const code = /^[A-Z][A-Z0-9_]{1,48}$/;

/** `error.type` of an attempt: the status, or why there is none. */
export function errorTypeOfAttempt({
  outcome,
  reason,
  status,
}: Pick<MeshEventOf<"attempt.completed">, "outcome" | "reason" | "status">): string | undefined {
  if (reason === undefined) return status !== undefined && status >= 400 ? String(status) : undefined;
  // What the caller's signal was aborted with is the caller's.
  if (outcome === "ignored" && reason !== "superseded") return "aborted";
  return errorTypeOfReason(reason);
}

function errorTypeOfReason(reason: string): string {
  if (reason.startsWith("status ")) return reason.slice("status ".length);
  if (reason === "timeout" || reason === "superseded") return reason;
  if (reason === "connection lost") return "connection_lost";
  return code.test(reason) ? reason : "_OTHER";
}

/** Both, without what is undefined. */
export function withDefined(attributes: Attributes, own: Attributes): Attributes {
  const all: Attributes = { ...attributes };
  for (const [name, value] of Object.entries(own)) if (value !== undefined) all[name] = value;
  return all;
}

/** @param endpoint `host:port`, an IPv6 address in brackets */
export function endpointAttributes(endpoint: string): Attributes {
  const colon = endpoint.lastIndexOf(":");
  const host = endpoint.slice(0, colon);
  return {
    "network.peer.address": host.startsWith("[") ? host.slice(1, -1) : host,
    "network.peer.port": Number(endpoint.slice(colon + 1)),
  };
}
