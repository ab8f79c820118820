import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { openNativeWindow } from "../../../src/policies/circuit/native-window.ts";
import { openOpossumWindow } from "../../../src/policies/circuit/opossum-window.ts";
import { policyOf } from "./circuit-kit.ts";

const calls = policyOf({ engine: "native", windowMs: undefined, windowCalls: 10, minCalls: 5 });

describe("a window of calls", () => {
  it("judges the last n calls, however old", () => {
    const window = openNativeWindow({ ...calls, minCalls: 10 }, 0);
    for (let i = 0; i < 10; i++) window.record(i < 4, false, i * 3_600_000);
    expect(window.counts(1e12)).toEqual({ calls: 10, failures: 4, slow: 0 });
    for (let i = 0; i < 4; i++) window.record(false, false, 0);
    expect(window.counts(0)).toEqual({ calls: 10, failures: 0, slow: 0 });
    for (let i = 0; i < 4; i++) expect(window.record(true, false, 0)).toBeUndefined();
    expect(window.record(true, false, 0)).toBe("failures");
  });

  it("needs the minimum of calls, not a full window", () => {
    const window = openNativeWindow(calls, 0);
    for (let i = 0; i < 4; i++) expect(window.record(true, false, 0)).toBeUndefined();
    expect(window.record(true, false, 0)).toBe("failures");
  });

  it("counts what a list of the last n calls would", () => {
    const results = fc.array(fc.record({ failed: fc.boolean(), slow: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(results, fc.integer({ min: 1, max: 12 }), (list, windowCalls) => {
        const policy = { ...calls, failureRatio: false as const, windowCalls, minCalls: 1 };
        const window = openNativeWindow(policy, 0);
        for (const { failed, slow } of list) window.record(failed, slow, 0);
        const last = list.slice(-windowCalls);
        expect(window.counts(0)).toEqual({
          calls: last.length,
          failures: last.filter(({ failed }) => failed).length,
          slow: last.filter(({ slow }) => slow).length,
        });
      }),
      { seed: 51, numRuns: 500 },
    );
  });
});

describe("slow calls", () => {
  const policy = policyOf({ engine: "native", minCalls: 4, slowCallMs: 1, slowCallRatio: 0.75 });

  it("open it although every one of them succeeded", () => {
    const window = openNativeWindow(policy, 0);
    for (let i = 0; i < 3; i++) expect(window.record(false, true, 0)).toBeUndefined();
    expect(window.record(false, false, 0)).toBeUndefined();
    expect(window.record(false, true, 0)).toBe("slow");
  });

  it("count as failures, too, where they failed", () => {
    const window = openNativeWindow(policy, 0);
    for (let i = 0; i < 2; i++) window.record(false, false, 0);
    window.record(true, true, 0);
    expect(window.record(true, true, 0)).toBe("failures");
    expect(window.counts(0)).toEqual({ calls: 4, failures: 2, slow: 2 });
  });

  it("leave the window with their time", () => {
    const window = openNativeWindow(policy, 0);
    for (let i = 0; i < 3; i++) window.record(false, true, 0);
    expect(window.counts(9_999)).toEqual({ calls: 3, failures: 0, slow: 3 });
    expect(window.counts(10_000)).toEqual({ calls: 0, failures: 0, slow: 0 });
  });
});

describe("failures in a row", () => {
  const policy = policyOf({ engine: "native", consecutiveFailures: 5, minCalls: 1_000 });

  it("open it below the minimum of calls", () => {
    const window = openNativeWindow(policy, 0);
    for (let i = 0; i < 4; i++) expect(window.record(true, false, i)).toBeUndefined();
    expect(window.record(true, false, 5)).toBe("consecutive");
  });

  it("start over with a success, be it a slow one", () => {
    const window = openNativeWindow(policy, 0);
    for (let i = 0; i < 4; i++) window.record(true, false, 0);
    window.record(false, true, 0);
    for (let i = 0; i < 4; i++) expect(window.record(true, false, 0)).toBeUndefined();
    expect(window.record(true, false, 0)).toBe("consecutive");
  });
});

describe("a window of time", () => {
  it("trips on the same call and counts the same with either engine, whatever the lengths and times", () => {
    const results = fc.array(
      fc.record({
        gapMs: fc.oneof(fc.double({ min: 0, max: 300, noNaN: true }), fc.nat(40)),
        failed: fc.boolean(),
      }),
      { maxLength: 80 },
    );
    const policies = fc.record({
      windowMs: fc.integer({ min: 100, max: 1_500 }),
      failureRatio: fc.double({ min: 0.05, max: 1, noNaN: true }),
      minCalls: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(policies, results, fc.double({ min: 0, max: 1e9, noNaN: true }), (limits, list, start) => {
        const policy = policyOf(limits);
        const opossum = openOpossumWindow(policy, start);
        const native = openNativeWindow(policy, start);
        let now = start;
        for (const { gapMs, failed } of list) {
          now += gapMs;
          expect(native.record(failed, false, now)).toBe(opossum.record(failed, false, now));
          expect(native.counts(now)).toEqual(opossum.counts(now));
        }
      }),
      { seed: 52, numRuns: 1_000 },
    );
  });

  it("trips once and then keeps what it tripped on", () => {
    const window = openNativeWindow(policyOf({ engine: "native", minCalls: 2 }), 0);
    window.record(true, false, 0);
    expect(window.record(true, false, 1)).toBe("failures");
    expect(window.record(true, false, 2)).toBeUndefined();
    expect(window.counts(3_600_000)).toEqual({ calls: 2, failures: 2, slow: 0 });
  });
});
