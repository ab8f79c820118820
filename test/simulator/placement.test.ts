import { describe, expect, it } from "vitest";

import { evenSpread } from "../../scripts/sim/scenarios/even-spread.ts";
import { subsetting } from "../../scripts/sim/scenarios/subsetting.ts";
import { zoneOutage } from "../../scripts/sim/scenarios/zone-outage.ts";
import { extras, rowsOf } from "./rows.ts";

const timeout = 90_000;

describe("100,000 calls on 100 equal endpoints", () => {
  it("are spread to within 10 of 1,000 by requests in flight", { timeout }, async () => {
    for (const off of extras(await rowsOf(evenSpread, "least-request"), "furthestOff")) {
      expect(off).toBeLessThanOrEqual(10);
    }
  });

  it("are spread to within 50 of 1,000 by the default", { timeout }, async () => {
    const rows = await rowsOf(evenSpread, "default");
    for (const figure of ["furthestOff", "furthestOffAnswered"]) {
      for (const off of extras(rows, figure)) expect(off).toBeLessThanOrEqual(50);
    }
  });
});

describe("subsets of 20 for each of 1,000 clients, out of 1,000 endpoints", () => {
  it("load all endpoints alike where clients are numbered", { timeout }, async () => {
    for (const { maxOverMean } of await rowsOf(subsetting, "aperture")) {
      expect(maxOverMean).toBeLessThanOrEqual(1.05);
    }
  });

  it("hardly change when an endpoint goes where clients are not numbered", { timeout }, async () => {
    const rows = await rowsOf(subsetting, "rendezvous");
    for (const changed of extras(rows, "changedPerClientAndRemoval"))
      expect(changed).toBeLessThanOrEqual(0.25);
    for (const most of extras(rows, "mostChanged")) expect(most).toBe(1);
  });
});

describe("the loss of a zone of three", () => {
  it("costs no call once it is known, and loads what is left by the formula", { timeout }, async () => {
    const rows = await rowsOf(zoneOutage, "default+ejection");
    expect(extras(rows, "failedAfterDetection")).toEqual([0, 0, 0, 0, 0]);
    for (const percent of extras(rows, "restOffPercent")) expect(percent).toBeLessThanOrEqual(10);
    for (const percent of extras(rows, "lostZoneAtEndPercent")) expect(percent).toBeGreaterThan(30);
  });
});
