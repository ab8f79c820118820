import { describe, expect, it } from "vitest";

import type { CallKind } from "../src/call-counter.ts";
import { History } from "../src/history.ts";
import { Tally } from "../src/tally.ts";

/** A tally whose last two slots, a second, hold that much. */
function tallyOf(counts: Partial<Record<CallKind, number>>, durations: readonly number[] = []): Tally {
  const tally = new Tally();
  const counter = tally.of("orders").of(undefined);
  for (const [i, ms] of durations.entries()) {
    counter.record("success", ms, true);
    if (i === durations.length >> 1) tally.turn();
  }
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of an object of that type
  for (const kind of Object.keys(counts) as CallKind[]) {
    for (let i = 0; i < counts[kind]!; i++) counter.count(kind);
  }
  tally.turn();
  return tally;
}

describe("the last minutes of a service", () => {
  it("have the percentiles of what was sent, to a few per cent", () => {
    const durations = Array.from({ length: 100 }, (_, i) => 10 * (i + 1)).toReversed();
    const { orders } = new History().add(["orders"], tallyOf({}, durations), 1_700_000_000.04, 1);
    expect(orders).toMatchObject({ at: 1_700_000_000, rate: 100, failed: 0, extra: 0 });
    for (const [percent, exact] of [
      [50, 500],
      [90, 900],
      [99, 990],
    ] as const) {
      expect(Math.abs(orders![`p${percent}`]! / exact - 1)).toBeLessThan(0.03);
    }
  });

  it("count calls by the second, those that failed or were refused, and what retries and hedges added", () => {
    const counts: Record<CallKind, number> = {
      success: 100,
      failure: 1,
      timeout: 2,
      circuit: 4,
      refused: 8,
      ignored: 16,
      cached: 1_000,
      fallback: 1_000,
      fallbackFailed: 1_000,
      retry: 3,
      hedge: 5,
    };
    const { orders } = new History().add(["orders"], tallyOf(counts), 1_700_000_000, 2);
    expect(orders).toEqual({
      at: 1_700_000_000,
      rate: 65.5,
      failed: 7.5,
      extra: 4,
      p50: null,
      p90: null,
      p99: null,
    });
  });

  it("are 180 looks of each, and end with the service", () => {
    const history = new History();
    const tally = new Tally();
    for (let second = 1; second <= 200; second++) history.add(["orders", "users"], tally, second, 1);
    expect(history.all["orders"]!.map(({ at }) => at)).toEqual(Array.from({ length: 180 }, (_, i) => 21 + i));
    history.add(["users"], tally, 201, 1);
    expect(Object.keys(history.all)).toEqual(["users"]);
  });
});
