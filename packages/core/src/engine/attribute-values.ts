import type { MeshEventOf } from "../events.ts";

/** Those that the convention for HTTP knows; any other would be a value of the caller's making. */
const methods: ReadonlySet<string> = new Set(
  "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split(" "),
);
/** The codes of Node, undici and the mesh; anything else might be of any number. */
const code = /^[A-Z][A-Z0-9_]{1,48}$/;

/**
 * What OpenTelemetry's convention has in `http.request.method`: the method itself, or `_OTHER` for one that is not of HTTP, so that no
 * series and no group of spans is of a caller's making.
 */
export function knownMethod(method: string): string {
  return methods.has(method) ? method : "_OTHER";
}

/** `error.type` of a call, in one of few words: the code of its error, its status from 400 on, or `aborted`. */
export function errorTypeOfCall({
  error,
  flag,
  status,
}: Pick<MeshEventOf<"call.completed">, "error" | "flag" | "status">): string | undefined {
  if (error !== undefined) return error;
  if (status !== undefined) return status >= 400 ? String(status) : undefined;
  return flag === undefined ? undefined : "aborted";
}

/**
 * `error.type` of an attempt, in one of few words: its status from 400 on, or why there was none: `timeout`, `superseded`, `aborted`,
 * `connection_lost`, a code of Node or undici, and `_OTHER` for the rest.
 */
export function errorTypeOfAttempt({
  outcome,
  reason,
  status,
}: Pick<MeshEventOf<"attempt.completed">, "outcome" | "reason" | "status">): string | undefined {
  if (reason === undefined) return status !== undefined && status >= 400 ? String(status) : undefined;
  if (reason.startsWith("status ")) return reason.slice("status ".length);
  if (reason === "superseded") return reason;
  // What the caller's signal was aborted with is the caller's.
  if (outcome === "ignored") return "aborted";
  if (reason === "timeout") return reason;
  if (reason === "connection lost") return "connection_lost";
  return code.test(reason) ? reason : "_OTHER";
}
