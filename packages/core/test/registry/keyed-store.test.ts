import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { KeyedStore } from "../../src/registry/keyed-store.ts";

/** Holds lists of numbers, and counts how often one is read. */
function store(): { readonly store: KeyedStore<readonly number[], number>; readonly reads: () => number } {
  let reads = 0;
  const made = new KeyedStore<readonly number[], number>((held) => {
    reads++;
    return held;
  });
  return { store: made, reads: () => reads };
}

function inOrder<T>(model: ReadonlyMap<string, T>): T[] {
  return [...model].toSorted(([x], [y]) => (x < y ? -1 : 1)).map(([, held]) => held);
}

function sameLists(
  tested: KeyedStore<readonly number[], number>,
  model: ReadonlyMap<string, readonly number[]>,
): void {
  expect(tested.values()).toEqual(inOrder(model).flat());
  expect(tested.held()).toEqual(inOrder(model));
  expect(tested.unlisted()).toEqual(inOrder(model).filter(({ length }) => length === 0));
}

describe("the keyed store", () => {
  it("gives everything in the order of the keys, whatever came when", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e/1", "e/2");
    const held = fc.array(fc.nat(9), { maxLength: 3 });
    const step = fc.oneof(
      fc.record({ what: fc.constant("set" as const), key, held }),
      fc.record({ what: fc.constant("delete" as const), key }),
      // Some changes are told one by one, some together.
      fc.record({ what: fc.constant("look" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { store: tested } = store();
        const model = new Map<string, readonly number[]>();
        for (const one of [...steps, { what: "look" as const }]) {
          if (one.what === "set") {
            tested.set(one.key, one.held);
            model.set(one.key, one.held);
          } else if (one.what === "delete") {
            const [was, wasInModel] = [tested.delete(one.key), model.delete(one.key)];
            if (was !== wasInModel) throw new Error(`delete said ${was}`);
          } else {
            sameLists(tested, model);
          }
          expect([...tested.keys()].toSorted()).toEqual([...model.keys()].toSorted());
          expect(tested.size).toBe(model.size);
          expect(tested.has("a")).toBe(model.has("a"));
          expect(tested.get("a")).toBe(model.get("a"));
        }
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  it("holds as many keys as come, in whatever order", () => {
    const { store: tested } = store();
    const model = new Map<string, readonly number[]>();
    for (let i = 0; i < 5_000; i++) {
      const key = `node-${(i * 7_919) % 5_000}`;
      const held = i % 3 === 0 ? [] : [i];
      tested.set(key, held);
      model.set(key, held);
    }
    expect(tested.size).toBe(5_000);
    sameLists(tested, model);
  });

  it("reads what has changed, and none of the others", () => {
    const { reads, store: tested } = store();
    for (let i = 0; i < 5_000; i++) tested.set(`node-${i}`, [i]);
    expect(tested.values()).toHaveLength(5_000);
    expect(reads()).toBe(5_000);
    tested.set("node-7", [70]);
    tested.delete("node-8");
    tested.set("node-10000", [1]);
    expect(tested.values()).toHaveLength(5_000);
    expect(reads()).toBe(5_002);
  });

  it("hands out lists that later changes leave alone, and the same one while nothing changes", () => {
    const { store: tested } = store();
    tested.set("a", [1]);
    const before = tested.values();
    expect(tested.values()).toBe(before);
    tested.set("b", [2]);
    expect(tested.values()).toEqual([1, 2]);
    expect(before).toEqual([1]);
    expect(tested.get("c")).toBeUndefined();
  });
});
