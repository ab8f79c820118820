import { describe, expect, it } from "vitest";

import { fanOut100 } from "../../scripts/sim/scenarios/fan-out.ts";
import { globalSlowdown } from "../../scripts/sim/scenarios/global-slowdown.ts";
import { linkerd2016 } from "../../scripts/sim/scenarios/linkerd-2016.ts";
import { extras, rowsOf } from "./rows.ts";

const timeout = 180_000;

describe("hedging", () => {
  it("leaves no call of a minute late where one endpoint of eleven turns slow", { timeout }, async () => {
    const rows = await rowsOf(linkerd2016, "default+hedge");
    expect(extras(rows, "callsNotOk")).toEqual([0, 0, 0, 0, 0]);
    for (const { sendsPerCall } of rows) {
      expect(sendsPerCall).toBeGreaterThan(1);
      expect(sendsPerCall).toBeLessThanOrEqual(1.01);
    }
  });

  it("cuts the tail of a call that waits for 100 leaves to a twentieth", { timeout }, async () => {
    const rows = await rowsOf(fanOut100, "default+hedge", 2);
    for (const cut of extras(rows, "tailCut")) expect(cut).toBeGreaterThanOrEqual(20);
    for (const { sendsPerCall } of rows) {
      expect(sendsPerCall).toBeGreaterThan(1.005);
      expect(sendsPerCall).toBeLessThanOrEqual(1.025);
    }
  });

  it.each(["default+hedge", "default+hedge-10ms"])(
    "costs less than the budget where everything is slow and hedges do not help, with %s",
    { timeout },
    async (policy) => {
      const rows = await rowsOf(globalSlowdown, policy);
      for (const percent of extras(rows, "moreSendsPercentIn10s")) expect(percent).toBeLessThanOrEqual(11);
      // It stops: with a delay of 10 ms two calls of three are late, and half of the budget is 10 %.
      for (const percent of extras(rows, "moreSendsPercentWhileSlow"))
        expect(percent).toBeLessThanOrEqual(7.5);
    },
  );
});
