import { describe, expect, it } from "vitest";

import { Backoff } from "../../src/registry/backoff.ts";

describe("the back-off", () => {
  it("draws from a ceiling that doubles from 100 ms to 30 s", () => {
    const backoff = new Backoff();
    const waits = Array.from({ length: 12 }, () => backoff.failed(0, () => 1));
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]);
  });

  it("draws anything below the ceiling, so that clients do not come in step", () => {
    expect(new Backoff().failed(0, () => 0)).toBe(0);
  });

  it("never comes back before the server wants it", () => {
    expect(new Backoff().failed(0, () => 0.5, 5000)).toBe(5000);
  });

  it("does not forget because of one success between failures", () => {
    const backoff = new Backoff();
    for (let now = 0; now < 5000; now += 1000) {
      backoff.failed(now, () => 1);
      backoff.succeeded(now + 500);
    }
    expect(backoff.failed(5000, () => 1)).toBe(3200);
  });

  it("forgets after ten seconds in which all was well, and does not take a long wait for them", () => {
    const backoff = new Backoff();
    backoff.failed(0, () => 1);
    backoff.failed(0, () => 1);
    backoff.succeeded(60_000);
    backoff.succeeded(69_999);
    expect(backoff.failed(69_999, () => 1)).toBe(400);
    backoff.succeeded(70_000);
    backoff.succeeded(80_000);
    expect(backoff.failed(80_000, () => 1)).toBe(100);
  });

  it("begins afresh when a stream breaks that was well for ten seconds without saying so again", () => {
    const backoff = new Backoff();
    for (let i = 0; i < 8; i++) backoff.failed(0, () => 1);
    backoff.succeeded(1_000);
    expect(backoff.failed(3_600_000, () => 1)).toBe(100);
    backoff.succeeded(3_600_100);
    expect(backoff.failed(3_605_000, () => 1)).toBe(200);
  });
});
