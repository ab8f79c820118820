import { configError } from "../errors.ts";
import { checkNumber, checkObject, fieldPath } from "../option-checks.ts";

/** A response that is made up here instead of being fetched. */
export interface AnswerPolicy {
  /** 200 to 599; what it is by default depends on who gives the answer. */
  readonly status?: number | undefined;
  /** By name; `content-length` is set by itself, and so is `content-type` for `json`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The body as text; none by default. Not together with `json`. */
  readonly body?: string | undefined;
  /** The body as a value that is written as JSON. */
  readonly json?: unknown;
}

/** {@link AnswerPolicy}, checked. */
export interface ResolvedAnswer {
  readonly status: number;
  /** By lower-case name, `content-length` among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The keys of an {@link AnswerPolicy}, for options that hold one among other things. */
export const answerKeys: readonly (keyof AnswerPolicy)[] = ["status", "headers", "body", "json"];

const token = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
const fieldValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
/** They belong to a connection, and here is none. */
const connectionHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);
/** Statuses whose responses have no body (RFC 9110, section 6.4.1). */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Checks an answer.
 * @param defaultStatus what `status` is where it is not given
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveAnswer(input: unknown, path: string, defaultStatus: number): ResolvedAnswer {
  if (input === undefined) throw configError(path, "an object", input);
  const given = checkObject(input, path, answerKeys);
  const range = { min: 200, max: 599, integer: true };
  const status = checkNumber(given["status"], fieldPath(path, "status"), range) ?? defaultStatus;
  const headers = resolveHeaders(given["headers"], fieldPath(path, "headers"));
  const body = resolveBody(given, path, headers);
  if (bodiless.has(status)) {
    if (body.length > 0) throw configError(fieldPath(path, "body"), `left out with status ${status}`, body);
  } else headers["content-length"] = String(Buffer.byteLength(body));
  return Object.freeze({ status, headers: Object.freeze(headers), body });
}

function resolveHeaders(input: unknown, path: string): Record<string, string> {
  const headers: Record<string, string> = {};
  if (input === undefined) return headers;
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw configError(path, "an object of header values", input);
  }
  for (const [name, value] of Object.entries(input)) {
    const field = fieldPath(path, name.slice(0, 60));
    const lower = name.toLowerCase();
    if (!token.test(name) || connectionHeaders.has(lower)) {
      throw configError(field, "the name of a header that does not belong to a connection", name);
    }
    if (typeof value !== "string" || !fieldValue.test(value)) {
      throw configError(field, "a header's value, as a string without line breaks", typeof value);
    }
    headers[lower] = value;
  }
  return headers;
}

function resolveBody(
  given: Readonly<Record<string, unknown>>,
  path: string,
  headers: Record<string, string>,
): string {
  const { body, json } = given;
  if (json === undefined) {
    if (body === undefined || typeof body === "string") return body ?? "";
    throw configError(fieldPath(path, "body"), "a string", body);
  }
  const field = fieldPath(path, "json");
  if (body !== undefined)
    throw configError(field, `left out where ${fieldPath(path, "body")} is given`, json);
  const text = writeJson(json);
  if (text === undefined) throw configError(field, "something that can be written as JSON", json);
  headers["content-type"] ??= "application/json";
  return text;
}

function writeJson(value: unknown): string | undefined {
  try {
    const text: unknown = JSON.stringify(value);
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}
