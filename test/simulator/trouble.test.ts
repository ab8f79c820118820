import { describe, expect, it } from "vitest";

import { flapping } from "../../scripts/sim/scenarios/flapping.ts";
import { overloadRamp } from "../../scripts/sim/scenarios/overload-ramp.ts";
import { pausedProcess } from "../../scripts/sim/scenarios/paused-process.ts";
import { extras, rowsOf } from "./rows.ts";

const timeout = 60_000;

describe("a load of three times what the servers can do", () => {
  it("leaves hardly anything useful done where all of it is let through", { timeout }, async () => {
    const rows = await rowsOf(overloadRamp, "least-request", 2);
    for (const percent of extras(rows, "goodputAbove100Percent")) expect(percent).toBeLessThan(20);
    for (const times of extras(rows, "acceptedP99ByUnloaded")) expect(times).toBeGreaterThan(10);
    expect(extras(rows, "callsLostBelow80")).toEqual([0, 0]);
    for (const seconds of extras(rows, "healthyAfterS")) expect(seconds).toBeLessThanOrEqual(5);
  });
});

describe("the same load with an adaptive limit of calls in flight", () => {
  it.each(["least-request+adaptive", "default+adaptive"])(
    "is shed without costing what could be done, or anybody his patience (%s)",
    { timeout },
    async (policy) => {
      const rows = await rowsOf(overloadRamp, policy, 3);
      for (const percent of extras(rows, "worstGoodputPercent")) expect(percent).toBeGreaterThanOrEqual(90);
      for (const times of extras(rows, "acceptedP99ByUnloaded")) expect(times).toBeLessThanOrEqual(2);
      for (const seconds of extras(rows, "healthyAfterS")) expect(seconds).toBeLessThanOrEqual(5);
      expect(extras(rows, "callsLostBelow80")).toEqual([0, 0, 0]);
    },
  );
});

describe("an endpoint that comes and goes", () => {
  it("costs no call where failures are retried, and is used again at the end", { timeout }, async () => {
    const rows = await rowsOf(flapping, "default+retry", 2);
    expect(extras(rows, "failedCalls")).toEqual([0, 0]);
    for (const percent of extras(rows, "flappingSharePercent")) expect(percent).toBeLessThan(2);
    for (const percent of extras(rows, "sharePercentAtEnd")) expect(percent).toBeGreaterThan(15);
  });
});

describe("a calling process that stands still", () => {
  it("blames nobody for it", { timeout }, async () => {
    const rows = await rowsOf(pausedProcess, "all-defaults");
    for (const figure of [
      "failedCalls",
      "lostAfterwards",
      "ejections",
      "circuitsOpened",
      "budgetsExhausted",
    ]) {
      expect(extras(rows, figure)).toEqual([0, 0, 0, 0, 0]);
    }
    // Whose answers lay unread for half a minute is not thought to be slow.
    for (const times of extras(rows, "busiestAfterwards")) expect(times).toBeLessThanOrEqual(1.25);
    for (const { sendsPerCall } of rows) expect(sendsPerCall).toBe(1);
  });
});
