import { stringify } from "node:querystring";
import { Readable } from "node:stream";
import { isAnyArrayBuffer } from "node:util/types";

import type { CallRequest, RequestBody } from "../../engine/request.ts";
import { ProxylessError, show } from "../../errors.ts";
import { toBytes } from "../fetch/request-body.ts";
import { appendHeader, emptyHeaders, hasHeader, isToken } from "../fetch/request-headers.ts";
import type { RequestHeaders } from "../fetch/request-headers.ts";
import { encodeMultipart, isFormData } from "../multipart.ts";
import { withoutSecrets } from "../without-secrets.ts";

/** What undici's `dispatch` takes, as far as a governed call reads it; all of it unchecked. */
export interface DispatchInput {
  readonly origin?: unknown;
  readonly path?: unknown;
  readonly method?: unknown;
  readonly query?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly idempotent?: unknown;
  readonly upgrade?: unknown;
}

/** Where a dispatch goes. */
export interface DispatchTarget {
  /** `http:` or `https:` */
  readonly protocol: string;
  /** Host name, with the port when it is not the protocol's own. */
  readonly host: string;
}

const maxCachedOrigins = 1000;
const targets = new Map<string, DispatchTarget>();
const invalidPath = /[^\u0021-\u00ff]/;

/** @throws ProxylessError `ERR_PROXYLESS_REQUEST` when `origin` is missing or no http(s) origin */
export function readTarget(origin: unknown): DispatchTarget {
  if (origin instanceof URL) return checked(origin, origin.origin);
  const text = typeof origin === "object" && origin !== null && "origin" in origin ? origin.origin : origin;
  if (typeof text !== "string" || text === "") {
    throw requestError(`opts.origin must be an http: or https: origin, got ${show(origin)}`);
  }
  let target = targets.get(text);
  if (target === undefined) {
    if (!URL.canParse(text)) {
      throw requestError(`opts.origin must be an http: or https: origin, got ${show(withoutSecrets(text))}`);
    }
    target = checked(new URL(text), text);
    if (targets.size >= maxCachedOrigins) targets.clear();
    targets.set(text, target);
  }
  return target;
}

/**
 * Translates undici's options into a call. `idempotent: true` vouches for the request; `headersTimeout`, `bodyTimeout`,
 * `blocking`, `reset`, `expectContinue` and `typeOfService` are left to the service's policies.
 * @throws ProxylessError `ERR_PROXYLESS_REQUEST` naming what is malformed
 */
export function readRequest(input: DispatchInput, signal: AbortSignal): CallRequest {
  const { method, upgrade } = input;
  if (typeof method !== "string" || !isToken(method)) {
    throw requestError(`opts.method must be an HTTP method, got ${show(method)}`);
  }
  if (method === "CONNECT" || (upgrade !== undefined && upgrade !== null && upgrade !== false)) {
    throw requestError("CONNECT and upgrades are not supported for services of the mesh");
  }
  const headers = readHeaders(input.headers);
  const body = readBody(input.body, headers);
  return {
    method,
    path: readPath(input.path, input.query),
    headers: headers.list,
    body,
    signal,
    retry: input.idempotent === true ? { idempotent: true } : undefined,
    idempotencyKey: headers.idempotencyKey,
  };
}

function checked(url: URL, shown: string): DispatchTarget {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw requestError(`opts.origin must be an http: or https: origin, got ${show(withoutSecrets(shown))}`);
  }
  return { protocol: url.protocol, host: url.host };
}

function readPath(path: unknown, query: unknown): string {
  let text = typeof path === "string" ? path : "";
  if (text.startsWith("http://") || text.startsWith("https://")) {
    // The absolute form is for proxies; a service wants the rest of it.
    text = text.slice(text.indexOf("/", text.indexOf("//") + 2));
  }
  if (!text.startsWith("/") || invalidPath.test(text)) {
    throw requestError(
      `opts.path must begin with a slash and hold no spaces or control characters, got ${show(typeof path === "string" ? withoutSecrets(path) : path)}`,
    );
  }
  if (query === undefined || query === null) return text;
  if (text.includes("?") || text.includes("#")) {
    throw requestError("opts.query cannot be used when opts.path has a query already");
  }
  const encoded = typeof query === "object" ? stringify({ ...query }) : "";
  return encoded === "" ? text : `${text}?${encoded}`;
}

function readHeaders(value: unknown): RequestHeaders {
  const headers = emptyHeaders();
  if (value === undefined || value === null) return headers;
  if (typeof value !== "object")
    throw requestError(`opts.headers must be an object or an array, got ${show(value)}`);
  if (Array.isArray(value) && !Array.isArray(value[0])) {
    if (value.length % 2 !== 0)
      throw requestError("opts.headers as an array must hold names and values in turn");
    for (let i = 0; i < value.length; i += 2) append(headers, value[i], value[i + 1]);
  } else if (isSyncIterable(value)) {
    for (const pair of value) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw requestError("opts.headers must give pairs of name and value");
      }
      append(headers, pair[0], pair[1]);
    }
  } else {
    for (const [name, one] of Object.entries(value)) append(headers, name, one);
  }
  return headers;
}

function append(headers: RequestHeaders, name: unknown, value: unknown): void {
  if (value === undefined) return;
  if (Array.isArray(value)) {
    for (const one of value) append(headers, name, one ?? "");
    return;
  }
  const key = asText(name);
  if (
    value !== null &&
    (typeof value === "object" || typeof value === "function" || typeof value === "symbol")
  ) {
    if (!(value instanceof Uint8Array))
      throw requestError(`the value of header ${show(key)} must be a string`);
  }
  appendHeader(headers, key, value === null ? "" : asText(value));
}

// Headers taken from another response may be bytes.
function asText(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
}

function readBody(body: unknown, headers: RequestHeaders): RequestBody | null {
  if (body === undefined || body === null || body === "") return null;
  if (typeof body === "string") return body;
  if (typeof body === "object") {
    if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    if (isAnyArrayBuffer(body)) return new Uint8Array(body);
    if (isFormData(body)) {
      const form = encodeMultipart(body);
      addDefaults(headers, form.contentType, typeof form.body === "string" ? undefined : form.length);
      return form.body;
    }
    if (body instanceof Blob) {
      addDefaults(headers, body.type, body.size);
      return () => body.stream();
    }
    if (isIterable(body)) {
      if (headers.contentLength !== undefined) headers.list.push("content-length", headers.contentLength);
      return toBytes(body);
    }
  }
  throw requestError(
    `opts.body must be a string, bytes, a stream, an iterable or a FormData, got ${show(body)}`,
  );
}

function addDefaults(headers: RequestHeaders, contentType: string, length: number | undefined): void {
  if (contentType !== "" && !hasHeader(headers.list, "content-type")) {
    headers.list.push("content-type", contentType);
  }
  if (length !== undefined) headers.list.push("content-length", String(length));
}

/** Ends a request's body stream that nobody will read any more. */
export function destroyBody(body: unknown, error: unknown): void {
  if (!(body instanceof Readable) || body.destroyed) return;
  body.once("error", () => undefined);
  body.destroy(error instanceof Error ? error : undefined);
}

function isIterable(value: object): value is AsyncIterable<unknown> | Iterable<unknown> {
  return (
    (Symbol.asyncIterator in value && typeof value[Symbol.asyncIterator] === "function") ||
    isSyncIterable(value)
  );
}

function isSyncIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && typeof value[Symbol.iterator] === "function";
}

function requestError(message: string): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_REQUEST", message);
}
