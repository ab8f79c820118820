import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { IndexCursor } from "../src/index-cursor.ts";

describe("the index of a blocking query", () => {
  it("asks without one first, and then waits on what came", () => {
    const cursor = new IndexCursor();
    expect(cursor.current).toBeUndefined();
    expect(cursor.accept("42")).toBe("first");
    expect(cursor.current).toBe("42");
    expect(cursor.accept("42")).toBe("same");
    expect(cursor.accept("43")).toBe("forward");
  });

  it("starts over when it goes back", () => {
    const cursor = new IndexCursor();
    cursor.accept("337");
    expect(cursor.accept("7")).toBe("back");
    expect(cursor.current).toBeUndefined();
  });

  it.each([undefined, "", "abc", "-1", "1.5", "1e3", "999999999999999999999", ["1", "2"]])(
    "starts over when the header is %j",
    (header) => {
      const cursor = new IndexCursor();
      cursor.accept("5");
      expect(cursor.accept(header)).toBe("unknown");
      expect(cursor.current).toBeUndefined();
    },
  );

  it("only ever waits on an index that came last and is at least 1", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (indexes) => {
        const cursor = new IndexCursor();
        for (const index of indexes) {
          cursor.accept(String(index));
          expect([undefined, index < 1n ? "1" : String(index)]).toContain(cursor.current);
        }
      }),
      { seed: 5 },
    );
  });
});
