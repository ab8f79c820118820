import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RefusalCap } from "../../src/inbound/refusal-cap.ts";

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ came: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 6, arbitrary: fc.record({ refuse: fc.integer({ min: 1, max: 20 }) }) },
    {
      weight: 4,
      arbitrary: fc.record({ wait: fc.constantFrom(0.5, 100, 999, 1_000, 3_333, 9_999, 10_000, 60_000) }),
    },
  ),
  { maxLength: 40 },
);

interface Entry {
  readonly second: number;
  readonly refused: boolean;
}

describe("the cap on refusals, in ten thousand schedules", () => {
  it("allows what its plain definition allows, over whole seconds", () => {
    const property = fc.property(
      fc.constantFrom(0, 0.1, 0.2, 0.5, 1),
      fc.constantFrom(0, 123_456.7),
      steps,
      (ratio, start, schedule) => {
        const cap = new RefusalCap(ratio);
        let log: Entry[] = [];
        let now = start;
        for (const step of schedule) {
          if ("wait" in step) now += step.wait;
          const second = Math.floor(now / 1_000);
          log = log.filter((entry) => entry.second > second - 10);
          const { came, refuse } = { came: 0, refuse: 0, ...step };
          for (let i = 0; i < came; i++) {
            cap.came(now);
            log.push({ second, refused: false });
          }
          for (let i = 0; i < refuse; i++) {
            const refused = log.filter((entry) => entry.refused).length;
            const allowed = ratio === 1 || refused + 1 <= 10 + ratio * (log.length - refused);
            expect(cap.allows(now)).toBe(allowed);
            if (allowed) log.push({ second, refused: true });
          }
        }
      },
    );
    fc.assert(property, { seed: 4, numRuns: 10_000 });
  });

  it("holds a caller that gets every time wrong to a fifth and ten, for as long as it lasts", () => {
    const cap = new RefusalCap(0.2);
    let refused = 0;
    for (let i = 0; i < 100_000; i++) {
      cap.came(i);
      if (cap.allows(i)) refused++;
    }
    expect(refused).toBeGreaterThan(20_000);
    expect(refused).toBeLessThan(20_200);
  });
});
