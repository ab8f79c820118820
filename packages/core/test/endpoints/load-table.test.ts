import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { successAwareEwma } from "../../src/balancers/cost.ts";
import { LoadTable, PENDING, healedSuccess } from "../../src/endpoints/load-table.ts";

const costAt = (table: LoadTable, row: number, now: number) => successAwareEwma.of(table, row, now);
const latencyAt = (table: LoadTable, row: number, now: number) =>
  costAt(table, row, now) / (table.data[row + PENDING]! + 1);

describe("a load table", () => {
  it("keeps the rows of others when it grows, and gives a reused row a clean start", () => {
    const table = new LoadTable();
    const rows = Array.from({ length: 100 }, (_, i) => {
      const row = table.allocate(1, 0);
      table.succeeded(row, i + 1, 0);
      return row;
    });
    expect(rows.map((row) => latencyAt(table, row, 0))).toEqual(rows.map((_, i) => i + 1));
    table.failed(rows[7]!, 0);
    table.release(rows[7]!);
    const again = table.allocate(1, 0);
    expect(again).toBe(rows[7]);
    expect(healedSuccess(table, again, 0)).toBe(1);
    expect(latencyAt(table, again, 0)).toBe(table.reference);
  });

  it("follows a latency that jumps tenfold within some forty results, however close together", () => {
    const table = new LoadTable();
    const row = table.allocate(1, 0);
    for (let i = 0; i < 100; i++) table.succeeded(row, 10, i);
    for (let i = 0; i < 45; i++) table.succeeded(row, 100, 100 + i);
    expect(latencyAt(table, row, 145)).toBeGreaterThan(90);
  });

  it("makes a slow endpoint look faster while it is left alone, but not while it owes answers", () => {
    const table = new LoadTable();
    const row = table.allocate(1, 0);
    table.succeeded(row, 100, 0);
    expect(latencyAt(table, row, 2_999)).toBeCloseTo(100, 6);
    expect(latencyAt(table, row, 25_000)).toBeLessThan(15);
    table.started(row);
    expect(latencyAt(table, row, 25_000)).toBeCloseTo(100, 6);
  });

  it("lets a bad success ratio heal in seconds", () => {
    const table = new LoadTable();
    const row = table.allocate(1, 0);
    for (let i = 0; i < 50; i++) table.failed(row, 0);
    expect(healedSuccess(table, row, 0)).toBeLessThan(0.01);
    expect(healedSuccess(table, row, 9_000)).toBeGreaterThan(0.95);
  });

  it("makes an endpoint that failed dearer than its equal, and no longer so some seconds later", () => {
    const table = new LoadTable();
    const [bad, good] = [table.allocate(1, 0), table.allocate(1, 0)];
    for (const row of [bad, good]) table.succeeded(row, 10, 0);
    for (let i = 0; i < 7; i++) table.failed(bad, 0);
    expect(costAt(table, bad, 0)).toBeCloseTo(costAt(table, good, 0) / 0.9 ** 14, 6);
    const ratioAt = (now: number): number => costAt(table, bad, now) / costAt(table, good, now);
    expect(ratioAt(999)).toBeCloseTo(ratioAt(0), 6);
    expect(ratioAt(2_000)).toBeCloseTo(healedSuccess(table, bad, 2_000) ** -2, 6);
    expect(costAt(table, bad, 15_000)).toBeLessThan(costAt(table, good, 15_000) * 1.1);
  });

  it("costs what it costs whatever the weight, which is a matter of how many are drawn and in flight", () => {
    const table = new LoadTable();
    const row = table.allocate(1, 0);
    table.succeeded(row, 10, 0);
    table.reweigh(row, 4);
    expect(costAt(table, row, 0)).toBe(10);
    expect(table.weight(row)).toBe(4);
  });

  it("remembers where the last calls began and ended", () => {
    const table = new LoadTable();
    const [one, two] = [table.allocate(1, 0), table.allocate(1, 0)];
    table.started(two);
    table.started(one);
    table.finished(two);
    expect(Array.from(table.log.subarray(0, table.turns))).toEqual([two, one, ~two]);
  });

  it("sends an endpoint that was never measured one call, not a crowd", () => {
    const table = new LoadTable();
    const [known, fresh] = [table.allocate(1, 0), table.allocate(1, 0)];
    for (let i = 0; i < 100; i++) table.succeeded(known, 10, i);
    for (let i = 0; i < 5; i++) table.started(known);
    expect(costAt(table, fresh, 100)).toBeLessThan(costAt(table, known, 100));
    table.started(fresh);
    expect(costAt(table, fresh, 100)).toBeGreaterThan(costAt(table, known, 100));
  });

  it("counts the rows that are hopeless through failing, recovering and leaving", () => {
    const table = new LoadTable();
    const [one, two] = [table.allocate(1, 0), table.allocate(1, 0)];
    for (let i = 0; i < 5; i++) for (const row of [one, two]) table.failed(row, 0);
    expect(table.troubled).toBe(2);
    table.release(two);
    expect(table.troubled).toBe(1);
    table.allocate(1, 0);
    for (let i = 0; i < 20; i++) table.succeeded(one, 1, 0);
    expect(table.troubled).toBe(0);
  });

  it("never yields a cost that is not a positive finite number, whatever happened", () => {
    const step = fc.record({
      gap: fc.double({ min: 0, max: 1e7, noNaN: true }),
      kind: fc.constantFrom("start", "good", "bad"),
      latency: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        (steps, weight) => {
          const table = new LoadTable();
          const row = table.allocate(weight, 0);
          let now = 0;
          let pending = 0;
          for (const { gap, kind, latency } of steps) {
            now += gap;
            if (kind === "start" || pending === 0) {
              table.started(row);
              pending++;
              continue;
            }
            table.finished(row);
            pending--;
            if (kind === "good") table.succeeded(row, latency, now);
            else table.failed(row, now);
            const success = healedSuccess(table, row, now);
            expect(success).toBeGreaterThanOrEqual(0);
            expect(success).toBeLessThanOrEqual(1);
          }
          const cost = costAt(table, row, now);
          expect(Number.isFinite(cost) && cost > 0).toBe(true);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});
