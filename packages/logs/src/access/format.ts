import { configError } from "@proxyless/core";
import { isRecord } from "@proxyless/core/discovery";

import { readerOf } from "./commands.ts";
import type { LoggedCall, Reader } from "./logged-call.ts";
import { parseFormat } from "./parse.ts";

/** Envoy's own format of access logs. */
export const envoyFormat: string = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n`;

/** Fields of a JSON line: a format for each, or fields of their own. */
export interface JsonFormat {
  readonly [field: string]: string | JsonFormat;
}

/** What is known of a call, as JSON, with the names that Istio gives it. */
export const jsonFormat: JsonFormat = {
  start_time: "%START_TIME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(:PATH)%",
  response_code: "%RESPONSE_CODE%",
  response_flags: "%RESPONSE_FLAGS%",
  response_code_details: "%RESPONSE_CODE_DETAILS%",
  protocol: "%PROTOCOL%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  authority: "%REQ(:AUTHORITY)%",
  upstream_cluster: "%UPSTREAM_CLUSTER%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_request_attempt_count: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  route_name: "%ROUTE_NAME%",
  trace_id: "%TRACE_ID%",
  span_id: "%SPAN_ID%",
};

/** Makes a line of a call, with its end. */
export type LineFormat = (call: LoggedCall) => string;

/**
 * A format as it was configured, ready for use: text, or fields of JSON.
 * @param omitEmpty leaves out what is not known, in place of `-` in text and `null` in JSON
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` with the field at fault
 */
export function lineFormat(format: unknown, omitEmpty: boolean, field: string): LineFormat {
  if (typeof format === "string") return textFormat(format, omitEmpty, field);
  const fields = jsonFields(format, omitEmpty, field, 1);
  return (call) => `${JSON.stringify(fields(call))}\n`;
}

function textFormat(format: string, omitEmpty: boolean, field: string): LineFormat {
  const write = textOf(format, omitEmpty ? "" : "-", field, escaped);
  return format.endsWith("\n") ? write : (call) => `${write(call)}\n`;
}

function textOf(format: string, empty: string, field: string, escape: (text: string) => string): LineFormat {
  const pieces = parseFormat(format, field).map((piece) =>
    typeof piece === "string" ? piece : readerOf(piece, field),
  );
  return (call) => {
    let line = "";
    for (const piece of pieces) {
      line += typeof piece === "string" ? piece : escape(String(piece(call) ?? empty));
    }
    return line;
  };
}

type JsonFields = (call: LoggedCall) => Record<string, unknown>;

const MAX_DEPTH = 5;

function jsonFields(format: unknown, omitEmpty: boolean, field: string, depth: number): JsonFields {
  if (!isRecord(format)) throw configError(field, "a text, or an object of texts by field", format);
  if (depth > MAX_DEPTH) throw configError(field, `at most ${MAX_DEPTH} objects deep`, format);
  const readers = Object.entries(format).map(
    ([key, value]) => [key, jsonReader(value, omitEmpty, `${field}.${key}`, depth)] as const,
  );
  return (call) => {
    const entries = readers.map(([key, read]) => [key, read(call)] as const);
    return Object.fromEntries(omitEmpty ? entries.filter(([, value]) => value !== null) : entries);
  };
}

/** A command alone keeps its type, as in Envoy: a number is no text. */
function jsonReader(
  format: unknown,
  omitEmpty: boolean,
  field: string,
  depth: number,
): (call: LoggedCall) => unknown {
  if (typeof format !== "string") return jsonFields(format, omitEmpty, field, depth + 1);
  const [first, ...rest] = parseFormat(format, field);
  if (typeof first === "object" && rest.length === 0) {
    const read: Reader = readerOf(first, field);
    return (call) => read(call) ?? null;
  }
  return textOf(format, omitEmpty ? "" : "-", field, (text) => text);
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const unsafe = /["\\\u0000-\u001f\u007f]/g;

/** What is said of a call can neither end its line nor its quotes. */
function escaped(text: string): string {
  return text.replaceAll(unsafe, (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`);
}
