import type { Sliceable } from "../discovery/slices.ts";

/** So much text is parsed in one piece. */
const PIECE = 16_384;
/** What is nested deeper is parsed at once: no registry writes so. */
const MAX_DEPTH = 32;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * What `JSON.parse` makes of a text, piece by piece.
 * @param piece how many characters are parsed in one
 * @throws SyntaxError that of `JSON.parse`, for a text that is no JSON
 */
export function* parsePieces(text: string, piece: number = PIECE): Sliceable<unknown> {
  if (text.length <= piece) return JSON.parse(text);
  try {
    return yield* new PieceParser(text, piece).parse();
  } catch {
    // No JSON, or nested too deep: either way this says what it is.
    return JSON.parse(text);
  }
}

/** Where a text is not what was expected. */
const unexpected = new SyntaxError("this is no JSON that is parsed in pieces");

/**
 * Finds where values end, and leaves the small ones to `JSON.parse`, as many at a time as are a piece. What is larger than that is
 * taken apart.
 */
class PieceParser {
  readonly #text: string;
  readonly #piece: number;
  #at = 0;

  constructor(text: string, piece: number) {
    this.#text = text;
    this.#piece = piece;
  }

  *parse(): Sliceable<unknown> {
    this.#skipSpace();
    const value = yield* this.#value(0);
    this.#skipSpace();
    if (this.#at !== this.#text.length) throw unexpected;
    return value;
  }

  *#value(depth: number): Sliceable<unknown> {
    const from = this.#at;
    const end = this.#endOf(from);
    if (end !== undefined) {
      this.#at = end;
      return JSON.parse(this.#text.slice(from, end));
    }
    if (depth === MAX_DEPTH) throw unexpected;
    yield;
    return this.#text.charCodeAt(from) === openBracket
      ? yield* this.#array(depth)
      : yield* this.#object(depth);
  }

  *#array(depth: number): Sliceable<unknown[]> {
    const values: unknown[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(closeBracket)) return values;
    for (;;) {
      const from = this.#at;
      const end = this.#endOfSome(from);
      if (end === from) values.push(yield* this.#value(depth + 1));
      else {
        this.#at = end;
        const some: unknown = JSON.parse(`[${this.#text.slice(from, end)}]`);
        if (Array.isArray(some)) for (const value of some) values.push(value);
        yield;
      }
      this.#skipSpace();
      if (this.#take(closeBracket)) return values;
      if (!this.#take(comma)) throw unexpected;
      this.#skipSpace();
    }
  }

  *#object(depth: number): Sliceable<Record<string, unknown>> {
    const members: [string, unknown][] = [];
    this.#at++;
    this.#skipSpace();
    let since = this.#at;
    while (!this.#take(closeBrace)) {
      if (members.length > 0) {
        if (!this.#take(comma)) throw unexpected;
        this.#skipSpace();
      }
      const from = this.#at;
      this.#at = this.#endOfString(from);
      const name: unknown = JSON.parse(this.#text.slice(from, this.#at));
      this.#skipSpace();
      if (typeof name !== "string" || !this.#take(colon)) throw unexpected;
      this.#skipSpace();
      members.push([name, yield* this.#value(depth + 1)]);
      this.#skipSpace();
      if (this.#at - since < this.#piece) continue;
      since = this.#at;
      yield;
    }
    return Object.fromEntries(members);
  }

  /** Where the last of the elements ends that are a piece together; `from` where the first is larger than that. */
  #endOfSome(from: number): number {
    const last = from + this.#piece;
    let end = from;
    let next = from;
    while (next < last) {
      const found = this.#endOf(next);
      if (found === undefined) return end;
      end = found;
      next = this.#pastSpace(end);
      if (this.#text.charCodeAt(next) !== comma) return end;
      next = this.#pastSpace(next + 1);
    }
    return end;
  }

  /** Where a value ends; undefined for an object or an array that does not within a piece. */
  #endOf(from: number): number | undefined {
    const text = this.#text;
    const first = text.charCodeAt(from);
    if (first === quote) return this.#endOfString(from);
    if (first !== openBrace && first !== openBracket) return this.#endOfBare(from);
    const last = Math.min(text.length, from + this.#piece);
    let depth = 0;
    for (let at = from; at < last; at++) {
      const unit = text.charCodeAt(at);
      if (unit === quote) at = this.#endOfString(at) - 1;
      else if (unit === openBrace || unit === openBracket) depth++;
      else if ((unit === closeBrace || unit === closeBracket) && --depth === 0) return at + 1;
    }
    return undefined;
  }

  #endOfString(from: number): number {
    const text = this.#text;
    if (text.charCodeAt(from) !== quote) throw unexpected;
    for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
      let escapes = 0;
      while (text.charCodeAt(at - 1 - escapes) === backslash) escapes++;
      if (escapes % 2 === 0) return at + 1;
    }
    throw unexpected;
  }

  /** Numbers and words. */
  #endOfBare(from: number): number {
    let at = from;
    while (at < this.#text.length && isOfBare(this.#text.charCodeAt(at))) at++;
    if (at === from) throw unexpected;
    return at;
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    this.#at = this.#pastSpace(this.#at);
  }

  #pastSpace(from: number): number {
    let at = from;
    for (let unit = this.#text.charCodeAt(at); isSpace(unit); unit = this.#text.charCodeAt(at)) at++;
    return at;
  }
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

function isOfBare(unit: number): boolean {
  return unit !== comma && unit !== closeBracket && unit !== closeBrace && !isSpace(unit);
}
