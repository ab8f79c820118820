import { Pacer } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("the pacer", () => {
  it("lets a burst pass and makes the rest wait for their tokens", () => {
    const pacer = new Pacer(3, 100);
    expect([0, 0, 0, 0].map((now) => pacer.take(now))).toEqual([0, 0, 0, 100]);
    expect(pacer.take(100)).toBe(100);
  });

  it("is full again after a pause, and no fuller", () => {
    const pacer = new Pacer(2, 100);
    for (let n = 0; n < 5; n++) pacer.take(0);
    const later = 10_000;
    expect([later, later, later].map((now) => pacer.take(now))).toEqual([0, 0, 100]);
  });

  it("charges a costly read in proportion", () => {
    const pacer = new Pacer(10, 2);
    expect([pacer.take(0, 8), pacer.take(0, 8), pacer.take(12, 1)]).toEqual([0, 12, 2]);
  });

  it("makes nobody wait where tokens come back at once", () => {
    const pacer = new Pacer(1, 0);
    expect([0, 0, 0].map((now) => pacer.take(now))).toEqual([0, 0, 0]);
  });

  it("never lets more through than the burst and what came back since", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 100 }),
        gaps,
        (burst, ms, pauses) => {
          const pacer = new Pacer(burst, ms);
          let now = 0;
          pauses.forEach((pause, n) => {
            now += pause;
            // Whoever obeys reads only when the wait is over.
            now += pacer.take(now);
            expect(n + 1).toBeLessThanOrEqual(burst + now / ms + 1e-6);
          });
        },
      ),
      { seed: 7 },
    );
  });
});
