import { describe, expect, it } from "vitest";

import { greyLatency } from "../../scripts/sim/scenarios/grey-latency.ts";
import { linkerd2016 } from "../../scripts/sim/scenarios/linkerd-2016.ts";
import { extras, rowsOf } from "./rows.ts";

const timeout = 60_000;

describe("one slow endpoint of eleven, as in Linkerd's Beyond Round Robin", () => {
  it.each([
    ["round-robin", 95.4],
    ["least-request", 99.4],
    ["peak-ewma", 99.9],
  ])("with %s answers %d of 100 calls in time, as was published", { timeout }, async (policy, percent) => {
    for (const { okRatio, sendsPerCall } of await rowsOf(linkerd2016, policy)) {
      expect(Math.abs(100 * okRatio - percent)).toBeLessThanOrEqual(0.3);
      expect(sendsPerCall).toBe(1);
    }
  });

  it("with the defaults loses less than 1 in 2,000, sending no call twice", { timeout }, async () => {
    const rows = await rowsOf(linkerd2016, "default+ejection");
    for (const { okRatio, p999Ms, sendsPerCall } of rows) {
      expect(okRatio).toBeGreaterThanOrEqual(0.9995);
      expect(p999Ms).toBeLessThan(210);
      expect(sendsPerCall).toBe(1);
    }
  });
});

describe("a grey endpoint: three times slower than its peers, and never wrong", () => {
  it(
    "is ejected within three intervals and comes back after it has healed; nobody else ever is",
    { timeout },
    async () => {
      const rows = await rowsOf(greyLatency, "default+ejection");
      for (const seconds of extras(rows, "ejectedAfterS")) expect(seconds).toBeLessThanOrEqual(30);
      // An ejection that began just before it healed lasts for its whole time.
      for (const seconds of extras(rows, "fairAfterS")) expect(seconds).toBeLessThanOrEqual(70);
      expect(extras(rows, "othersEjected")).toEqual([0, 0, 0, 0, 0]);
      // A service that is slow everywhere has no outliers.
      expect(extras(rows, "ejectedWhenAllSlow")).toEqual([0, 0, 0, 0, 0]);
    },
  );
});
