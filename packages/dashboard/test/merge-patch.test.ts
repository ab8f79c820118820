import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { mergePatch } from "../src/merge-patch.ts";
import { applyPatch } from "../src/page/patch.ts";

/** Few keys, so that they meet; some that mean something to JavaScript. */
const key = fc.constantFrom("a", "b", "__proto__", "constructor", "toString", "10", "9");
const { tree } = fc.letrec<{ tree: unknown; object: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 3 }),
    fc.string({ maxLength: 1 }),
    fc.boolean(),
    fc.array(fc.oneof(fc.integer({ min: 0, max: 2 }), tie("object")), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(key, tie("tree"), { maxKeys: 4, noNullPrototype: false }),
}));
const record = fc.dictionary(key, tree, { maxKeys: 5, noNullPrototype: false });

/** What the other side makes of it, without a prototype like everything it knows. */
function received(value: unknown): unknown {
  return applyPatch(undefined, JSON.parse(JSON.stringify(value)));
}

describe("merge patches", () => {
  it("make of the one state the other", () => {
    fc.assert(
      fc.property(record, record, (before, after) => {
        const patch = mergePatch(before, after);
        expect(applyPatch(received(before), JSON.parse(JSON.stringify(patch ?? {})))).toEqual(
          received(after),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it("say nothing of what is the same", () => {
    fc.assert(
      fc.property(record, (state) => {
        expect(mergePatch(state, structuredClone(state))).toBeUndefined();
      }),
    );
    expect(
      mergePatch({ a: { b: 1, c: undefined }, d: [1, { e: 2 }] }, { a: { b: 1 }, d: [1, { e: 2 }] }),
    ).toBeUndefined();
  });

  it("touch no prototype", () => {
    applyPatch(
      received({}),
      JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    );
    expect("polluted" in {}).toBe(false);
  });
});
