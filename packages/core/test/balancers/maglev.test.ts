import { describe, expect, it } from "vitest";

import { resolveBalancer } from "../../src/balancers/balancers.ts";
import { hashMembers } from "../../src/balancers/hash-members.ts";
import { MaglevTable } from "../../src/balancers/maglev-table.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import { LoadTable } from "../../src/endpoints/load-table.ts";
import { endpointStates } from "../support/balancing.ts";

/** How many slots each member has, by id. */
function slotsOf(
  size: number,
  count: number,
  over?: (index: number) => Partial<Endpoint>,
): ReadonlyMap<string, number> {
  const members = hashMembers(endpointStates(count, new LoadTable(), over));
  const table = new MaglevTable(members, size);
  const counts = new Map<string, number>();
  for (let place = 0; place < size; place++) {
    const { id } = members.endpoints[table.memberAt(place)]!;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

describe("the maglev table", () => {
  it("gives members of one weight the same number of slots, but for one", () => {
    for (const [size, count] of [
      [65_537, 100],
      [65_537, 1_000],
      [997, 10],
      [7, 3],
    ] as const) {
      const slots = [...slotsOf(size, count).values()];
      expect(slots).toHaveLength(count);
      expect(Math.max(...slots) - Math.min(...slots)).toBeLessThanOrEqual(1);
      expect(slots.reduce((sum, one) => sum + one, 0)).toBe(size);
    }
  });

  it("gives members slots in proportion to their weights, one at least", () => {
    const weights = [1, 2, 5, 0.000_01];
    const slots = slotsOf(65_537, 4, (i) => ({ weight: weights[i]! }));
    for (const [i, weight] of weights.slice(0, 3).entries()) {
      expect(slots.get(`e${i}`)! / 65_537).toBeCloseTo(weight / 8, 3);
    }
    expect(slots.get("e3")).toBe(1);
  });

  it("is full even where there are more members than slots", () => {
    const slots = [...slotsOf(7, 50).values()];
    expect(slots).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect([...slotsOf(2, 1)]).toEqual([["e0", 2]]);
  });

  it("is built of 1,000 members in 20 ms, and weights a million times apart take no longer", () => {
    for (const over of [undefined, (i: number) => ({ weight: i === 0 ? 1_000_000 : 1 })]) {
      const members = hashMembers(endpointStates(1_000, new LoadTable(), over));
      let best = Infinity;
      for (let round = 0; round < 10; round++) {
        const begin = performance.now();
        expect(new MaglevTable(members, 65_537).size).toBe(65_537);
        best = Math.min(best, performance.now() - begin);
      }
      expect(best).toBeLessThan(20);
    }
  });
});

describe("maglev options", () => {
  it.each([
    [
      { tableSize: 65_536 },
      "b.tableSize must be a prime from 2 to 5000011 (the next one is 65537), got 65536",
    ],
    [
      { tableSize: 5_000_010 },
      "b.tableSize must be a prime from 2 to 5000011 (the next one is 5000011), got 5000010",
    ],
    [{ tableSize: 1 }, "b.tableSize must be a whole number from 2 to 5000011, got 1"],
    [{ tableSize: 5_000_012 }, "b.tableSize must be a whole number from 2 to 5000011, got 5000012"],
    [
      { minRingSize: 7 },
      "b.minRingSize must be left out (b takes type, hashOn, tableSize, boundedLoad), got 7",
    ],
  ])("refuses %j", (options, message) => {
    expect(() => resolveBalancer({ type: "maglev", ...options }, "b")).toThrow(message);
  });
});
