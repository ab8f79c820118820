import { configError } from "../errors.ts";
import { isRecord } from "../is-record.ts";

/** A whole number within a range, or the default when absent. */
export function wholeNumber(
  field: string,
  value: unknown,
  fallback: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw configError(field, `a whole number from ${min} to ${max}`, value);
  }
  return value;
}

/** A non-empty line of text without control characters, or `undefined` when absent. */
export function optionalText(field: string, value: unknown): string | undefined {
  return value === undefined ? undefined : text(field, value);
}

/** A non-empty line of text without control characters. */
export function text(field: string, value: unknown): string {
  if (typeof value !== "string" || value === "" || hasControlCharacter(value)) {
    throw configError(field, "a non-empty string without control characters", value);
  }
  return value;
}

/** One of a list of words, or the default when absent. */
export function oneOf<T extends string>(field: string, value: unknown, words: readonly T[], fallback: T): T {
  if (value === undefined) return fallback;
  const found = words.find((word) => word === value);
  if (found === undefined) throw configError(field, `one of ${words.join(", ")}`, value);
  return found;
}

/** An object as a caller gives options; anything else is refused. */
export function record(field: string, value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw configError(field, "an object", value);
  return value;
}

/** Refuses options that do not exist, so that a misspelt one is not silently the default. */
export function knownKeys(field: string, value: object, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw configError(field === "" ? key : `${field}.${key}`, `absent (known: ${known.join(", ")})`, key);
    }
  }
}

function hasControlCharacter(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
