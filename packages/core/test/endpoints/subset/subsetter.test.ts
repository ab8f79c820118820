import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { EndpointState } from "../../../src/endpoints/endpoint-state.ts";
import { LoadTable } from "../../../src/endpoints/load-table.ts";
import { filterMembers, resolveMetadataFilter } from "../../../src/endpoints/subset/metadata-filter.ts";
import { resolveSubset } from "../../../src/endpoints/subset/subset-policy.ts";
import { subsetterFor } from "../../../src/endpoints/subset/subsetter.ts";
import type { SubsetVariant } from "../../../src/endpoints/subset/subsetter.ts";
import { seededRandom } from "../../../src/random.ts";
import { endpointStates } from "../../support/balancing.ts";

const rendezvous = { type: "rendezvous", size: 20 } as const;
const aperture = { type: "aperture", size: 20 } as const;

/** How much each endpoint is used by all clients together. */
function loads(all: readonly EndpointState[], choices: readonly (readonly SubsetVariant[])[]): number[] {
  const used = new Map<EndpointState, number>(all.map((state) => [state, 0]));
  for (const variants of choices) {
    for (const { endpoints, probability } of variants) {
      for (const state of endpoints) used.set(state, used.get(state)! + probability / endpoints.length);
    }
  }
  return [...used.values()];
}

const maxOverMean = (values: readonly number[]): number =>
  (Math.max(...values) * values.length) / values.reduce((sum, value) => sum + value, 0);

describe("rendezvous subsetting", () => {
  it("takes the same endpoints whatever their order, and others with another seed", () => {
    const states = endpointStates(200, new LoadTable());
    const ids = (given: readonly EndpointState[], seed: number): string[] =>
      subsetterFor(rendezvous, seed, undefined)
        .choose(given)[0]!
        .endpoints.map(({ id }) => id)
        .toSorted();
    expect(ids(states, 1)).toHaveLength(20);
    expect(ids(states.toReversed(), 1)).toEqual(ids(states, 1));
    expect(ids(states, 2)).not.toEqual(ids(states, 1));
  });

  it("changes a quarter of an endpoint per client and removal at the most", () => {
    const states = endpointStates(100, new LoadTable());
    const random = seededRandom(5);
    let changed = 0;
    for (let client = 0; client < 200; client++) {
      const seed = Math.floor(random() * 2 ** 32);
      const before = new Set(subsetterFor(rendezvous, seed, undefined).choose(states)[0]!.endpoints);
      const after = subsetterFor(rendezvous, seed, undefined).choose(states.slice(1))[0]!.endpoints;
      const fresh = after.filter((state) => !before.has(state));
      expect(fresh.length).toBeLessThanOrEqual(1);
      changed += fresh.length;
    }
    expect(changed / 200).toBeLessThanOrEqual(0.25);
  });

  it("passes over what the registry calls unusable, as long as there is enough else, and never over an ejected one", () => {
    const table = new LoadTable();
    const states = endpointStates(100, table, (index) => (index < 50 ? { health: "unhealthy" } : {}));
    const chosen = subsetterFor(rendezvous, 1, undefined).choose(states)[0]!.endpoints;
    expect(chosen.every(({ spec }) => spec.health === "healthy")).toBe(true);
    for (const { offset } of chosen) table.setClosed(offset, true);
    expect(subsetterFor(rendezvous, 1, undefined).choose(states)[0]!.endpoints).toEqual(chosen);
  });
});

describe("aperture subsetting", () => {
  it.each([
    [50, 100, 12],
    [200, 100, 20],
    [300, 300, 30],
    [300, 90, 10],
    [1_000, 1_000, 20],
    [7, 100, 12],
  ])("of %i clients over %i endpoints, %i each, loads all alike", (clients, endpoints, size) => {
    const states = endpointStates(endpoints, new LoadTable());
    const choices = Array.from({ length: clients }, (_, index) =>
      subsetterFor({ type: "aperture", size }, 1, { index, total: clients }).choose(states),
    );
    expect(maxOverMean(loads(states, choices))).toBeLessThanOrEqual(1.05);
    for (const variants of choices) {
      const total = variants.reduce((sum, { probability }) => sum + probability, 0);
      expect(total).toBeCloseTo(1);
      for (const variant of variants) expect(variant.endpoints.length).toBeGreaterThanOrEqual(size - 2);
    }
  });

  it("is as even as rendezvous is not", () => {
    const states = endpointStates(100, new LoadTable());
    const random = seededRandom(9);
    const choices = Array.from({ length: 50 }, () =>
      subsetterFor({ type: "rendezvous", size: 12 }, Math.floor(random() * 2 ** 32), undefined).choose(
        states,
      ),
    );
    expect(maxOverMean(loads(states, choices))).toBeGreaterThan(1.3);
  });

  it("covers every endpoint, and none twice, for any numbers", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 40 }),
        (clients, endpoints, size) => {
          const states = endpointStates(endpoints, new LoadTable());
          const choices = Array.from({ length: clients }, (_, index) =>
            subsetterFor({ type: "aperture", size }, 1, { index, total: clients }).choose(states),
          );
          for (const variants of choices) {
            for (const variant of variants) {
              expect(new Set(variant.endpoints).size).toBe(variant.endpoints.length);
              expect(variant.endpoints.length).toBeGreaterThan(0);
            }
          }
          expect(Math.min(...loads(states, choices))).toBeGreaterThan(0);
        },
      ),
      { seed: 21, numRuns: 200 },
    );
  });
});

describe("the options of subsetting", () => {
  it("are rendezvous above 64 endpoints, or aperture where an ordinal is known", () => {
    expect(resolveSubset(undefined, "subset", false)).toEqual({
      type: "rendezvous",
      size: 64,
      isDefault: true,
    });
    expect(resolveSubset(undefined, "subset", true)).toEqual({ type: "aperture", size: 64, isDefault: true });
    expect(resolveSubset(false, "subset", true)).toBe(false);
    const states = endpointStates(64, new LoadTable());
    expect(subsetterFor({ type: "rendezvous", size: 64 }, 1, undefined).choose(states)[0]?.endpoints).toBe(
      states,
    );
  });

  it.each([
    [{ size: 0 }, "subset.size must be a whole number from 1 to 1000000, got 0"],
    [{ type: "ring" }, 'subset.type must be "rendezvous" or "aperture", got "ring"'],
    [aperture, 'ordinal must be given where subset.type is "aperture"'],
  ])("refuse %j", (input, message) => {
    expect(() => resolveSubset(input, "subset", false)).toThrow(message);
  });
});

describe("subsets by metadata", () => {
  const states = endpointStates(4, new LoadTable(), (index) => ({
    version: `v${index % 2}`,
    metadata: { stage: index === 3 ? "canary" : "stable" },
  }));
  const ids = (input: unknown): string[] =>
    filterMembers(states, resolveMetadataFilter(input, "endpoints")).map(({ id }) => id);

  it("take the endpoints that say everything that is asked for", () => {
    expect(ids({ metadata: { stage: "stable" } })).toEqual(["e0", "e1", "e2"]);
    expect(ids({ metadata: { stage: ["canary", "other"] } })).toEqual(["e3"]);
    expect(ids({ metadata: { stage: "stable", version: "v1" } })).toEqual(["e1"]);
    expect(ids(undefined)).toHaveLength(4);
  });

  it("fall back to all of them only where that is asked for", () => {
    expect(ids({ metadata: { stage: "none" } })).toEqual([]);
    expect(ids({ metadata: { stage: "none" }, fallback: "any" })).toHaveLength(4);
    expect(ids({ metadata: { constructor: "x" } })).toEqual([]);
  });

  it.each([
    [{}, "endpoints.metadata must be an object with a key at least"],
    [{ metadata: { stage: 1 } }, "endpoints.metadata.stage must be a text, or several, got 1"],
    [{ metadata: { a: "b" }, fallback: "some" }, 'endpoints.fallback must be "none" or "any", got "some"'],
  ])("refuse %j", (input, message) => {
    expect(() => resolveMetadataFilter(input, "endpoints")).toThrow(message);
  });
});
