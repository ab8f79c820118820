import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { retryAfterOf } from "../../../src/policies/retry/retry-after.ts";
import { ManualClock } from "../../../src/testing/manual-clock.ts";

const clock = new ManualClock(Date.UTC(1994, 10, 6, 8, 49, 37));
const wait = (value: string): number | undefined => retryAfterOf({ "retry-after": value }, clock);
const day = 86_400_000;

describe("the wait a response asks for", () => {
  it.each([
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7_000],
    ["1.5", 1_500],
    ["86400", day],
    ["86401", day],
    ["99999999999999999999", day],
    ["Sun, 06 Nov 1994 08:49:47 GMT", 10_000],
    ["Sunday, 06-Nov-94 08:49:47 GMT", 10_000],
    ["Sun Nov  6 08:49:47 1994", 10_000],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
    ["Sun, 06 Nov 1993 08:49:37 GMT", 0],
    ["Fri, 01 Jan 2100 00:00:00 GMT", day],
  ])("is read from Retry-After: %s", (value, ms) => {
    expect(wait(value)).toBe(ms);
  });

  it.each(["", "-1", "-5", "+5", "1e3", "0x10", "Infinity", "NaN", "soon"])(
    "is not guessed from %j",
    (value) => {
      expect(wait(value)).toBeUndefined();
    },
  );

  it.each([
    "1994-11-06T08:49:47Z",
    "Sun, 06 Nov 1994 08:49:47 +0100",
    "Sun, 99 Nov 1994 08:49:47 GMT",
    "Nov 6",
  ])("is not guessed from the date %j", (value) => {
    expect(wait(value)).toBeUndefined();
  });

  it("prefers milliseconds where the response gives them", () => {
    expect(retryAfterOf({ "retry-after": "2", "retry-after-ms": "150" }, clock)).toBe(150);
    expect(retryAfterOf({ "retry-after": "2", "retry-after-ms": "soon" }, clock)).toBe(2_000);
    expect(retryAfterOf({ "retry-after-ms": "-3" }, clock)).toBeUndefined();
  });

  it("is the longest of repeated headers", () => {
    expect(retryAfterOf({ "retry-after": ["1", "nonsense", "3", "2"] }, clock)).toBe(3_000);
    expect(retryAfterOf({ "retry-after": [] }, clock)).toBeUndefined();
    expect(retryAfterOf({}, clock)).toBeUndefined();
  });

  it("is nothing or a number from 0 to a day, whatever the header says", () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
    );
    fc.assert(
      fc.property(value, (header) => {
        const ms = wait(header);
        expect(ms === undefined || (ms >= 0 && ms <= day)).toBe(true);
      }),
      { seed: 51, numRuns: 1_000 },
    );
  });
});
