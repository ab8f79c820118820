import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { priorityLoads } from "../../../src/endpoints/traffic/priorities.ts";

const percent = (healthy: readonly number[]): readonly number[] =>
  priorityLoads(healthy.map((share) => share / 100)).shares.map((share) => Math.round(share * 1_000) / 10);

describe("priorities", () => {
  it.each([
    [
      [100, 100],
      [100, 0],
    ],
    [
      [72, 100],
      [100, 0],
    ],
    [
      [71, 100],
      [99.4, 0.6],
    ],
    [
      [50, 100],
      [70, 30],
    ],
    [
      [25, 100],
      [35, 65],
    ],
    [
      [0, 100],
      [0, 100],
    ],
    [
      [25, 25],
      [50, 50],
    ],
    [
      [0, 0],
      [100, 0],
    ],
    [
      [20, 20, 100],
      [28, 28, 44],
    ],
  ])("of which %j %% are healthy get %j %% of the traffic, as in Envoy", (healthy, shares) => {
    expect(percent(healthy)).toEqual(shares);
  });

  it("always share all of the traffic, the better ones first", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
        (healthy) => {
          const { isEnough, shares } = priorityLoads(healthy);
          expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
          const able = healthy.reduce((sum, share) => sum + Math.min(1, 1.4 * share), 0);
          expect(isEnough).toBe(able >= 1);
        },
      ),
      { seed: 3 },
    );
  });
});
