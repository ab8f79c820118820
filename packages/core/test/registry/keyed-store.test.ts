import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { KeyedStore } from "../../src/registry/keyed-store.ts";

describe("the keyed store", () => {
  it("gives everything in the order of the keys, whatever came when", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e/1", "e/2");
    const step = fc.oneof(
      fc.record({ what: fc.constant("set" as const), key, values: fc.array(fc.nat(9), { maxLength: 3 }) }),
      fc.record({ what: fc.constant("delete" as const), key }),
      fc.record({ what: fc.constant("keep" as const), keys: fc.array(key, { maxLength: 6 }) }),
      fc.record({
        what: fc.constant("replace" as const),
        all: fc.array(fc.tuple(key, fc.array(fc.nat(9))), { maxLength: 4 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = new KeyedStore<number>();
        let model = new Map<string, readonly number[]>();
        for (const one of steps) {
          if (one.what === "set") {
            store.set(one.key, one.values);
            model.set(one.key, one.values);
          } else if (one.what === "delete") {
            const [was, wasInModel] = [store.delete(one.key), model.delete(one.key)];
            if (was !== wasInModel) throw new Error(`delete said ${was}`);
          } else if (one.what === "keep") {
            const before = model;
            model = new Map(one.keys.map((name) => [name, before.get(name) ?? []]));
            const fresh = [...model.keys()].filter((name) => !before.has(name)).join(",");
            const said = store.keep(one.keys).join(",");
            if (said !== fresh) throw new Error(`keep said that ${said} are new`);
          } else {
            store.replace(one.all);
            model = new Map(one.all);
          }
          const sorted = [...model].toSorted(([x], [y]) => (x < y ? -1 : 1));
          expect(store.values()).toEqual(sorted.flatMap(([, values]) => values));
          expect([...store.keys()].toSorted()).toEqual(sorted.map(([name]) => name));
          expect(store.size).toBe(model.size);
          expect(store.has("a")).toBe(model.has("a"));
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it("hands out lists that later changes leave alone", () => {
    const store = new KeyedStore<number>();
    store.set("a", [1]);
    const before = store.values();
    store.set("b", [2]);
    expect(before).toEqual([1]);
    expect(store.get("b")).toEqual([2]);
    expect(store.get("c")).toBeUndefined();
  });
});
