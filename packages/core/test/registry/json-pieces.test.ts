import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { workAtOnce } from "../../src/discovery/slices.ts";
import { parsePieces } from "../../src/registry/json-pieces.ts";

/** What comes of reading a text, or of failing to. */
function outcomeOf(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch (error) {
    return { error: String(error) };
  }
}

function piecesOf(text: string, piece?: number): number {
  const work = parsePieces(text, piece);
  let pieces = 1;
  while (work.next().done !== true) pieces++;
  return pieces;
}

const json = fc.jsonValue({ maxDepth: 5, noUnicodeString: false });
const piece = fc.integer({ min: 2, max: 64 });

describe("a text that is parsed in pieces", () => {
  it("is what JSON.parse makes of it, however small the pieces and however it is laid out", () => {
    fc.assert(
      fc.property(json, piece, fc.constantFrom(0, 1, "\t\n", " \r\n"), (value, size, space) => {
        const text = JSON.stringify(value, undefined, space);
        expect(workAtOnce(parsePieces(text, size))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it("may come cut anywhere", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 20 });
    fc.assert(
      fc.property(json, piece, cuts, fc.constantFrom(0, " \r\n"), (value, size, places, space) => {
        const text = JSON.stringify([value, { value, text: "x".repeat(100) }], undefined, space);
        const ends = [...places.toSorted((a, b) => a - b), text.length];
        const texts = ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end));
        expect(workAtOnce(parsePieces(texts, size))).toEqual(JSON.parse(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it("is refused for what JSON.parse refuses, in the same words", () => {
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.integer({ min: 0, max: 3 }),
      put: fc.constantFrom("", ",", "]", "[", "{", "}", '"', "\\", ":", " ", "1", "nul"),
    });
    fc.assert(
      fc.property(json, piece, change, (value, size, { at, cut, put }) => {
        const good = JSON.stringify(value);
        const from = Math.floor(at * good.length);
        const text = good.slice(0, from) + put + good.slice(from + cut);
        const expected = outcomeOf((): unknown => JSON.parse(text));
        expect(outcomeOf(() => workAtOnce(parsePieces(text, size)))).toEqual(expected);
        const texts = [text.slice(0, from), text.slice(from)];
        expect(outcomeOf(() => workAtOnce(parsePieces(texts, size)))).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("has no piece that grows with it: a long list at any depth, and one of long texts", () => {
    const list = Array.from({ length: 10_000 }, (_, i) => ({
      instanceId: `i-${i}`,
      ip: "10.0.0.1",
      note: String.raw`one " and [{, and \\`,
    }));
    for (const text of [
      JSON.stringify(list),
      JSON.stringify({ code: 0, data: { hosts: list } }),
      JSON.stringify({ applications: { application: [{ name: "A", instance: list }] } }),
      JSON.stringify({ services: Object.fromEntries(list.map((each) => [each.instanceId, [each]])) }),
    ]) {
      expect(piecesOf(text)).toBeGreaterThan(text.length / 16_384);
      expect(workAtOnce(parsePieces(text))).toEqual(JSON.parse(text));
    }
  });

  it("may name a member __proto__, which then is one", () => {
    const text = `{"__proto__":{"admin":true},"list":[${"1,".repeat(50)}1]}`;
    const value = workAtOnce(parsePieces(text, 16));
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(Object(value))).toEqual(["__proto__", "list"]);
  });

  it("may be nested as deep as JSON.parse takes it", () => {
    const text = "[".repeat(3_000) + "]".repeat(3_000);
    expect(JSON.stringify(workAtOnce(parsePieces(text, 16)))).toBe(text);
  });
});
