import type { CallRequest, ResponseHeaders } from "../../engine/request.ts";
import { ProxylessError } from "../../errors.ts";
import { statusLine } from "./response.ts";

/** How the body of a successful answer is given to the caller. */
export type ParseAs = "json" | "text" | "arrayBuffer" | "blob" | "stream";

/** A call as errors name it: by its template, because a filled path may hold what nobody should read in a log. */
function callName(request: CallRequest): string {
  return `${request.method} ${request.template ?? request.path}`;
}

/** All chunks as one; copies only when there are several. */
function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function text(chunks: readonly Buffer[]): string {
  if (chunks.length === 0) return "";
  const decoded = joined(chunks).toString();
  return decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/**
 * The body of a 2xx answer. An empty body is `undefined` as JSON and the empty value otherwise.
 * @throws {ProxylessError} `ERR_PROXYLESS_DECODE` when it is not the JSON it should be; the error tells its length and
 * type, never its content
 */
export function decodeData(
  parseAs: Exclude<ParseAs, "stream">,
  chunks: readonly Buffer[],
  status: number,
  headers: ResponseHeaders,
  service: string,
  request: CallRequest,
): unknown {
  switch (parseAs) {
    case "json": {
      const json = text(chunks);
      if (json === "") return undefined;
      try {
        return JSON.parse(json);
      } catch {
        // The parser's own error quotes the body, so it is not kept as the cause.
        throw notJson(service, request, status, headers, chunks);
      }
    }
    case "text":
      return text(chunks);
    case "arrayBuffer":
      return new Uint8Array(joined(chunks)).buffer;
    case "blob":
      return new Blob(
        chunks.map((chunk) => new Uint8Array(chunk)),
        { type: one(headers["content-type"]) ?? "" },
      );
    default:
      return undefined;
  }
}

function notJson(
  service: string,
  request: CallRequest,
  status: number,
  headers: ResponseHeaders,
  chunks: readonly Buffer[],
): ProxylessError {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const type = one(headers["content-type"]) ?? "no content type";
  const encoding = one(headers["content-encoding"]);
  const packed = encoding === undefined ? "" : `, content-encoding ${encoding.slice(0, 40)}`;
  return new ProxylessError(
    "ERR_PROXYLESS_DECODE",
    `${service}: ${callName(request)} answered ${status} with a body that is not JSON (${length} bytes, ${type.slice(0, 100)}${packed})`,
    { service, phase: "body" },
  );
}

/**
 * The body of any other answer: JSON when it is that, text when it is not. An empty body gives the status line, so that
 * an error is never mistaken for a success.
 */
export function decodeError(
  chunks: readonly Buffer[],
  status: number,
  statusText: string,
  keepEmpty: boolean,
): unknown {
  const body = text(chunks);
  if (body === "") return keepEmpty ? undefined : statusLine(status, statusText);
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
