import { describe, expect, it } from "vitest";

import { backgroundErrors } from "../../scripts/sim/scenarios/background-errors.ts";
import { allDown, halfDown } from "../../scripts/sim/scenarios/even-spread.ts";
import { fastFailing, flaky30, temporaryFailure } from "../../scripts/sim/scenarios/failures.ts";
import { extras, mean, rowsOf } from "./rows.ts";

const timeout = 60_000;

describe("an endpoint that fails within a millisecond", () => {
  it("attracts traffic where only load counts", { timeout }, async () => {
    for (const percent of extras(await rowsOf(fastFailing, "least-request"), "failingSharePercent")) {
      expect(percent).toBeGreaterThan(18);
    }
  });

  it("gets less than 1 % of the picks by its cost alone, and is back within 2 s", { timeout }, async () => {
    const rows = await rowsOf(fastFailing, "default");
    for (const percent of extras(rows, "failingSharePercent")) expect(percent).toBeLessThanOrEqual(1);
    for (const seconds of extras(rows, "fairAfterS")) expect(seconds).toBeLessThanOrEqual(2);
  });

  it("gets less than 0.1 % of the picks with ejection, and is back within 2 s", { timeout }, async () => {
    const rows = await rowsOf(fastFailing, "default+ejection");
    for (const percent of extras(rows, "failingSharePercent")) expect(percent).toBeLessThanOrEqual(0.1);
    for (const seconds of extras(rows, "fairAfterS")) expect(seconds).toBeLessThanOrEqual(2);
  });
});

describe("an endpoint that fails for a while, in the time that an answer takes", () => {
  it.each([
    ["default", 1],
    ["default+ejection", 0.2],
  ])(
    "with %s gets less than %d % of the calls meanwhile, and is back at a fair share within 2 s",
    { timeout },
    async (policy, most) => {
      const rows = await rowsOf(temporaryFailure, policy);
      for (const percent of extras(rows, "failingSharePercent")) expect(percent).toBeLessThanOrEqual(most);
      for (const seconds of extras(rows, "fairAfterS")) expect(seconds).toBeLessThanOrEqual(2);
    },
  );
});

describe("an endpoint that fails now and then", () => {
  it("is out most of the time, and does not come and go", { timeout }, async () => {
    const rows = await rowsOf(flaky30, "default+ejection");
    for (const percent of extras(rows, "failedPercent")) expect(percent).toBeLessThanOrEqual(0.9);
    for (const ejections of extras(rows, "ejections")) expect(ejections).toBeLessThanOrEqual(3);
    expect(extras(rows, "othersEjected")).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("a few errors on all endpoints alike, close to what they can do", () => {
  it("change neither the tail nor the balance, and eject nobody", { timeout }, async () => {
    const plain = await rowsOf(backgroundErrors, "least-request");
    const rows = await rowsOf(backgroundErrors, "default+ejection");
    for (const rate of ["1", "0_1", "0_03"]) {
      const tail = extras(rows, `p99MsAt${rate}Percent`);
      const least = extras(plain, `p99MsAt${rate}Percent`);
      expect(mean(tail.map((ms, seed) => ms / (least[seed] ?? Number.NaN)))).toBeLessThanOrEqual(1.03);
      expect(Math.max(...extras(rows, `maxOverMeanAt${rate}Percent`))).toBeLessThanOrEqual(1.15);
      // Second by second the busiest of ten is 1.13 times the mean by dice alone: 134 calls each, give or take their root.
      expect(mean(extras(rows, `maxOverMeanBySecondAt${rate}Percent`))).toBeLessThanOrEqual(1.2);
      expect(extras(rows, `ejectionsAt${rate}Percent`)).toEqual([0, 0, 0, 0, 0]);
    }
    // What it is above that is the comparing of latencies, and no error's doing: thirty times as many add nothing.
    const bySecond = (rate: string): number => mean(extras(rows, `maxOverMeanBySecondAt${rate}Percent`));
    expect(bySecond("1") / bySecond("0_03")).toBeLessThanOrEqual(1.02);
  });
});

describe("many endpoints that are down", () => {
  it(
    "get less than 1 call in 1,000 once they are known, though they are half of all",
    { timeout },
    async () => {
      const rows = await rowsOf(halfDown, "default+ejection");
      for (const sends of extras(rows, "deadSendsAfter10s")) expect(sends).toBeLessThanOrEqual(100);
      expect(extras(rows, "panics")).toEqual([0, 0, 0, 0, 0]);
    },
  );

  it(
    "are still tried when they are all there is, once for each call, and again as soon as they are back",
    {
      timeout,
    },
    async () => {
      const rows = await rowsOf(allDown, "default+ejection");
      expect(rows.map(({ sendsPerCall }) => sendsPerCall)).toEqual([1, 1, 1, 1, 1]);
      expect(extras(rows, "notOkAfterRecovery")).toEqual([0, 0, 0, 0, 0]);
    },
  );

  it.each(["round-robin", "least-request", "default", "default+ejection"])(
    "are counted as panic with %s, each call that had no other to go to",
    { timeout },
    async (policy) => {
      const rows = await rowsOf(allDown, policy);
      for (const [index, failed] of extras(rows, "failedCalls").entries()) {
        const panics = extras(rows, "panics")[index] ?? Number.NaN;
        expect(panics).toBeGreaterThan(0.97 * failed);
        expect(panics).toBeLessThan(1.1 * failed);
      }
    },
  );
});
