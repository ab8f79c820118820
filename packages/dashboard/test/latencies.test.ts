import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Latencies } from "../src/latencies.ts";

describe("latencies in buckets", () => {
  it("give percentiles within 3 % of the sorted ones", () => {
    const values = fc.array(fc.double({ min: 0.06, max: 60_000, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 100, noNaN: true }), (all, percent) => {
        const latencies = new Latencies();
        for (const ms of all) latencies.record(ms);
        const sorted = all.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil((percent / 100) * all.length)) - 1]!;
        const found = latencies.percentile(percent)!;
        expect(Math.abs(found / exact - 1)).toBeLessThan(0.03);
      }),
    );
  });

  it("take what no clock should say", () => {
    const latencies = new Latencies();
    for (const ms of [0, -1, Number.NaN, 1e12]) latencies.record(ms);
    expect(latencies.count).toBe(4);
    expect(latencies.percentile(100)).toBeGreaterThan(60_000);
  });

  it("are added up and forgotten", () => {
    const [a, b] = [new Latencies(), new Latencies()];
    a.record(10);
    b.record(1_000);
    b.add(a);
    expect([b.count, b.meanMs]).toEqual([2, 505]);
    b.clear();
    expect([b.count, b.meanMs, b.percentile(50)]).toEqual([0, 0, undefined]);
  });
});
