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
 * @param text whole, or as it came: cut anywhere, and never put together while it is read
 * @param piece how many characters are parsed in one
 * @throws SyntaxError that of `JSON.parse`, for a text that is no JSON
 */
export function* parsePieces(text: string | readonly string[], piece: number = PIECE): Sliceable<unknown> {
  const texts = typeof text === "string" ? [text] : text;
  if (isShort(texts, piece)) return JSON.parse(texts.join(""));
  try {
    return yield* new PieceParser(texts, piece).parse();
  } catch {
    // No JSON, or nested too deep: either way this says what it is.
    return JSON.parse(texts.join(""));
  }
}

function isShort(texts: readonly string[], piece: number): boolean {
  let length = 0;
  for (const text of texts) if ((length += text.length) > piece) return false;
  return true;
}

/** Where a text is not what was expected. */
const unexpected = new SyntaxError("this is no JSON that is parsed in pieces");

/**
 * Finds where values end, and leaves the small ones to `JSON.parse`, as many at a time as are a piece. What is larger than that is
 * taken apart.
 */
class PieceParser {
  readonly #texts: readonly string[];
  readonly #piece: number;
  /** The part that is looked at: places in it are of this part. */
  #text = "";
  /** The next of the texts that is no part of it yet. */
  #next = 0;
  #at = 0;
  /** How much was before it. */
  #gone = 0;

  constructor(texts: readonly string[], piece: number) {
    this.#texts = texts;
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
    const end = this.#endOf(this.#at);
    if (end !== undefined) {
      const from = this.#at;
      this.#at = end;
      return JSON.parse(this.#text.slice(from, end));
    }
    if (depth === MAX_DEPTH) throw unexpected;
    yield;
    return this.#text.charCodeAt(this.#at) === openBracket
      ? yield* this.#array(depth)
      : yield* this.#object(depth);
  }

  *#array(depth: number): Sliceable<unknown[]> {
    const values: unknown[] = [];
    this.#at++;
    this.#skipSpace();
    if (this.#take(closeBracket)) return values;
    for (;;) {
      this.#letGo();
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
    let since = this.#gone + this.#at;
    while (!this.#take(closeBrace)) {
      if (members.length > 0) {
        if (!this.#take(comma)) throw unexpected;
        this.#skipSpace();
      }
      this.#letGo();
      const from = this.#at;
      this.#at = this.#endOfString(from);
      const name: unknown = JSON.parse(this.#text.slice(from, this.#at));
      this.#skipSpace();
      if (typeof name !== "string" || !this.#take(colon)) throw unexpected;
      this.#skipSpace();
      members.push([name, yield* this.#value(depth + 1)]);
      this.#skipSpace();
      const now = this.#gone + this.#at;
      if (now - since < this.#piece) continue;
      since = now;
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
    const first = this.#text.charCodeAt(from);
    if (first === quote) return this.#endOfString(from);
    if (first !== openBrace && first !== openBracket) return this.#endOfBare(from);
    const most = from + this.#piece;
    while (this.#text.length < most && this.#extend());
    let text = this.#text;
    const last = Math.min(text.length, most);
    let depth = 0;
    for (let at = from; at < last; at++) {
      const unit = text.charCodeAt(at);
      if (unit === quote) {
        at = this.#endOfString(at) - 1;
        text = this.#text;
      } else if (unit === openBrace || unit === openBracket) depth++;
      else if ((unit === closeBrace || unit === closeBracket) && --depth === 0) return at + 1;
    }
    return undefined;
  }

  #endOfString(from: number): number {
    if (this.#text.charCodeAt(from) !== quote) throw unexpected;
    for (let since = from + 1; ;) {
      const text = this.#text;
      const at = text.indexOf('"', since);
      if (at === -1) {
        since = text.length;
        if (!this.#extend()) throw unexpected;
        continue;
      }
      let escapes = 0;
      while (text.charCodeAt(at - 1 - escapes) === backslash) escapes++;
      if (escapes % 2 === 0) return at + 1;
      since = at + 1;
    }
  }

  /** Numbers and words. */
  #endOfBare(from: number): number {
    let at = from;
    do {
      while (at < this.#text.length && isOfBare(this.#text.charCodeAt(at))) at++;
    } while (at === this.#text.length && this.#extend());
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
    do {
      while (isSpace(this.#text.charCodeAt(at))) at++;
    } while (at === this.#text.length && this.#extend());
    return at;
  }

  /** Looks further ahead: twice as far where nothing ends, so that a long text is not copied again for each of its parts. */
  #extend(): boolean {
    const first = this.#next;
    const enough = Math.max(this.#piece, this.#text.length);
    for (let more = 0; more < enough && this.#next < this.#texts.length; this.#next++) {
      more += this.#texts[this.#next]!.length;
    }
    if (this.#next === first) return false;
    this.#text += this.#texts.slice(first, this.#next).join("");
    return true;
  }

  /** Forgets what was read, where more is to come. Whoever holds a place must not call it. */
  #letGo(): void {
    if (this.#at < this.#piece || this.#next === this.#texts.length) return;
    this.#gone += this.#at;
    this.#text = this.#text.slice(this.#at);
    this.#at = 0;
  }
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

function isOfBare(unit: number): boolean {
  return unit !== comma && unit !== closeBracket && unit !== closeBrace && !isSpace(unit);
}
