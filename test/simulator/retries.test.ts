import { describe, expect, it } from "vitest";

import { backoffContention } from "../../scripts/sim/scenarios/backoff-contention.ts";
import { deadDependency, deadDependency3Layers } from "../../scripts/sim/scenarios/dead-dependency.ts";
import { errors10, errors5 } from "../../scripts/sim/scenarios/errors.ts";
import { extras, mean, rowsOf } from "./rows.ts";

const timeout = 120_000;

describe("a service that is dead", () => {
  it.each(["default+retry", "all-defaults"])(
    "gets at most 1.20 attempts per call from any number of clients, with %s",
    { timeout },
    async (policy) => {
      const rows = await rowsOf(deadDependency, policy, 2);
      for (const clients of [10, 100, 1_000]) {
        for (const figure of [`sendsPerCall${clients}`, `sendsPerCallFromMiddle${clients}`]) {
          expect(Math.max(...extras(rows, figure))).toBeLessThanOrEqual(1.2);
        }
        // What there is to retry with when it dies is spent on its first calls.
        const figure = `sendsPerCallOnceDead${clients}`;
        expect(Math.max(...extras(rows, figure))).toBeLessThanOrEqual(1.21);
      }
      for (const { extra, sendsPerCall } of rows) {
        expect(sendsPerCall).toBe(extra["sendsPerCall1000"]);
        // It is tried again, while there is something left to try with.
        expect(sendsPerCall).toBeGreaterThan(1.05);
      }
    },
  );

  it("gets at most 1.75 attempts per call three layers below", { timeout }, async () => {
    const rows = await rowsOf(deadDependency3Layers, "default+retry");
    for (const { extra, sendsPerCall } of rows) {
      expect(sendsPerCall).toBe(extra["sendsToCPerCall"]);
      expect(sendsPerCall).toBeGreaterThan(1);
      expect(sendsPerCall).toBeLessThanOrEqual(1.75);
      expect(extra["sendsToCPerCallFromMiddle"]).toBeLessThanOrEqual(1.75);
    }
  });

  it("gets next to nothing where circuits are left on", { timeout }, async () => {
    for (const { extra } of await rowsOf(deadDependency3Layers, "all-defaults", 2)) {
      expect(extra["circuitsOpened"]).toBeGreaterThanOrEqual(10);
      expect(extra["sendsToCPerCall"]).toBeLessThanOrEqual(0.05);
    }
  });
});

describe("a service whose every endpoint fails now and then", () => {
  it.each([
    [errors5, 0.999],
    [errors10, 0.998],
  ])("loses next to nothing to any number of clients: $name", { timeout }, async (study, least) => {
    for (const { extra, okRatio } of await rowsOf(study, "all-defaults", 2)) {
      expect(okRatio).toBeGreaterThanOrEqual(least);
      for (const clients of [10, 100, 1_000]) {
        expect(extra[`okPercent${clients}`]).toBeGreaterThanOrEqual(100 * least);
        expect(extra[`sendsPerCall${clients}`]).toBeLessThanOrEqual(1.13);
      }
    }
  });
});

describe("a hundred clients that want to write the same row", () => {
  it(
    "are done after 830 writes and 5.2 seconds, with the jitter that is the default",
    { timeout },
    async () => {
      const rows = await rowsOf(backoffContention, "default");
      for (const writes of extras(rows, "callsPerRun")) expect(writes).toBeLessThanOrEqual(830);
      for (const seconds of extras(rows, "completionS")) expect(seconds).toBeLessThanOrEqual(5.2);
    },
  );

  it.each([
    ["equal-jitter", 812, 6.76],
    ["no-jitter", 1_871, 64.5],
  ])(
    "need with %s %d writes and %d seconds, as was published",
    { timeout },
    async (policy, writes, seconds) => {
      const rows = await rowsOf(backoffContention, policy);
      expect(Math.abs(mean(extras(rows, "callsPerRun")) / writes - 1)).toBeLessThan(0.03);
      expect(Math.abs(mean(extras(rows, "completionS")) / seconds - 1)).toBeLessThan(0.03);
    },
  );
});
