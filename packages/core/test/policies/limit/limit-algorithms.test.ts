import { describe, expect, it } from "vitest";

import { AdaptiveLimit } from "../../../src/policies/limit/adaptive-concurrency/adaptive.ts";
import { AimdLimit } from "../../../src/policies/limit/adaptive-concurrency/aimd.ts";
import { Gradient2Limit } from "../../../src/policies/limit/adaptive-concurrency/gradient2.ts";
import type { LimitAlgorithm } from "../../../src/policies/limit/adaptive-concurrency/limit-algorithm.ts";
import { Pressure } from "../../../src/policies/limit/adaptive-concurrency/pressure.ts";
import { VegasLimit } from "../../../src/policies/limit/adaptive-concurrency/vegas.ts";
import { seededRandom } from "../../../src/random.ts";

/** Samples of one round trip time, a hundred per second. */
function feed(
  algorithm: LimitAlgorithm,
  seconds: number,
  rttMs: number,
  from: number,
  used: (limit: number) => number = Math.floor,
): number {
  for (let i = 0; i < seconds * 100; i++) {
    const inFlight = used(algorithm.limit);
    algorithm.sample(rttMs, inFlight, inFlight >= Math.floor(algorithm.limit), false, from + i * 10);
  }
  return from + seconds * 1_000;
}

describe("AIMD", () => {
  it("adds one per call while half of the limit is used, and takes a tenth off for one that is dropped or too slow", () => {
    const limit = new AimdLimit(20, 10, 30);
    limit.sample(5, 9, false, false);
    expect(limit.limit).toBe(20);
    limit.sample(5, 10, false, false);
    expect(limit.limit).toBe(21);
    limit.sample(0, 1, false, true);
    expect(limit.limit).toBeCloseTo(18.9, 9);
    limit.sample(5_001, 1, false, false);
    expect(limit.limit).toBeCloseTo(17.01, 9);
    for (let i = 0; i < 100; i++) limit.sample(5, 30, true, false);
    expect(limit.limit).toBe(30);
    for (let i = 0; i < 100; i++) limit.sample(0, 30, true, true);
    expect(limit.limit).toBe(10);
  });
});

describe("Gradient2", () => {
  it("grows by a fifth of four per window while times stay, and shrinks while they are much longer than usual", () => {
    const limit = new Gradient2Limit(20, 1, 200, 0.2);
    let now = feed(limit, 11, 10, 0);
    expect(limit.limit).toBeCloseTo(20 + 10 * 0.2 * 4, 6);
    expect(limit.unloadedMs).toBeCloseTo(10, 6);
    now = feed(limit, 10, 100, now);
    expect(limit.limit).toBeLessThan(20);
    const low = limit.limit;
    feed(limit, 10, 10, now);
    expect(limit.limit).toBeGreaterThan(low);
  });

  it("stays where it is while less than half of it is used", () => {
    const limit = new Gradient2Limit(20, 1, 200, 0.2);
    feed(limit, 20, 10, 0, () => 3);
    expect(limit.limit).toBe(20);
  });
});

describe("Vegas", () => {
  it("grows fast while nothing waits, holds while a few do, and shrinks while many do", () => {
    const limit = new VegasLimit(20, 1, 1_000, 1, seededRandom(1));
    limit.sample(10, 20, true, false);
    limit.sample(10, 20, true, false);
    expect(limit.limit).toBeCloseTo(20 + 6 * Math.log10(20), 9);
    const grown = limit.limit;
    // Of 27.8 about 5 wait: between three and six times log10.
    limit.sample(10 / (1 - 5 / grown), 27, true, false);
    expect(limit.limit).toBe(grown);
    limit.sample(30, 27, true, false);
    expect(limit.limit).toBeCloseTo(grown - Math.log10(grown), 9);
    const shrunk = limit.limit;
    limit.sample(0, 27, true, true);
    expect(limit.limit).toBeCloseTo(shrunk - Math.log10(shrunk), 9);
  });

  it("measures the shortest round trip anew after a while", () => {
    const limit = new VegasLimit(20, 1, 20, 1, seededRandom(1));
    feed(limit, 1, 10, 0);
    feed(limit, 20, 40, 1_000);
    expect(limit.unloadedMs).toBe(40);
  });
});

describe("the default algorithm", () => {
  it("never leaves its bounds, and moves into new ones at once", () => {
    const limit = new AdaptiveLimit(20, 5, 40, seededRandom(1));
    let now = feed(limit, 20, 10, 0);
    expect(limit.limit).toBe(40);
    limit.bound(2, 30);
    expect(limit.limit).toBe(30);
    for (let i = 0; i < 1_000; i++) limit.sample(1, 30, true, true, (now += 10));
    expect(limit.limit).toBe(2);
  });

  it("learns what a call takes from those that started with few others", () => {
    const limit = new AdaptiveLimit(20, 1, 100, seededRandom(1));
    feed(limit, 10, 25, 0, () => 2);
    expect(limit.unloadedMs).toBeCloseTo(25, 6);
    expect(limit.limit).toBeLessThan(20);
  });

  it("takes off a tenth per round trip, not per call, where calls are refused", () => {
    const limit = new AdaptiveLimit(50, 1, 100, seededRandom(1));
    const now = feed(limit, 10, 20, 0, () => 25);
    const before = limit.limit;
    for (let i = 0; i < 100; i++) limit.sample(1, 25, true, true, now + i * 0.1);
    expect(limit.limit).toBeCloseTo(before * 0.9, 6);
  });

  it("grows again in small steps after that", () => {
    const limit = new AdaptiveLimit(50, 1, 100, seededRandom(1));
    const unrefused = new AdaptiveLimit(50, 1, 100, seededRandom(1));
    const now = feed(limit, 10, 20, 0, () => 25);
    feed(
      unrefused,
      4,
      20,
      feed(unrefused, 10, 20, 0, () => 25),
    );
    expect(unrefused.limit).toBe(100);
    limit.sample(1, 25, true, true, now);
    const before = limit.limit;
    feed(limit, 4, 20, now);
    expect(limit.limit).toBeGreaterThan(before);
    expect(limit.limit).toBeLessThan(before + 20);
  });
});

describe("pressure", () => {
  it("forgets a bunch, and is at its most while more comes than comes through", () => {
    const pressure = new Pressure();
    for (let i = 0; i < 30; i++) pressure.arrived(0.1, 64, 1_000);
    expect(pressure.value).toBeCloseTo(30 / 64, 9);
    pressure.arrived(0.1, 64, 1_500);
    expect(pressure.value).toBeCloseTo(1 / 64, 9);
    for (let now = 1_500; now < 3_500; now += 5) pressure.arrived(0.1, 64, now);
    expect(pressure.value).toBe(1);
    for (let now = 3_500; now < 60_000; now += 12) pressure.arrived(0.1, 64, now);
    expect(pressure.value).toBeLessThan(0.1);
    pressure.arrived(0, 64, 60_000);
    expect(pressure.value).toBe(0);
  });
});
