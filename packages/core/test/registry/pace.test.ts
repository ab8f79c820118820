import { describe, expect, it } from "vitest";

import { Pace } from "../../src/registry/pace.ts";
import { ManualClock } from "../../src/testing/index.ts";

describe("the pace of telling", () => {
  it.each([
    [10, 2],
    [1000, 10],
    [10_000, 100],
    [100_000, 100],
  ])("of a list of %i is at once, then every %i ms, and ends with the last change", async (size, gapMs) => {
    const clock = new ManualClock();
    const begin = clock.now();
    const told: number[] = [];
    const pace = new Pace(clock, () => {
      told.push(clock.now() - begin);
    });
    for (let ms = 0; ms < gapMs * 5; ms++) {
      for (let i = 0; i < 10; i++) pace.ask(size);
      // eslint-disable-next-line no-await-in-loop -- time goes on
      await clock.advance(1);
    }
    await clock.advance(gapMs * 2);
    expect(told).toEqual([0, 1, 2, 3, 4, 5].map((n) => n * gapMs).slice(0, told.length));
    expect(told.length).toBeGreaterThanOrEqual(5);
  });

  it("is at once again after a quiet while, and silent after the end", async () => {
    const clock = new ManualClock();
    let told = 0;
    const pace = new Pace(clock, () => {
      told++;
    });
    pace.ask(100);
    await clock.advance(1000);
    pace.ask(100);
    expect(told).toBe(2);
    pace.ask(100);
    pace.flush();
    expect(told).toBe(3);
    pace.flush();
    pace.ask(100);
    pace.clear();
    await clock.advance(1000);
    expect(told).toBe(3);
  });
});
