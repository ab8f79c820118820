import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { formatGrpcTimeout, parseGrpcTimeout } from "../../src/context/grpc-timeout.ts";

describe("grpc-timeout, written", () => {
  it.each([
    [250, "250000u"],
    [1.5, "1500u"],
    [0.000_5, "500n"],
    [0.000_001, "1n"],
    [99_999.999, "99999999u"],
    [100_000, "100000m"],
    [100_000_000, "100000S"],
    [99_999_999_999, "99999999S"],
    [100_000_000_000, "1666666M"],
    [Number.MAX_VALUE, "99999999H"],
  ])("says %d ms as %s", (ms, text) => {
    expect(formatGrpcTimeout(ms)).toBe(text);
  });

  it("has nothing for no time at all, and nothing for no limit", () => {
    for (const ms of [0, -1, -Infinity, NaN, 0.000_000_9, Infinity])
      expect(formatGrpcTimeout(ms)).toBeUndefined();
  });

  it("is what the protocol allows, never more than there is, and less by one part in a hundred thousand at most", () => {
    const times = fc.oneof(
      fc.double({ min: 1e-6, max: 3.5e14, noNaN: true }),
      fc.double({ min: 1e-6, max: 200, noNaN: true }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      // Next to the edges of the units, where rounding errs.
      fc
        .tuple(
          fc.integer({ min: 1, max: 99_999_999 }),
          fc.constantFrom(1e-6, 1e-3, 1, 1e3, 6e4, 3.6e6),
          fc.constantFrom(-1, 0, 1),
        )
        .map(([count, unit, side]) => count * unit * (1 + side * Number.EPSILON))
        .filter((ms) => ms >= 1e-6),
    );
    const property = fc.property(times, (ms) => {
      const text = formatGrpcTimeout(ms)!;
      expect(text).toMatch(/^[1-9]\d{0,7}[HMSmun]$/);
      const read = parseGrpcTimeout(text)!;
      expect(read).toBeLessThanOrEqual(ms);
      expect(read).toBeGreaterThan(ms * (1 - 1e-5) - (ms < 0.001 ? 0.000_001 : 0.001));
    });
    fc.assert(property, { seed: 4, numRuns: 10_000 });
  });
});

describe("grpc-timeout, read", () => {
  it.each([
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["100m", 100],
    ["100u", 0.1],
    ["100n", 0.000_1],
    ["00000005m", 5],
    ["99999999H", 359_999_996_400_000],
  ])("understands %s", (text, ms) => {
    expect(parseGrpcTimeout(text)).toBe(ms);
  });

  it.each([
    "",
    "m",
    "5",
    "0m",
    "00000000S",
    "-5m",
    "+5m",
    "5.5m",
    "5 m",
    " 5m",
    "5m ",
    "5ms",
    "5s",
    "5h",
    "5U",
    "100000000m",
    "1e3m",
    "0x5m",
    "5m, 6m",
    "٥m",
    "5m\n",
    "Infinitym",
  ])("refuses %j", (text) => {
    expect(parseGrpcTimeout(text)).toBeUndefined();
  });

  it("refuses all that is not digits and one unit", () => {
    const property = fc.property(fc.string({ maxLength: 12 }), (text) => {
      const legal = /^(?=.*[1-9])[0-9]{1,8}[HMSmun]$/.test(text);
      expect(parseGrpcTimeout(text) !== undefined).toBe(legal);
    });
    fc.assert(property, { seed: 4, numRuns: 10_000 });
  });
});
