import type { RequestBody } from "../../engine/request.ts";
import { ProxylessError, show } from "../../errors.ts";
import { collectBody } from "./collect-body.ts";
import { readCallOptions } from "./fetch-init.ts";
import type { FetchCallOptions } from "./fetch-init.ts";
import { extractBody, refuseUsed } from "./request-body.ts";
import { hasHeader, isToken, readHeaders } from "./request-headers.ts";
import type { RequestHeaders } from "./request-headers.ts";
import { parseTarget } from "./request-url.ts";
import type { TargetUrl } from "./request-url.ts";

/** Everything one hop of a fetch needs. */
export interface RequestPlan {
  readonly url: TargetUrl;
  readonly method: string;
  readonly headers: readonly string[];
  readonly body: RequestBody | null;
  /** The body can be sent only once. */
  readonly oneShot: boolean;
  /** Ends a body that was not sent. */
  readonly discardBody: ((reason: unknown) => void) | undefined;
  readonly redirect: "follow" | "manual" | "error";
  readonly signal: AbortSignal | undefined;
  readonly idempotencyKey: string | undefined;
  readonly options: FetchCallOptions | undefined;
  /** A dispatcher given with the call; only hosts that are no service may use it. */
  readonly dispatcher: unknown;
  /** How many redirects led here. */
  readonly redirects: number;
  /** When the time of the whole call is over, by the mesh's clock; known as soon as a service redirects. */
  readonly deadline: number | undefined;
}

const normalised = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
const forbidden = new Set(["CONNECT", "TRACE", "TRACK"]);

/**
 * Puts `input` and `init` together as WHATWG's `Request` constructor does; `null` for schemes without a network.
 * A promise only where the body of a `Request` must be read first.
 * @throws TypeError and ProxylessError for what is malformed; see {@link createFetch}
 */
export function planRequest(input: unknown, init: unknown): RequestPlan | null | Promise<RequestPlan> {
  if (init !== undefined && init !== null && typeof init !== "object") {
    throw new TypeError(`the second argument of fetch must be an object, got ${show(init)}`);
  }
  const given: RequestInit & { mesh?: unknown; dispatcher?: unknown; duplex?: unknown } = init ?? {};
  const source = isRequestLike(input) ? input : undefined;
  const url = parseTarget(source === undefined ? String(input) : source.url);
  if (url === null) return null;

  const method = readMethod(given.method ?? source?.method);
  const headers = readHeaders(given.headers ?? source?.headers);
  const options = readCallOptions(given.mesh);
  const signal = readSignal(given.signal === undefined ? source?.signal : given.signal);
  const redirect = readRedirect(given.redirect ?? source?.redirect);
  if (given.integrity !== undefined && given.integrity !== "") {
    throw new ProxylessError("ERR_PROXYLESS_REQUEST", "init.integrity is not supported by mesh.fetch");
  }
  const { dispatcher } = given;
  const seed = { url, method, redirect, signal, options, dispatcher, redirects: 0, deadline: undefined };

  if (given.body !== undefined && given.body !== null) {
    refuseBodyOf(method);
    const { body, contentType, length, oneShot, discard } = extractBody(given.body);
    if (oneShot && given.duplex !== "half") {
      throw new TypeError('a stream as request body needs the option duplex: "half"');
    }
    if (contentType !== undefined && !hasHeader(headers.list, "content-type")) {
      headers.list.push("content-type", contentType);
    }
    finish(headers, url, length);
    return { ...seed, ...own(headers, options), body, oneShot, discardBody: discard };
  }
  const stream = source?.body;
  if (stream !== undefined && stream !== null && given.body === undefined) {
    refuseBodyOf(method);
    refuseUsed(stream);
    return collectBody(stream).then(({ body, oneShot, discard }) => {
      finish(headers, url, oneShot ? undefined : 0);
      return { ...seed, ...own(headers, options), body, oneShot, discardBody: discard };
    });
  }
  finish(headers, url, 0);
  return { ...seed, ...own(headers, options), body: null, oneShot: false, discardBody: undefined };
}

/**
 * The defaults, as Node's own fetch sends them without those that mean nothing outside a browser. A length is sent
 * for streams only, where the caller or the kind of body knows it; the engine knows the others.
 */
function finish(headers: RequestHeaders, url: TargetUrl, length: number | undefined): void {
  const { list } = headers;
  if (!hasHeader(list, "accept")) list.push("accept", "*/*");
  if (!hasHeader(list, "accept-encoding")) {
    const codings = url.protocol === "https:" ? "br, gzip, deflate" : "gzip, deflate";
    // Part of a coded body cannot be decoded.
    list.push("accept-encoding", hasHeader(list, "range") ? "identity" : codings);
  }
  if (!hasHeader(list, "user-agent")) list.push("user-agent", "proxyless");
  const known = length === undefined ? headers.contentLength : length > 0 ? String(length) : undefined;
  if (known !== undefined) list.push("content-length", known);
}

function own(
  headers: RequestHeaders,
  options: FetchCallOptions | undefined,
): { readonly headers: readonly string[]; readonly idempotencyKey: string | undefined } {
  return { headers: headers.list, idempotencyKey: options?.idempotencyKey ?? headers.idempotencyKey };
}

function readMethod(value: unknown): string {
  if (value === undefined) return "GET";
  const method = typeof value === "string" ? value : show(value);
  if (normalised.has(method)) return method;
  if (!isToken(method)) throw new TypeError(`${show(method)} is not a valid HTTP method.`);
  const upper = method.toUpperCase();
  if (forbidden.has(upper)) throw new TypeError(`${show(method)} HTTP method is unsupported.`);
  return normalised.has(upper) ? upper : method;
}

function refuseBodyOf(method: string): void {
  if (method === "GET" || method === "HEAD") {
    throw new TypeError("Request with GET/HEAD method cannot have body.");
  }
}

function readRedirect(value: unknown): "follow" | "manual" | "error" {
  if (value === undefined || value === "follow") return "follow";
  if (value === "manual" || value === "error") return value;
  throw new TypeError(`redirect must be "follow", "manual" or "error", got ${show(value)}`);
}

function readSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value === null) return undefined;
  if (isSignal(value)) return value;
  throw new TypeError(`signal must be an AbortSignal, got ${show(value)}`);
}

function isSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === "object" &&
    value !== null &&
    "aborted" in value &&
    "addEventListener" in value &&
    typeof value.addEventListener === "function"
  );
}

/** The global `Request`, undici's, or anything that looks like one. */
function isRequestLike(value: unknown): value is Request {
  return (
    typeof value === "object" &&
    value !== null &&
    "url" in value &&
    typeof value.url === "string" &&
    "method" in value &&
    typeof value.method === "string"
  );
}
