import type { Slice, SliceEndpoint } from "./slice.ts";

/** The endpoints of a slice, and how they were written. */
type WrittenEndpoints = Pick<Slice, "endpoints" | "writing">;

/** How many endpoints that left are passed over before one is taken for new. */
const lookAhead = 32;
const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Goes through the endpoints that stand in a line, and knows again those that are written as they were before. */
export class EndpointWalk {
  readonly spans: number[] = [];
  /** For each endpoint the one that was written in the same way. */
  readonly known: (SliceEndpoint | undefined)[] = [];
  /** What each of the others says. */
  readonly values: unknown[] = [];
  readonly #line: string;
  readonly #before: WrittenEndpoints | undefined;
  /** Which of the endpoints before probably comes next. */
  #next = 0;
  #at: number;

  /** @param at where the first of them begins, or the end of an array that is empty */
  constructor(line: string, at: number, before: WrittenEndpoints | undefined) {
    this.#line = line;
    this.#at = at;
    this.#before = before;
  }

  /**
   * @returns where the array ends; `undefined` where it is not written as API servers write
   * @throws SyntaxError for an endpoint that is no JSON
   */
  toEnd(): number | undefined {
    const line = this.#line;
    if (line.charCodeAt(this.#at) === closeBracket) return this.#at + 1;
    for (;;) {
      const begin = this.#at;
      if (line.charCodeAt(begin) !== openBrace) return undefined;
      const known = this.#again();
      if (known === undefined) this.#at = endOfObject(line, begin);
      this.spans.push(begin, this.#at);
      this.known.push(known);
      this.values.push(known === undefined ? JSON.parse(line.slice(begin, this.#at)) : undefined);
      const after = line.charCodeAt(this.#at++);
      if (after === closeBracket) return this.#at;
      if (after !== comma) return undefined;
    }
  }

  /** The endpoint that was written before as the one that comes; goes to its end. */
  #again(): SliceEndpoint | undefined {
    const { endpoints, writing } = this.#before ?? {};
    if (endpoints === undefined || writing === undefined) return undefined;
    const { line, spans } = writing;
    const last = Math.min(endpoints.length, this.#next + lookAhead);
    for (let i = this.#next; i < last; i++) {
      const text = line.slice(spans[2 * i], spans[2 * i + 1]);
      // Several times as fast as `startsWith`.
      if (this.#line.slice(this.#at, this.#at + text.length) !== text) continue;
      this.#next = i + 1;
      this.#at += text.length;
      return endpoints[i];
    }
    return undefined;
  }
}

/** Where the object ends that begins there; at the end of the text where it does not. */
function endOfObject(text: string, begin: number): number {
  let depth = 0;
  for (let at = begin; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      for (at++; at < text.length && text.charCodeAt(at) !== quote; at++) {
        if (text.charCodeAt(at) === backslash) at++;
      }
    } else if (code === openBrace || code === openBracket) depth++;
    else if ((code === closeBrace || code === closeBracket) && --depth === 0) return at + 1;
  }
  return text.length;
}
