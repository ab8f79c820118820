import type { ChoiceField, FlagField, Json, ListField, NumberField, TextField } from "../field.ts";

type More<F> = Partial<Omit<F, "kind" | "description">>;

/** The longest a timer of Node can wait. */
export const maxTimerMs: number = 2 ** 31 - 1;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;
/** The name of a header, a cookie or a method (RFC 9110, `token`). */
export const tokenPattern = "^[\\w!#$%&'*+.^`\\|~\\-]{1,256}$";

export function number(description: string, min: number, max: number, more?: More<NumberField>): NumberField {
  return { kind: "number", description, min, max, ...more };
}

export function count(description: string, min: number, max: number, more?: More<NumberField>): NumberField {
  return number(description, min, max, { integer: true, ...more });
}

/** Above 0, at most 1. */
export function share(description: string, more?: More<NumberField>): NumberField {
  return number(description, 0, 1, { above: true, ...more });
}

/** Milliseconds that a timer can wait. */
export function timer(description: string, more?: More<NumberField>): NumberField {
  return number(description, 1, maxTimerMs, more);
}

export function flag(description: string, standard?: boolean): FlagField {
  return { kind: "flag", description, default: standard };
}

export function choice(description: string, of: readonly Json[], more?: More<ChoiceField>): ChoiceField {
  return { kind: "choice", description, of, ...more };
}

export function choices(description: string, of: readonly Json[], standard?: readonly Json[]): ListField {
  return { kind: "list", description, of: choice("One of them.", of), default: standard };
}

export function text(description: string, pattern?: string, more?: More<TextField>): TextField {
  return { kind: "text", description, pattern, ...more };
}

export function statuses(description: string, standard?: readonly number[], min = 400): ListField {
  return {
    kind: "list",
    description,
    of: number("A status.", min, 599, { integer: true }),
    default: standard,
  };
}

/** Names of headers. */
export function headerNames(description: string): ListField {
  return { kind: "list", description, of: text("The name of a header, in any case.", tokenPattern) };
}

/** A regular expression for a word in any case: JSON Schema has no flags. */
export function anyCase(word: string): string {
  return Array.from(word, (letter) =>
    /[a-z]/.test(letter) ? `[${letter}${letter.toUpperCase()}]` : letter,
  ).join("");
}
