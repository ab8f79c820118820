import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { LineSplitter } from "../../src/registry/line-splitter.ts";

function split(chunks: readonly Buffer[], maxBytes = 1_000): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(maxBytes);
  for (const chunk of chunks) splitter.add(chunk, (line) => lines.push(line));
  return lines;
}

describe("the line splitter", () => {
  it("gives the same lines wherever the stream is cut", () => {
    const line = fc
      .string({ unit: "grapheme", maxLength: 20 })
      .map((text) => text.replaceAll("\n", "").trim());
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 20 }),
        fc.array(fc.nat(400), { maxLength: 30 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
          const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted(
            (a, b) => a - b,
          );
          const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
          expect(split(chunks)).toEqual(lines.filter((text) => text !== ""));
        },
      ),
      { seed: 11, numRuns: 300 },
    );
  });

  it("keeps back what has no end yet, and leaves out empty lines and line ends of Windows", () => {
    expect(split([Buffer.from("a\r\n\r\n\n  \nb\nc")])).toEqual(["a", "b"]);
  });

  it("bounds a line, not the stream, and counts bytes, not characters", () => {
    expect(split([Buffer.from("éé\n".repeat(100))], 4)).toHaveLength(100);
    expect(() => split([Buffer.from("ééx\n")], 4)).toThrow("longer than 4 bytes");
    expect(() => split([Buffer.from("éé"), Buffer.from("x")], 4)).toThrow(
      expect.objectContaining({ class: "data" }),
    );
  });
});
