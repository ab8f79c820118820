import { ProxylessError, show } from "../../errors.ts";

/** A request that cannot be written as HTTP; `message` never holds a header's value. */
export function requestError(message: string, cause?: unknown): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_REQUEST", message, cause === undefined ? {} : { cause });
}

const unreserved = /^[\w.~-]*$/;

/**
 * Percent-encodes everything but unreserved characters and `!'()*`, so that the result cannot end a path segment, a
 * query parameter or the request line. Lone surrogates become U+FFFD, as in a WHATWG URL.
 */
export function encodeComponent(text: string): string {
  // Most values are ids and words: the test is several times cheaper than encoding.
  return unreserved.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

const escapedReserved = /%(?:3A|2F|3F|40|24|2C|3B|3D|5B|5D)/g;

/**
 * As {@link encodeComponent}, but `: / ? @ $ , ; = [ ]` stay as they are. `&` and `+` are still encoded because they
 * would change what a server reads, `#` because a request target cannot hold it.
 */
export function encodeAllowingReserved(text: string): string {
  return encodeComponent(text).replace(escapedReserved, decodeURIComponent);
}

/**
 * The text of one scalar: strings, finite numbers, bigints, booleans and valid dates (ISO 8601).
 * @param what names the value in the error, such as `query parameter "page"`
 * @throws {ProxylessError} `ERR_PROXYLESS_REQUEST` for anything else
 */
export function scalarText(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" ? Number.isFinite(value) : typeof value === "boolean") return String(value);
  if (typeof value === "bigint") return String(value);
  const invalidDate = value instanceof Date && Number.isNaN(value.getTime());
  if (value instanceof Date && !invalidDate) return value.toISOString();
  const got = invalidDate ? "an invalid date" : show(value);
  throw requestError(`${what} must be text, a finite number, a boolean or a date, got ${got}`);
}

/** Whether the value is a list or an object, which are written in pieces; a date is not. */
export function isCompound(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Date);
}

/** The scalars of a list; `undefined` and `null` are left out. */
export function listTexts(values: readonly unknown[], what: string): string[] {
  const texts: string[] = [];
  for (const value of values) {
    if (value !== undefined && value !== null) texts.push(scalarText(value, what));
  }
  return texts;
}

/** Name and text of an object's own members; those that are `undefined` or `null` are left out. */
export function memberTexts(value: object, what: string): [name: string, text: string][] {
  const members: [string, string][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined && member !== null) members.push([name, scalarText(member, what)]);
  }
  return members;
}
