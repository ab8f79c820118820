import { describe, expect, it } from "vitest";

import { backgroundErrors } from "../../scripts/sim/scenarios/background-errors.ts";
import { allDown, halfDown } from "../../scripts/sim/scenarios/even-spread.ts";
import { fastFailing, temporaryFailure } from "../../scripts/sim/scenarios/failures.ts";
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

  it("gets less than 0.1 % of the picks with ejection", { timeout }, async () => {
    const rows = await rowsOf(fastFailing, "default+ejection");
    for (const percent of extras(rows, "failingSharePercent")) expect(percent).toBeLessThanOrEqual(0.1);
  });
});

describe("an endpoint that fails for a while, in the time that an answer takes", () => {
  it("is back at a fair share within 2 s", { timeout }, async () => {
    const rows = await rowsOf(temporaryFailure, "default");
    for (const percent of extras(rows, "failingSharePercent")) expect(percent).toBeLessThanOrEqual(1);
    for (const seconds of extras(rows, "fairAfterS")) expect(seconds).toBeLessThanOrEqual(2);
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
      expect(extras(rows, `ejectionsAt${rate}Percent`)).toEqual([0, 0, 0, 0, 0]);
    }
  });
});

describe("many endpoints that are down", () => {
  it(
    "get less than 1 call in 1,000 once they are known, though they are half of all",
    { timeout },
    async () => {
      const rows = await rowsOf(halfDown, "default+ejection");
      for (const sends of extras(rows, "deadSendsAfter10s")) expect(sends).toBeLessThanOrEqual(100);
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
});
