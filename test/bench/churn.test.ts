import { describe, expect, it } from "vitest";

import { askChurn } from "../../bench/churn.ts";

describe("a service of ten thousand endpoints of which a hundred change each second", () => {
  it(
    "is followed with one watch, ten updates a second, and a heap that stays as it is",
    { timeout: 60_000 },
    async () => {
      const question = {
        registry: undefined,
        endpoints: 10_000,
        clients: 200,
        changesPerSecond: 100,
        seconds: 3,
      };
      const { heapBytes, share, updates, watches } = await askChurn(question);
      expect(watches).toBe(1);
      expect(updates).toBeGreaterThan(5);
      expect(updates).toBeLessThanOrEqual(33);
      expect(heapBytes).toBeLessThan(8 * 1_024 * 1_024);
      // The processor's time, which other processes hardly change; the benchmark holds it to a tenth.
      expect(share).toBeLessThan(0.3);
    },
  );
});
