const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Who takes the elements of an array. */
export interface ElementTaker {
  /** The bytes of the next element: a part of the chunk that completes it, where it is whole in there. */
  element(json: Buffer): void;
  /** An object that probably comes next, as it was written once. */
  readonly expected?: Buffer | undefined;
  /** What was {@link ElementTaker.expected} has come, byte by byte: it is not looked into, and costs a comparison. */
  repeated?(): void;
}

/** What the next byte belongs to. `string` and `escape`: inside an element's text, as `nested` is inside its brackets. */
type Place = "start" | "first" | "value" | "nested" | "string" | "escape" | "bare" | "after" | "end";

/**
 * Cuts a JSON array that comes in chunks into its elements, wherever the chunks were cut: also inside a character. It looks
 * at what is around the elements and finds where each ends; what is inside is for its reader to parse. An array whose
 * elements are all JSON, each by itself, is JSON.
 */
export class JsonArraySplitter {
  readonly #taker: ElementTaker;
  readonly #error: (reason: string) => Error;
  #place: Place = "start";
  #depth = 0;
  /** The element that is not whole yet, as far as it came with earlier chunks. */
  #parts: Buffer[] = [];

  /** @param error makes what is thrown for something that is no array */
  constructor(taker: ElementTaker, error: (reason: string) => Error) {
    this.#taker = taker;
    this.#error = error;
  }

  /** Hands over each element that `chunk` completes. */
  add(chunk: Buffer): void {
    const { length } = chunk;
    let from = 0;
    let at = 0;
    const complete = (): void => {
      this.#place = "after";
      const last = chunk.subarray(from, at);
      if (this.#parts.length === 0) {
        this.#taker.element(last);
        return;
      }
      const whole = Buffer.concat([...this.#parts, last]);
      this.#parts = [];
      this.#taker.element(whole);
    };
    while (at < length) {
      switch (this.#place) {
        case "nested":
          at = this.#nested(chunk, at);
          if (this.#depth === 0) complete();
          break;
        case "string":
          at = this.#string(chunk, at);
          if (this.#isWhole) complete();
          break;
        case "escape":
          at++;
          this.#place = "string";
          break;
        case "bare":
          while (at < length && !isEndOfBare(chunk[at])) at++;
          if (at < length) complete();
          break;
        case "start":
        case "first":
        case "value":
        case "after":
        case "end":
          from = at;
          at += chunk[from] === openBrace ? this.#expected(chunk, from) : 0;
          if (at === from) this.#between(chunk[at++]);
      }
    }
    if (this.#isInside) this.#parts.push(chunk.subarray(from));
  }

  /** The text is over; throws when the array is not. */
  end(): void {
    if (this.#place !== "end") throw this.#error("the answer is no JSON: it ends too soon");
  }

  /** Whether a text ended that is an element by itself. */
  get #isWhole(): boolean {
    return this.#place === "nested" && this.#depth === 0;
  }

  get #isInside(): boolean {
    const place = this.#place;
    return place === "nested" || place === "string" || place === "escape" || place === "bare";
  }

  /** @returns the length of what was expected, if that is what comes */
  #expected(chunk: Buffer, at: number): number {
    if (this.#place !== "first" && this.#place !== "value") return 0;
    const { expected } = this.#taker;
    if (expected === undefined) return 0;
    const end = at + expected.length;
    if (end > chunk.length || chunk.compare(expected, 0, expected.length, at, end) !== 0) return 0;
    this.#place = "after";
    this.#taker.repeated?.();
    return expected.length;
  }

  /** Goes on to the end of the element. */
  #nested(chunk: Buffer, begin: number): number {
    const { length } = chunk;
    let depth = this.#depth;
    let at = begin;
    while (at < length && depth > 0) {
      const byte = chunk[at++];
      if (byte === quote) {
        // Most texts end in the same chunk, a few bytes on.
        while (at < length && chunk[at] !== quote && chunk[at] !== backslash) at++;
        if (at < length && chunk[at] === quote) at++;
        else {
          this.#place = "string";
          break;
        }
      } else if (byte === openBrace || byte === openBracket) depth++;
      else if (byte === closeBrace || byte === closeBracket) depth--;
    }
    this.#depth = depth;
    return at;
  }

  /** Goes on to the end of a text. */
  #string(chunk: Buffer, begin: number): number {
    let at = begin;
    for (const { length } = chunk; at < length; at++) {
      const byte = chunk[at];
      if (byte === quote || byte === backslash) {
        this.#place = byte === quote ? "nested" : "escape";
        return at + 1;
      }
    }
    return at;
  }

  #between(byte: number | undefined): void {
    if (isSpace(byte)) return;
    const place = this.#place;
    if (place === "start") {
      if (byte !== openBracket) throw this.#error(notAnArray(byte));
      this.#place = "first";
    } else if (place === "end") throw this.#error("the answer is no JSON: it goes on after its end");
    else if (byte === closeBracket && place !== "value") this.#place = "end";
    else if (place === "after") {
      if (byte !== comma) throw this.#error("the answer is no JSON: a comma is missing");
      this.#place = "value";
    } else this.#begin(byte);
  }

  #begin(byte: number | undefined): void {
    if (byte === comma || byte === closeBracket || byte === closeBrace) {
      throw this.#error("the answer is no JSON: an element is missing");
    }
    const isNested = byte === openBrace || byte === openBracket;
    this.#depth = isNested ? 1 : 0;
    if (isNested) this.#place = "nested";
    else this.#place = byte === quote ? "string" : "bare";
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isEndOfBare(byte: number | undefined): boolean {
  return byte === comma || byte === closeBracket || isSpace(byte);
}

function notAnArray(byte: number | undefined): string {
  const isJson = byte !== undefined && /[{"\-\dtfn]/.test(String.fromCodePoint(byte));
  return isJson ? "the answer is no list" : "the answer is no JSON";
}
