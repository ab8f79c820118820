import { configError } from "@proxyless/core";

/** Writes a date: milliseconds since the Unix epoch. */
export type TimeFormat = (epochMs: number) => string;

/** One part of a date; `shifted` has in its UTC fields what is to be written. */
type Part = (shifted: Date, epochMs: number, offsetMinutes: number) => string;

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = "January February March April May June July August September October November December".split(
  " ",
);

const parts: Readonly<Record<string, Part>> = {
  Y: (date) => String(date.getUTCFullYear()),
  y: (date) => pad(date.getUTCFullYear() % 100),
  m: (date) => pad(date.getUTCMonth() + 1),
  d: (date) => pad(date.getUTCDate()),
  e: (date) => String(date.getUTCDate()).padStart(2),
  j: (date) => pad(dayOfYear(date), 3),
  H: (date) => pad(date.getUTCHours()),
  I: (date) => pad(date.getUTCHours() % 12 || 12),
  p: (date) => (date.getUTCHours() < 12 ? "AM" : "PM"),
  M: (date) => pad(date.getUTCMinutes()),
  S: (date) => pad(date.getUTCSeconds()),
  F: (date) => date.toISOString().slice(0, 10),
  T: (date) => date.toISOString().slice(11, 19),
  a: (date) => (days[date.getUTCDay()] ?? "").slice(0, 3),
  A: (date) => days[date.getUTCDay()] ?? "",
  b: (date) => (months[date.getUTCMonth()] ?? "").slice(0, 3),
  B: (date) => months[date.getUTCMonth()] ?? "",
  s: (_, epochMs) => String(Math.floor(epochMs / 1000)),
  f: (date) => fraction(date, 9),
  z: (_, __, offset) =>
    `${offset < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`,
  Z: (_, __, offset) => (offset === 0 ? "UTC" : ""),
  "%": () => "%",
};

const specifier = /%(?<digits>[1-9]?)(?<letter>[A-Za-z%])?/g;

/**
 * A format of `strftime` with the fractions of Envoy (`%3f`: milliseconds); without one, as in `2026-11-21T13:23:03.120Z`.
 * @param isLocal in the time zone of the process; otherwise in UTC
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a specifier that is not known
 */
export function timeFormat(pattern: string | undefined, isLocal: boolean, field: string): TimeFormat {
  const given = pattern ?? (isLocal ? "%Y-%m-%dT%H:%M:%S.%3f%z" : "%Y-%m-%dT%H:%M:%S.%3fZ");
  const pieces: Part[] = [];
  let at = 0;
  for (const match of given.matchAll(specifier)) {
    const text = given.slice(at, match.index);
    if (text !== "") pieces.push(() => text);
    pieces.push(partOf(match.groups?.["letter"] ?? "", Number(match.groups?.["digits"]), field, match[0]));
    at = match.index + match[0].length;
  }
  const rest = given.slice(at);
  return (epochMs) => {
    const offset = isLocal ? -new Date(epochMs).getTimezoneOffset() : 0;
    const shifted = new Date(epochMs + offset * 60_000);
    return pieces.map((piece) => piece(shifted, epochMs, offset)).join("") + rest;
  };
}

function partOf(letter: string, digits: number, field: string, given: string): Part {
  const part = Object.hasOwn(parts, letter) ? parts[letter] : undefined;
  if (part === undefined || (digits > 0 && letter !== "f")) {
    throw configError(field, `a time format of ${Object.keys(parts).join("")} and %1f to %9f`, given);
  }
  return digits > 0 ? (date) => fraction(date, digits) : part;
}

function fraction(date: Date, digits: number): string {
  return pad(date.getUTCMilliseconds(), 3).padEnd(9, "0").slice(0, digits);
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
}

function pad(n: number, digits = 2): string {
  return String(n).padStart(digits, "0");
}
