import { describe, expect, it } from "vitest";

import { Freshness } from "../src/freshness.ts";

/** Whether lists that were made and came at these times, in seconds, are taken, at an interval of so many. */
function taken(intervalS: number, ...lists: readonly (readonly [made: number, came: number])[]): boolean[] {
  const freshness = new Freshness();
  return lists.map(([made, came]) => freshness.accept(made * 1000, came * 1000, intervalS * 1000));
}

describe("a list that is older than the newest one", () => {
  it("is refused until nothing newer was heard for 30 s since the first of its kind", () => {
    expect(taken(10, [100, 0], [50, 10], [51, 10], [52, 39.9], [53, 40])).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
  });

  it("is refused for three intervals where that is longer", () => {
    expect(taken(60, [100, 0], [50, 10], [51, 189], [52, 190])).toEqual([true, false, false, true]);
  });

  it("is refused from the beginning again once something newer, or as new, was heard", () => {
    const lagging = [
      [100, 0],
      [50, 10],
      [100, 30],
      [51, 45],
      [101, 60],
      [52, 75],
      [53, 100],
    ] as const;
    expect(taken(10, ...lagging)).toEqual([true, false, true, false, true, false, false]);
  });

  it("is the measure for the next ones once it was believed", () => {
    expect(taken(10, [100, 0], [50, 10], [51, 40], [52, 41], [40, 42])).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
  });

  it("is not told apart where the server says no time", () => {
    const freshness = new Freshness();
    freshness.accept(100, 0, 1000);
    expect(freshness.accept(undefined, 1, 1000)).toBe(true);
    expect(freshness.accept(50, 2, 1000)).toBe(false);
  });
});
