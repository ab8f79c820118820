import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { diffEndpoints } from "../../src/discovery/diff.ts";
import type { Listing } from "../../src/discovery/listing.ts";
import type { DirectoryEndpoint } from "../../src/discovery/resolution.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import { worsens } from "../../src/discovery/urgency.ts";
import { readBody } from "../../src/discovery/validate.ts";
import type { SnapshotBody } from "../../src/discovery/validate.ts";
import { seededRandom } from "../../src/random.ts";
import { fakeEndpoint } from "../../src/testing/fake-source.ts";

/** Who reads one list after the other, each with what is known from those before. */
class Reader {
  known: readonly DirectoryEndpoint[] = [];
  listing: Listing | undefined = undefined;

  read(entries: readonly unknown[], how: "with the listing" | "entry by entry"): SnapshotBody {
    const head = {
      kind: "bound",
      suspect: false,
      cached: false,
      trouble: undefined,
      unheard: [],
      explicit: false,
      ageMs: 0,
      skipped: 0,
    } as const;
    return readBody({ ...head, entries }, this.known, how === "entry by entry" ? undefined : this.listing);
  }

  accept({ endpoints, listing }: SnapshotBody): void {
    this.known = endpoints;
    this.listing = listing;
  }
}

/** In no order that anybody would sort by. */
function many(count: number): Endpoint[] {
  const random = seededRandom(count);
  const keyed = Array.from({ length: count }, (_, i) => ({
    endpoint: { ...fakeEndpoint(`e${i}`), host: `10.0.${i >> 8}.${i & 255}` },
    key: random(),
  }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ endpoint }) => endpoint);
}

const index = fc.nat(1_000);
const port = fc.integer({ min: 1, max: 3 });
const host = fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4");
/** Most lists are sound: whoever always meets a bad entry never gets anywhere else. */
const edit = fc.oneof(
  { arbitrary: fc.record({ what: fc.constant("remove" as const), at: index }), weight: 6 },
  {
    arbitrary: fc.record({
      what: fc.constant("add" as const),
      at: index,
      id: fc.integer({ min: 0, max: 60 }),
      host,
      port,
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ what: fc.constant("move" as const), at: index, to: index }), weight: 6 },
  {
    arbitrary: fc.record({
      what: fc.constant("weigh" as const),
      at: index,
      weight: fc.constantFrom(0, 1, 2),
    }),
    weight: 6,
  },
  { arbitrary: fc.record({ what: fc.constant("rehost" as const), at: index, host, port }), weight: 6 },
  { arbitrary: fc.record({ what: fc.constant("break" as const), at: index }), weight: 1 },
  { arbitrary: fc.record({ what: fc.constant("reverse" as const) }), weight: 1 },
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function apply(list: unknown[], step: Edit): void {
  const size = list.length;
  if (step.what === "reverse") {
    list.reverse();
    return;
  }
  const at = size === 0 ? 0 : step.at % size;
  const here = list[at];
  if (step.what === "add") {
    list.splice(at, 0, { ...fakeEndpoint(`e${step.id}`), host: step.host, port: step.port });
  } else if (size === 0) return;
  else if (step.what === "remove") list.splice(at, 1);
  else if (step.what === "move") list.splice(step.to % size, 0, ...list.splice(at, 1));
  else if (step.what === "break") list[at] = null;
  else if (typeof here === "object" && here !== null) {
    const { at: _, what: __, ...patch } = step;
    list[at] = { ...here, ...patch };
  }
}

describe("reading a list with the listing before it", () => {
  it("brings the same as reading it entry by entry, whatever happened to the list", () => {
    const property = fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 }),
      fc.array(fc.array(edit, { maxLength: 4 }), { maxLength: 12 }),
      fc.boolean(),
      (ids, rounds, keepsObjects) => {
        const objects = new Map<string, unknown>();
        const kept = (entry: unknown): unknown => {
          const text = JSON.stringify(entry) ?? "";
          if (!objects.has(text)) objects.set(text, structuredClone(entry));
          return objects.get(text);
        };
        const reader = new Reader();
        const list: unknown[] = ids.map((id) => ({ ...fakeEndpoint(`e${id}`), host: `10.0.1.${id}` }));
        for (const steps of [[], ...rounds]) {
          for (const step of steps) apply(list, step);
          const entries = keepsObjects ? list.map(kept) : structuredClone(list);
          const plain = reader.read(entries, "entry by entry");
          const quick = reader.read(entries, "with the listing");
          expect({ ...quick, change: 0, listing: 0 }).toEqual({ ...plain, change: 0, listing: 0 });
          const stayed = (endpoints: readonly DirectoryEndpoint[]): boolean[] =>
            endpoints.map((endpoint) => reader.known.includes(endpoint));
          expect(stayed(quick.endpoints)).toEqual(stayed(plain.endpoints));
          const compared = diffEndpoints(reader.known, plain.endpoints);
          const { diff, from, to } = quick.change ?? {
            diff: compared,
            from: reader.known,
            to: quick.endpoints,
          };
          expect(diff).toEqual(compared);
          expect([from, to]).toEqual([reader.known, plain.endpoints]);
          reader.accept(quick);
        }
      },
    );
    const result = fc.check(property, { seed: 45, numRuns: 1_000 });
    expect(result.counterexample).toBeNull();
  });

  const happenings: readonly (readonly [string, (list: Endpoint[]) => void])[] = [
    ["nothing changed", () => {}],
    ["one left", (list) => void list.splice(40, 1)],
    ["twenty that stood together left", (list) => void list.splice(40, 20)],
    ["one came", (list) => void list.splice(40, 0, { ...fakeEndpoint("new"), host: "10.1.0.1" })],
    ["one came at the end", (list) => void list.push({ ...fakeEndpoint("z"), host: "10.1.0.1" })],
    ["one turned ill", (list) => void list.splice(7, 1, { ...list[7]!, health: "unhealthy" })],
    ["one has moved to the end", (list) => void list.push(...list.splice(40, 1))],
  ];
  it.for(happenings)("need not look everybody up when %s", ([, happen]) => {
    const reader = new Reader();
    const list = many(300);
    reader.accept(reader.read(list, "with the listing"));
    const next = structuredClone(list);
    happen(next);
    expect(reader.read(next, "with the listing").change).toBeDefined();
  });

  it("hands on the very list when nothing changed", () => {
    const reader = new Reader();
    const list = many(300);
    reader.accept(reader.read(list, "with the listing"));
    expect(reader.read(structuredClone(list), "with the listing").endpoints).toBe(reader.known);
  });

  it("does not look into the very objects that were told before", () => {
    const reader = new Reader();
    let looks = 0;
    const list = many(300).map((endpoint) =>
      Object.defineProperty(structuredClone(endpoint), "id", {
        get: () => {
          looks++;
          return endpoint.id;
        },
      }),
    );
    reader.accept(reader.read(list, "with the listing"));
    looks = 0;
    reader.accept(reader.read([...list], "with the listing"));
    expect(looks).toBe(0);
    reader.accept(reader.read([...list.slice(0, 100), ...list.slice(101)], "with the listing"));
    expect(looks).toBeLessThan(10);
    expect(reader.known).toHaveLength(299);
  });

  it("gives up on a list in a new order", () => {
    const reader = new Reader();
    const list = many(300);
    reader.accept(reader.read(list, "with the listing"));
    const reversed = structuredClone(list).toReversed();
    expect(reader.read(reversed, "with the listing").change).toBeUndefined();
  });
});

describe("worsens", () => {
  it.for([
    ["turned ill", { health: "unhealthy" }, true],
    ["drains", { health: "draining" }, true],
    ["gets no traffic any more", { weight: 0 }, true],
    ["has another version", { version: "2" }, false],
    ["gets less traffic", { weight: 0.5 }, false],
  ] as const)("knows whether it is worse that one of many %s", ([, patch, isWorse]) => {
    const reader = new Reader();
    const list = many(300);
    reader.accept(reader.read(list, "with the listing"));
    const next = structuredClone(list);
    next[200] = { ...next[200]!, ...patch };
    expect(worsens(reader.read(next, "with the listing").change!.diff)).toBe(isWorse);
  });
});
