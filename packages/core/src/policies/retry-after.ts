import type { Clock } from "../clock.ts";

const maxRetryAfterMs = 24 * 60 * 60 * 1_000;

const number = /^\d{1,20}(\.\d{1,20})?$/;
const imfFixdate = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
const rfc850Date = /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/;
const asctimeDate = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [\d ]\d \d\d:\d\d:\d\d \d{4}$/;

type HeaderValue = string | readonly string[] | undefined;

/**
 * How long a response asks to wait before the next try, in milliseconds from 0 to 24 hours (longer waits are cut):
 * `retry-after-ms` where there is one, else `retry-after` in seconds or as a date (RFC 9110, sections 10.2.3 and
 * 5.6.7; a date that has passed is 0). Of repeated headers the longest wait counts. `undefined` when there is
 * neither, or nothing legal in them.
 * @param headers by lower-case name
 */
export function retryAfterOf(
  headers: Readonly<Record<string, HeaderValue>>,
  clock: Clock,
): number | undefined {
  return (
    longest(headers["retry-after-ms"], parseNumber) ??
    longest(headers["retry-after"], (value) => parseRetryAfter(value, clock.wallNow()))
  );
}

/** One `Retry-After` value; see {@link retryAfterOf}. */
function parseRetryAfter(value: string, wallNow: number): number | undefined {
  const seconds = parseNumber(value);
  if (seconds !== undefined) return seconds * 1_000;
  const date = parseHttpDate(value);
  return date === undefined ? undefined : Math.max(0, date - wallNow);
}

function parseNumber(value: string): number | undefined {
  return number.test(value) ? Number(value) : undefined;
}

/** `Date.parse` alone takes almost anything for a date, also "-5". */
function parseHttpDate(value: string): number | undefined {
  let time = Number.NaN;
  if (imfFixdate.test(value) || rfc850Date.test(value)) time = Date.parse(value);
  else if (asctimeDate.test(value)) time = Date.parse(`${value} GMT`);
  return Number.isNaN(time) ? undefined : time;
}

function longest(header: HeaderValue, parse: (value: string) => number | undefined): number | undefined {
  if (header === undefined) return undefined;
  let found: number | undefined;
  for (const value of typeof header === "string" ? [header] : header) {
    const ms = parse(value.trim());
    if (ms !== undefined) found = Math.max(found ?? 0, Math.min(ms, maxRetryAfterMs));
  }
  return found;
}
