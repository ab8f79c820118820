import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { diffEndpoints } from "../../src/discovery/diff.ts";
import type { Diff, DirectoryEndpoint, Resolution } from "../../src/discovery/resolution.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import { readBody } from "../../src/discovery/validate.ts";
import { fakeEndpoint } from "../../src/testing/fake-source.ts";
import { rig } from "./rig.ts";

/** The list that a diff makes of another. */
function applyDiff(list: readonly DirectoryEndpoint[], diff: Diff): DirectoryEndpoint[] {
  const next = new Map(list.map((endpoint) => [endpoint.id, endpoint]));
  for (const { id } of diff.removed) next.delete(id);
  for (const endpoint of diff.added) next.set(endpoint.id, endpoint);
  for (const [, endpoint] of diff.updated) next.set(endpoint.id, endpoint);
  return [...next.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

const endpoint: fc.Arbitrary<Endpoint> = fc
  .record({
    id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
    port: fc.constantFrom(80, 81),
    weight: fc.constantFrom(0, 1, 2),
    health: fc.constantFrom("healthy", "unhealthy", "draining"),
    metadata: fc.constantFrom<Record<string, string>[]>({}, { k: "v" }),
  })
  .map(({ id, ...patch }) => fakeEndpoint(id, patch));
const endpoints = fc.array(endpoint, { maxLength: 12 });
const rubbish = fc.oneof(
  fc.anything({ withNullPrototype: true, withBigInt: true }),
  fc.json().map((text): unknown => JSON.parse(text)),
  fc.record({ kind: fc.constantFrom("bound", "absent", 7), endpoints: fc.anything(), trust: fc.anything() }),
);

type Step =
  | { readonly do: "snapshot"; readonly snapshot: unknown }
  | { readonly do: "rubbish"; readonly snapshot: unknown }
  | { readonly do: "alive"; readonly ageMs: unknown }
  | { readonly do: "error"; readonly error: unknown }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "end" };

const trouble: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("alive" as const), ageMs: fc.oneof(fc.nat(), fc.anything()) }),
  fc.record({
    do: fc.constant("error" as const),
    error: fc.oneof(
      rubbish,
      fc.record({ class: fc.constantFrom("transient", "auth", "config", "data"), message: fc.string() }),
    ),
  }),
  fc.record({ do: fc.constant("rubbish" as const), snapshot: rubbish }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 20, 5_000, 31_000) }),
  fc.record({ do: fc.constant("end" as const) }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  trouble,
  fc.record({
    do: fc.constant("snapshot" as const),
    snapshot: fc.record({
      kind: fc.constantFrom("bound", "bound", "bound", "absent"),
      endpoints,
      trust: fc.constantFrom("authoritative", "authoritative", "suspect"),
      explicitRemovals: fc.boolean(),
    }),
  }),
);

async function play(made: ReturnType<typeof rig>, steps: readonly Step[]): Promise<void> {
  const { source, clock } = made;
  for (const one of steps) {
    const sink: { alive(age: unknown): void; error(error: unknown): void } | undefined =
      source.watches.at(-1)?.sink;
    if (one.do === "snapshot" || one.do === "rubbish") source.push("orders", one.snapshot);
    else if (one.do === "alive") sink?.alive(one.ageMs);
    else if (one.do === "error") sink?.error(one.error);
    else if (one.do === "end") source.watches.at(-1)?.end();
    // eslint-disable-next-line no-await-in-loop -- a sequence
    else await clock.advance(one.ms);
  }
}

function unique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

describe("any sequence of what a source may say", () => {
  it("keeps lists sorted, unique and consistent with their diffs, versions growing, and leaves nothing behind", async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const made = rig();
      const { directory, clock } = made;
      const orders = directory.subscribe("orders");
      let mirror: DirectoryEndpoint[] = [];
      let version = 0;
      const problems: string[] = [];
      orders.onChange((resolution: Resolution, diff) => {
        mirror = applyDiff(mirror, diff);
        if (resolution.status === "bound" || resolution.status === "absent") {
          if (resolution.version <= version) problems.push(`version ${resolution.version} after ${version}`);
          ({ version } = resolution);
        } else if (version > 0) problems.push(`${resolution.status} after an answer`);
        const list = resolution.status === "bound" ? resolution.endpoints : [];
        const ids = list.map(({ id }) => id);
        if (!unique(ids)) problems.push("ids");
        if (!unique(list.map(({ host, port }) => `${host}:${port}`))) problems.push("addresses");
        if (ids.join(" ") !== ids.toSorted().join(" ")) problems.push("order");
        if (mirror.length !== list.length || mirror.some((item, i) => item !== list[i]))
          problems.push("diff");
        if (list.some(({ held, priority }) => held !== priority >= 1_000)) problems.push("held");
      });
      await play(made, steps);
      await directory.close();
      if (clock.pendingTimers > 0) problems.push("timers");
      return problems.length === 0;
    });
    const result = await fc.check(property, { seed: 42, numRuns: 400 });
    expect(result.counterexample).toBeNull();
  });

  it("never empties or loses the list by errors, rubbish, time and dying watches alone", async () => {
    const property = fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 }),
      fc.array(trouble, { maxLength: 25 }),
      async (ids, steps) => {
        const made = rig();
        const orders = made.directory.subscribe("orders");
        made.source.push("orders", {
          kind: "bound",
          endpoints: ids.map((id) => fakeEndpoint(id)),
          trust: "authoritative",
        });
        // Rubbish that happens to be a valid answer is no rubbish.
        const invalid = steps.filter(({ do: what, ...rest }) => what !== "rubbish" || !isAnswer(rest));
        await play(made, invalid);
        const { current } = orders;
        await made.directory.close();
        return current.status === "bound" && current.version === 1 && current.endpoints.length === ids.length;
      },
    );
    const result = await fc.check(property, { seed: 43, numRuns: 400 });
    expect(result.counterexample).toBeNull();
  });
});

function isAnswer(rest: object): boolean {
  const { snapshot } = { snapshot: undefined as unknown, ...rest };
  if (typeof snapshot !== "object" || snapshot === null) return false;
  const { kind, endpoints: entries } = { kind: undefined, endpoints: undefined, ...snapshot } as {
    kind: unknown;
    endpoints: unknown;
  };
  return kind === "absent" || (kind === "bound" && Array.isArray(entries));
}

describe("diffEndpoints", () => {
  it("applied to the first list gives the second, and names nothing that stayed the same", () => {
    const read = (entries: readonly Endpoint[]): readonly DirectoryEndpoint[] =>
      readBody(
        {
          kind: "bound",
          entries,
          suspect: false,
          cached: false,
          trouble: undefined,
          unheard: [],
          explicit: false,
          ageMs: 0,
          skipped: 0,
        },
        [],
      ).endpoints;
    const property = fc.property(endpoints, endpoints, (first, second) => {
      const [before, after] = [read(first), read(second)];
      const diff = diffEndpoints(before, after);
      const told = diff.added.length + diff.updated.length;
      const same = after.filter((item) => before.some((old) => JSON.stringify(old) === JSON.stringify(item)));
      expect(applyDiff(before, diff)).toEqual(after);
      expect(told + same.length).toBe(after.length);
      expect(diff.removed.every(({ id }) => after.every((item) => item.id !== id))).toBe(true);
    });
    expect(fc.check(property, { seed: 44, numRuns: 500 }).failed).toBe(false);
  });
});
