import { connectionHeaders, headerNamePattern, headerValuePattern } from "../../engine/headers.ts";
import { show } from "../../errors.ts";
import { isCompound, listTexts, memberTexts, requestError, scalarText } from "./encode.ts";

/** One header: `null` removes what the client set, a list is sent as repeated headers, `undefined` changes nothing. */
type HeaderValue = string | number | boolean | readonly (string | number | boolean)[] | null | undefined;

/** Headers as a plain object, `Headers` or pairs. */
export type HeadersInput = Readonly<Record<string, HeaderValue>> | Iterable<readonly [string, string]>;

const maxKnownNames = 500;
const knownNames = new Map<string, string>();

/** The lower-case name, checked once per spelling. */
function headerName(name: string): string {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (typeof name !== "string" || !headerNamePattern.test(name))
    throw requestError(`header name ${show(name)} holds characters HTTP does not allow`);
  const lower = name.toLowerCase();
  if (connectionHeaders.has(lower)) throw requestError(`header "${lower}" is set by the mesh itself`);
  if (knownNames.size < maxKnownNames) knownNames.set(name, lower);
  return lower;
}

/** The value as it goes on the wire; the error names the header and never shows the value. */
export function headerValue(name: string, value: unknown): string {
  const text = typeof value === "string" ? value : scalarText(value, `header "${name}"`);
  if (!headerValuePattern.test(text)) {
    throw requestError(
      `header "${name}" holds a line break, a control character or one that is not in Latin-1`,
    );
  }
  return text;
}

/** Where `name` stands in a flat list, or -1. */
function indexOf(list: readonly string[], name: string): number {
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] === name) return i;
  }
  return -1;
}

/** The value of the first header of that name in a flat list. */
export function headerOf(list: readonly string[], name: string): string | undefined {
  const at = indexOf(list, name);
  return at === -1 ? undefined : list[at + 1];
}

function remove(list: string[], name: string): void {
  for (let at = indexOf(list, name); at !== -1; at = indexOf(list, name)) list.splice(at, 2);
}

/** Sets one header of a flat list, in place of all of that name. */
export function setHeader(list: string[], name: string, value: string): void {
  const at = indexOf(list, name);
  if (at === -1) {
    list.push(name, value);
    return;
  }
  remove(list, name);
  list.push(name, value);
}

/**
 * Writes `input` over the flat list `list`, in place.
 * @throws {ProxylessError} `ERR_PROXYLESS_REQUEST` for a name or value HTTP cannot carry
 */
export function applyHeaders(list: string[], input: HeadersInput): void {
  if (typeof input !== "object" || input === null) {
    throw requestError(`headers must be an object, Headers or pairs, got ${show(input)}`);
  }
  if (isPairs(input)) {
    applyPairs(list, input);
    return;
  }
  for (const key of Object.keys(input)) {
    const value = input[key];
    if (value === undefined) continue;
    const name = headerName(key);
    if (value === null) remove(list, name);
    else if (isList(value)) {
      remove(list, name);
      for (const item of value) list.push(name, headerValue(name, item));
    } else setHeader(list, name, headerValue(name, value));
  }
}

/** Pairs may repeat a name: the first one replaces what the client set, the others join it. */
function applyPairs(list: string[], pairs: Iterable<readonly [string, string]>): void {
  const seen = new Set<string>();
  for (const [key, value] of pairs) {
    const name = headerName(key);
    if (!seen.has(name)) remove(list, name);
    seen.add(name);
    list.push(name, headerValue(name, value));
  }
}

function isPairs(input: HeadersInput): input is Iterable<readonly [string, string]> {
  return Symbol.iterator in input;
}

function isList(value: NonNullable<HeaderValue>): value is readonly (string | number | boolean)[] {
  return Array.isArray(value);
}

/** Header parameters of an operation, in OpenAPI's simple style: lists and objects are joined by commas. */
export function applyHeaderParams(list: string[], params: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(params)) {
    const value = params[key];
    if (value === undefined || value === null) continue;
    const name = headerName(key);
    const what = `header "${name}"`;
    const text = Array.isArray(value)
      ? listTexts(value, what).join(",")
      : isCompound(value)
        ? memberTexts(value, what).join(",")
        : value;
    setHeader(list, name, headerValue(name, text));
  }
}

const cookieOctets = /[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]/gu;

/** Cookie parameters, joined to a `cookie` header that may be there; what a cookie cannot hold is percent-encoded. */
export function applyCookieParams(list: string[], params: Readonly<Record<string, unknown>>): void {
  let cookies = headerOf(list, "cookie") ?? "";
  for (const name of Object.keys(params)) {
    const value = params[name];
    if (value === undefined || value === null) continue;
    if (!headerNamePattern.test(name))
      throw requestError(`cookie name ${show(name)} holds characters HTTP does not allow`);
    const what = `cookie "${name}"`;
    const texts = Array.isArray(value)
      ? listTexts(value, what)
      : isCompound(value)
        ? memberTexts(value, what).flat()
        : [scalarText(value, what)];
    const pair = `${name}=${texts.map(encodeCookie).join(",")}`;
    cookies = cookies === "" ? pair : `${cookies}; ${pair}`;
  }
  if (cookies !== "") setHeader(list, "cookie", cookies);
}

function encodeCookie(text: string): string {
  return text.replace(cookieOctets, (char) => encodeURIComponent(char.toWellFormed()));
}
