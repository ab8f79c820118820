import { headerNamePattern, headerValuePattern } from "../../engine/headers.ts";
import { ProxylessError, show } from "../../errors.ts";

/** Request headers, checked and ready for the wire. */
export interface RequestHeaders {
  /** Name, value, name, value…; names in lower case, each once. */
  readonly list: string[];
  /** The `idempotency-key` header, taken out of the list. */
  idempotencyKey: string | undefined;
  /** The `content-length` header, taken out of the list. */
  contentLength: string | undefined;
}

const edges = /^[\t\n\r ]+|[\t\n\r ]+$/g;

// They belong to one connection or to the framing of one attempt, which are the engine's.
const owned = new Set([
  "connection",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** An empty set of headers. */
export function emptyHeaders(): RequestHeaders {
  return { list: [], idempotencyKey: undefined, contentLength: undefined };
}

/** Whether `text` is a token as HTTP means it: a method or a header name. */
export function isToken(text: string): boolean {
  return headerNamePattern.test(text);
}

/**
 * Adds a header as `Headers.append` does. Headers that belong to the connection are left out.
 * @throws ProxylessError `ERR_PROXYLESS_REQUEST` when name or value cannot stand in a header; the value is never shown
 */
export function appendHeader(headers: RequestHeaders, rawName: string, rawValue: string): void {
  const name = rawName.toLowerCase();
  if (!headerNamePattern.test(name)) {
    throw new ProxylessError("ERR_PROXYLESS_REQUEST", `${show(rawName)} is no legal header name`);
  }
  const value = trim(rawValue);
  if (!headerValuePattern.test(value)) {
    throw new ProxylessError(
      "ERR_PROXYLESS_REQUEST",
      `the value of header ${name} must not contain line breaks, other control characters or characters beyond Latin-1`,
    );
  }
  if (name === "idempotency-key") {
    headers.idempotencyKey = value;
    return;
  }
  if (name === "content-length") {
    if (!/^\d+$/.test(value)) {
      throw new ProxylessError("ERR_PROXYLESS_REQUEST", "the value of header content-length must be digits");
    }
    headers.contentLength = value;
    return;
  }
  if (owned.has(name)) return;
  const { list } = headers;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) {
      list[i + 1] += `${name === "cookie" ? ";" : ","} ${value}`;
      return;
    }
  }
  list.push(name, value);
}

/** Whether the list has a header; `name` in lower case. */
export function hasHeader(list: readonly string[], name: string): boolean {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) return true;
  }
  return false;
}

/** The list without some headers. */
export function withoutHeaders(list: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]!;
    if (!names.has(name)) kept.push(name, list[i + 1]!);
  }
  return kept;
}

/**
 * Reads what WHATWG calls a `HeadersInit`: a `Headers` of any make, a list of pairs, or a plain object.
 * @throws TypeError when it is none of these
 * @throws ProxylessError see {@link appendHeader}
 */
export function readHeaders(init: unknown): RequestHeaders {
  const headers = emptyHeaders();
  if (init === undefined) return headers;
  if (typeof init !== "object" || init === null) {
    throw new TypeError(`headers must be a Headers, an object or a list of pairs, got ${show(init)}`);
  }
  if (isIterable(init)) {
    for (const pair of init) {
      const [name, value] = readPair(pair);
      appendHeader(headers, name, value);
    }
    return headers;
  }
  for (const [name, value] of Object.entries(init)) appendHeader(headers, name, String(value));
  return headers;
}

function readPair(pair: unknown): [string, string] {
  if (typeof pair === "object" && pair !== null && isIterable(pair)) {
    const items = [...pair];
    if (items.length === 2) return [String(items[0]), String(items[1])];
  }
  throw new TypeError("each entry of a list of headers must be a pair of name and value");
}

function isIterable(value: object): value is Iterable<unknown> {
  return Symbol.iterator in value && typeof value[Symbol.iterator] === "function";
}

function trim(value: string): string {
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first <= 32 || last <= 32 ? value.replace(edges, "") : value;
}
