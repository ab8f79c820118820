import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ChildNames } from "../src/client/child-names.ts";
import type { NamesChange } from "../src/client/child-names.ts";
import { JuteReader } from "../src/client/jute-reader.ts";
import { JuteWriter } from "../src/client/jute-writer.ts";

const seed = 20_261_121;

/** An answer as ZooKeeper writes it; its node was changed last by transaction 7. */
function answerOf(names: readonly string[]): Buffer {
  const writer = new JuteWriter().list(names, (into, name) => into.text(name));
  return writer.buffer(Buffer.alloc(56)).long(7n).bytes();
}

/** Follows lists, and counts how many names are read one by one. */
class Follower {
  readonly #names = new ChildNames();
  readonly #known = new Set<string>();
  read = 0;

  take(answer: Buffer | undefined): NamesChange {
    const reader = answer === undefined ? undefined : new JuteReader(answer);
    const change = workAtOnce(
      this.#names.take(reader, (name) => {
        this.read++;
        return this.#known.has(name);
      }),
    );
    for (const name of change.went) this.#known.delete(name);
    for (const name of change.came) this.#known.add(name);
    return change;
  }
}

function minus(names: readonly string[], others: readonly string[]): string[] {
  const set = new Set(others);
  return names.filter((name) => !set.has(name)).toSorted();
}

describe("the names below a node", () => {
  it("are told by what came and what went, in whatever order they are listed", () => {
    const list = fc.uniqueArray(fc.string({ unit: "binary", maxLength: 3 }), { maxLength: 60 });
    // Most lists are the one before with a few changes in it.
    const next = fc.record({
      drop: fc.array(fc.nat(80), { maxLength: 30 }),
      add: fc.array(fc.tuple(fc.nat(80), fc.string({ maxLength: 4 })), { maxLength: 6 }),
      turn: fc.oneof(fc.constant(0), fc.nat(80)),
    });
    fc.assert(
      fc.property(list, fc.array(next, { maxLength: 6 }), (first, changes) => {
        const follower = new Follower();
        let before: readonly string[] = [];
        let names: readonly string[] = first;
        for (const change of [...changes, undefined]) {
          const { came, stat, went } = follower.take(answerOf(names));
          expect(came.toSorted()).toEqual(minus(names, before));
          expect(went.toSorted()).toEqual(minus(before, names));
          expect(stat?.pzxid).toBe(7n);
          before = names;
          if (change === undefined) break;
          const kept = names.filter((_, i) => !change.drop.includes(i));
          for (const [place, name] of change.add) if (!kept.includes(name)) kept.splice(place, 0, name);
          names = [...kept.slice(change.turn), ...kept.slice(0, change.turn)];
        }
      }),
      { seed, numRuns: 1_000 },
    );
  });

  it("are read where they differ from the list before, and not elsewhere", () => {
    const follower = new Follower();
    const names = Array.from({ length: 5_000 }, (_, i) => `node-${i}`);
    expect(follower.take(answerOf(names)).came).toHaveLength(5_000);
    expect(follower.read).toBe(5_000);
    const after = names.filter((_, i) => i !== 17 && i !== 4_000);
    after.splice(2_000, 0, "new");
    const { came, went } = follower.take(answerOf(after));
    expect({ came, went }).toEqual({ came: ["new"], went: ["node-17", "node-4000"] });
    // Each change is found by the name behind it.
    expect(follower.read - 5_000).toBe(3);
  });

  it("are gone with their node, and all new when it comes again", () => {
    const follower = new Follower();
    follower.take(answerOf(["a", "b"]));
    expect(follower.take(undefined)).toEqual({ came: [], went: ["a", "b"], stat: undefined });
    expect(follower.take(answerOf(["b"]))).toMatchObject({ came: ["b"], went: [] });
  });

  it("are left as they were by bytes that are no list", () => {
    const whole = answerOf(["a", "b", "c"]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        const follower = new Follower();
        follower.take(answerOf(["a", "x"]));
        expect(() => follower.take(whole.subarray(0, length))).toThrow(
          expect.objectContaining({ class: "data" }),
        );
        expect(follower.take(whole)).toMatchObject({ came: ["b", "c"], went: ["x"] });
      }),
      { seed, numRuns: 200 },
    );
  });
});
