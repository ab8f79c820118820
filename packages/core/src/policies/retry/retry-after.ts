import type { Clock } from "../../clock.ts";

const maxRetryAfterMs = 24 * 60 * 60 * 1_000;

const number = /^\d{1,20}(\.\d{1,20})?$/;
const imfFixdate = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
const rfc850Date = /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/;
const asctimeDate = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [\d ]\d \d\d:\d\d:\d\d \d{4}$/;

type HeaderValue = string | readonly string[] | undefined;

/** Headers in which responses say how long to wait; `retry-after` stands for `retry-after-ms` too. */
export const resetHeaders = ["retry-after", "x-ratelimit-reset", "ratelimit-reset"] as const;

export type ResetHeader = (typeof resetHeaders)[number];

const retryAfterOnly: readonly ResetHeader[] = ["retry-after"];
/** A number above this is a time, not a wait: seconds since 1970, as most APIs have it in `x-ratelimit-reset`. */
const epochSeconds = 1_000_000_000;

/**
 * How long a response asks to wait before the next try, in milliseconds from 0 to 24 hours (longer waits are cut):
 * `retry-after-ms` where there is one, else `retry-after` in seconds or as a date (RFC 9110, sections 10.2.3 and
 * 5.6.7; a date that has passed is 0). Of repeated headers the longest wait counts. `undefined` when there is
 * neither, or nothing legal in them. The `reset` headers are in seconds, or in seconds since 1970.
 * @param headers by lower-case name
 * @param read which headers are read; the first that says something counts
 */
export function retryAfterOf(
  headers: Readonly<Record<string, HeaderValue>>,
  clock: Clock,
  read: readonly ResetHeader[] = retryAfterOnly,
): number | undefined {
  for (const name of read) {
    const found =
      name === "retry-after"
        ? (longest(headers["retry-after-ms"], parseNumber) ??
          longest(headers[name], (value) => parseRetryAfter(value, clock.wallNow())))
        : longest(headers[name], (value) => parseReset(value, clock.wallNow()));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The IETF draft's `RateLimit-Reset` may have parameters; what comes before them is the number. */
function parseReset(value: string, wallNow: number): number | undefined {
  const seconds = parseNumber(value.split(";", 1)[0]!.trim());
  if (seconds === undefined) return undefined;
  return Math.max(0, seconds > epochSeconds ? seconds * 1_000 - wallNow : seconds * 1_000);
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
