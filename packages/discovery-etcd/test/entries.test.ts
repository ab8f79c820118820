import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { KeyValue, WatchEvent } from "../src/answers.ts";
import { Entries } from "../src/entries.ts";
import { Lineage } from "../src/lineage.ts";

function kv(name: string, modRevision: number, port: number): KeyValue {
  return { name, key: name, value: Buffer.from(String(port)), modRevision: BigInt(modRevision), lease: "0" };
}

/** Port 0 is written by who wants no calls. */
function entries(): Entries {
  return new Entries(({ key, value }) => {
    const port = Number(Buffer.from(value).toString());
    if (port === 0) return [];
    return [{ id: key, host: "10.0.0.1", port, weight: 1, priority: 0, health: "healthy", metadata: {} }];
  });
}

/** What a store tells, as `key:port`. */
function told(store: Entries): string[] {
  const snapshot = store.snapshot();
  if (typeof snapshot === "string") throw new Error(snapshot);
  return snapshot.endpoints.map(({ id, port }) => `${id}:${port}`).toSorted();
}

describe("entries", () => {
  it("come out as the server has them, however lists and changes mix", () => {
    // A history of puts and deletes; the watch tells it in messages, lists come from any revision between what was
    // told and the end, which is what a member that is not behind the watch may answer.
    const change = fc.record({
      name: fc.constantFrom("a", "b", "c", "d"),
      isDelete: fc.boolean(),
      port: fc.integer({ min: 1, max: 3 }),
    });
    const plan = fc.record({
      history: fc.array(change, { maxLength: 40 }),
      steps: fc.array(fc.record({ isList: fc.boolean(), size: fc.integer({ min: 1, max: 5 }) }), {
        maxLength: 40,
      }),
    });
    fc.assert(
      fc.property(plan, ({ history, steps }) => {
        const states: ReadonlyMap<string, KeyValue>[] = [new Map()];
        const events: WatchEvent[] = history.map(({ name, isDelete, port }, i) => {
          const revision = i + 2;
          const next = new Map(states.at(-1));
          if (isDelete) next.delete(name);
          else next.set(name, kv(name, revision, port));
          states.push(next);
          return { isDelete, kv: kv(name, revision, port) };
        });
        const store = entries();
        const list = (at: number): void => {
          const header = { clusterId: "1", revision: BigInt(at + 1) };
          store.replace(workAtOnce(store.read({ header, kvs: [...(states[at]?.values() ?? [])] })));
        };
        list(0);
        let heard = 0;
        let known = 0;
        for (const { isList, size } of steps) {
          if (isList) {
            known = Math.min(states.length - 1, known + size);
            list(known);
          } else {
            store.apply(events.slice(heard, heard + size));
            heard = Math.min(events.length, heard + size);
            known = Math.max(known, heard);
          }
          const expected = [...(states[known]?.values() ?? [])].map(
            (one) => `${one.name}:${String(one.value)}`,
          );
          expect(told(store)).toEqual(expected.toSorted());
        }
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("are the same when a list repeats them, and not when only the value differs", () => {
    const store = entries();
    const header = { clusterId: "1", revision: 5n };
    expect(store.replace(workAtOnce(store.read({ header, kvs: [kv("a", 3, 80)] })))).toBe(true);
    expect(store.replace(workAtOnce(store.read({ header, kvs: [kv("a", 4, 80)] })))).toBe(false);
    expect(store.replace(workAtOnce(store.read({ header, kvs: [kv("a", 4, 81)] })))).toBe(true);
    expect(store.replace(workAtOnce(store.read({ header, kvs: [] })))).toBe(true);
    expect(store.replace(workAtOnce(store.read({ header, kvs: [kv("a", 6, 0)] })))).toBe(true);
    expect(store.replace(workAtOnce(store.read({ header, kvs: [kv("b", 7, 0)] })))).toBe(true);
  });

  it("tell nothing of a list before all of it was read", () => {
    const store = entries();
    const header = { clusterId: "1", revision: 5n };
    store.replace(workAtOnce(store.read({ header, kvs: [kv("a", 3, 80), kv("b", 3, 80)] })));
    const kvs = Array.from({ length: 1_000 }, (_, i) => kv(`new-${i}`, 6, 80));
    const reading = store.read({ header: { clusterId: "1", revision: 6n }, kvs });
    for (let piece = 0; piece < 12; piece++) expect(reading.next().done).toBe(false);
    expect(told(store)).toEqual(["a:80", "b:80"]);
    store.apply([{ isDelete: true, kv: kv("a", 7, 80) }]);
    expect(told(store)).toEqual(["b:80"]);
    store.replace(workAtOnce(reading));
    expect(told(store)).toHaveLength(1_000);
  });
});

describe("a lineage", () => {
  it("never goes back without two confirmations in a row, whatever comes", () => {
    const answer = fc.record({ revision: fc.bigInt({ min: 1n, max: 20n }), isConfirmed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 60 }), (answers) => {
        const lineage = new Lineage();
        let taken = 0n;
        let confirmations = 0;
        for (const { revision, isConfirmed } of answers) {
          const header = { clusterId: "1", revision };
          const verdict = lineage.judge(header, isConfirmed);
          if (revision < taken && isConfirmed) confirmations++;
          if (verdict === "behind") continue;
          const isBack = revision < taken;
          expect([verdict, isBack && confirmations < 2]).toEqual([isBack ? "restored" : "forward", false]);
          lineage.take(header);
          taken = revision;
          confirmations = 0;
        }
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
