import { ManualClock } from "@proxyless/core/testing";
import { array, assert, asyncProperty, integer, tuple } from "fast-check";
import { expect, it } from "vitest";

import { Repeats } from "../src/repeats.ts";

it("loses nothing, forgets what is over, and keeps no more than it may, whatever comes", async () => {
  const steps = array(tuple(integer({ min: 0, max: 7 }), integer({ min: 0, max: 600 })), { maxLength: 120 });
  await assert(
    asyncProperty(steps, integer({ min: 1, max: 10 }), async (arrivals, maxKeys) => {
      const clock = new ManualClock();
      const said = new Map<string, { at: number; told: number }[]>();
      const tell = (key: string, told: number): void => {
        said.set(key, [...(said.get(key) ?? []), { at: clock.now(), told }]);
      };
      const repeats = new Repeats<string>(clock, 1000, maxKeys, (key, held, overMs) => {
        expect(held).toBeGreaterThan(0);
        expect(overMs).toBeLessThanOrEqual(1000);
        tell(key, held);
      });
      const arrived = new Map<string, number>();
      for (const [number, waitMs] of arrivals) {
        const key = `key ${number}`;
        arrived.set(key, (arrived.get(key) ?? 0) + 1);
        if (repeats.admit(key, key)) tell(key, 1);
        expect(repeats.size).toBeLessThanOrEqual(maxKeys);
        expect(clock.pendingTimers).toBeLessThanOrEqual(1);
        await clock.advance(waitMs);
      }
      await clock.advance(2000);
      expect(repeats.size).toBe(0);
      expect(clock.pendingTimers).toBe(0);
      for (const [key, count] of arrived) {
        const lines = said.get(key) ?? [];
        expect(lines.reduce((sum, { told }) => sum + told, 0)).toBe(count);
        // No window gives way where there is room for all.
        if (maxKeys < 8) continue;
        for (const [i, { at }] of lines.entries())
          expect(at - (lines[i - 1]?.at ?? -1000)).toBeGreaterThanOrEqual(1000);
      }
    }),
    { numRuns: 150 },
  );
});
