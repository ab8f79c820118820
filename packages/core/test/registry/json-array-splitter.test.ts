import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { JsonArraySplitter } from "../../src/registry/json-array-splitter.ts";

function split(chunks: readonly Buffer[]): string[] {
  const elements: string[] = [];
  const element = (json: Buffer): void => {
    elements.push(json.toString("utf8"));
  };
  const splitter = new JsonArraySplitter({ element }, (reason) => new Error(reason));
  for (const chunk of chunks) splitter.add(chunk);
  splitter.end();
  return elements;
}

/** What a reader makes of a text: it parses each element by itself. */
function parse(chunks: readonly Buffer[]): unknown[] {
  return split(chunks).map((element): unknown => JSON.parse(element));
}

/** What `read` gives when that is a list. */
function listOf(read: () => unknown): unknown {
  try {
    const value = read();
    return Array.isArray(value) ? value : "no list";
  } catch {
    return "no list";
  }
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((at) => at % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

const cuts = fc.array(fc.nat(2_000), { maxLength: 30 });

describe("the splitter of JSON arrays", () => {
  it("gives what JSON.parse gives, wherever the text is cut and however it is spaced", () => {
    const list = fc.array(fc.jsonValue({ stringUnit: "binary" }), { maxLength: 8 });
    const space = fc.constantFrom(undefined, 1, "\t", "\n  ");
    fc.assert(
      fc.property(list, space, cuts, (values, spacing, at) => {
        const text = ` ${JSON.stringify(values, null, spacing)}\r\n`;
        expect(parse(cut(Buffer.from(text), at))).toEqual(JSON.parse(text));
      }),
      { seed: 5, numRuns: 1_000 },
    );
  });

  it("gives the same where it is told what to expect, whether that comes or not", () => {
    const value = fc.oneof(fc.jsonValue(), fc.record({ a: fc.constantFrom(1, 12, "}", '"') }));
    let repeats = 0;
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 8 }),
        fc.array(value, { maxLength: 4 }),
        cuts,
        (values, others, at) => {
          const objects = [...values, ...others].filter((one) => JSON.stringify(one).startsWith("{"));
          const guesses = objects.map((one) => Buffer.from(JSON.stringify(one)));
          const found: unknown[] = [];
          const parsed = (json: Buffer): void => {
            found.push(JSON.parse(json.toString("utf8")));
          };
          const taker = {
            get expected() {
              return guesses[found.length % (guesses.length + 1)];
            },
            repeated(): void {
              repeats++;
              parsed(taker.expected ?? Buffer.of());
            },
            element: parsed,
          };
          const splitter = new JsonArraySplitter(taker, (reason) => new Error(reason));
          const text = JSON.stringify(values);
          for (const chunk of cut(Buffer.from(text), at)) splitter.add(chunk);
          splitter.end();
          expect(found).toEqual(JSON.parse(text));
        },
      ),
      { seed: 5, numRuns: 1_000 },
    );
    expect(repeats).toBeGreaterThan(100);
  });

  it("takes for a list what JSON.parse takes for one, and nothing else", () => {
    const token = fc.constantFrom(
      "[",
      "]",
      "{",
      "}",
      ",",
      ":",
      '"',
      "\\",
      '"a"',
      "1",
      "-2.5e3",
      "null",
      " ",
      "é",
      "[1]",
    );
    const texts = fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join(""));
    fc.assert(
      fc.property(
        fc.oneof(
          texts,
          texts.map((text) => `[${text}]`),
        ),
        cuts,
        (text, at) => {
          const whole = listOf(() => JSON.parse(text));
          const found = listOf(() => parse(cut(Buffer.from(text), at)));
          expect(found).toEqual(whole);
        },
      ),
      { seed: 6, numRuns: 5_000 },
    );
  });

  it("gives each element as it was written", () => {
    expect(split([Buffer.from('[ {"a" : "]}\\"" } , [ 1 ],1.0 ,"x"]')])).toEqual([
      '{"a" : "]}\\"" }',
      "[ 1 ]",
      "1.0",
      '"x"',
    ]);
    expect(split([Buffer.from(" [ ] ")])).toEqual([]);
  });

  it.each([
    ["<html>", "the answer is no JSON"],
    ["", "the answer is no JSON: it ends too soon"],
    ['[{"a":', "the answer is no JSON: it ends too soon"],
    ['{"a":1}', "the answer is no list"],
    ["null", "the answer is no list"],
    ["[1 2]", "the answer is no JSON: a comma is missing"],
    ["[1,]", "the answer is no JSON: an element is missing"],
    ["[] []", "the answer is no JSON: it goes on after its end"],
  ])("says what is wrong with %s", (text, reason) => {
    expect(() => split([Buffer.from(text)])).toThrow(new Error(reason));
  });
});
