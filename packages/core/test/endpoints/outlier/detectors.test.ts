import { describe, expect, it } from "vitest";

import { resolveOutlierDetection } from "../../../src/endpoints/outlier/resolve-outlier.ts";
import { answered, eject, failedWith, gateOver, neutral, refused } from "../../support/gates.ts";
import type { TestGate } from "../../support/gates.ts";

const only = (detector: string, over: object = {}): object => ({
  ...Object.fromEntries(
    ["consecutive5xx", "consecutiveSlow", "successRate", "failurePercentage", "latency"].map((name) => [
      name,
      false,
    ]),
  ),
  consecutiveGatewayFailure: false,
  [detector]: {},
  ...over,
});

/** One interval in which each endpoint has `volume` answers, so many percent of them successes. */
function interval(test: TestGate, percent: readonly number[], begin: number, volume = 100): void {
  test.gate.tick(begin);
  for (const [index, state] of test.states.entries()) {
    for (let i = 0; i < volume; i++) {
      test.end(state, i < ((percent[index] ?? 100) * volume) / 100 ? answered() : failedWith(500), begin + 1);
    }
  }
  test.gate.tick(begin + 10_001);
}

describe("consecutive failures", () => {
  it("eject after five 5xx in a row, and not after four and a success", () => {
    const test = gateOver();
    const [state] = test.states;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 4; i++) test.end(state!, failedWith(500), 0);
      test.end(state!, answered(), 0);
    }
    expect(test.said).toEqual([]);
    eject(test, state!, 1);
    expect(state!.open).toBe(false);
    expect(test.states.slice(1).every(({ open }) => open)).toBe(true);
  });

  it("count refused connections as 5xx, unless they are split off", () => {
    const test = gateOver();
    for (let i = 0; i < 5; i++) test.end(test.states[0]!, refused, 0);
    expect(test.said).toEqual(["ejected e0 consecutive5xx"]);
    const split = gateOver({ outliers: { splitExternalLocalOriginErrors: true } });
    for (let i = 0; i < 4; i++) split.end(split.states[0]!, refused, 0);
    for (let i = 0; i < 4; i++) split.end(split.states[0]!, failedWith(500), 0);
    expect(split.said).toEqual([]);
    for (let i = 0; i < 5; i++) split.end(split.states[1]!, refused, 0);
    expect(split.said).toEqual(["ejected e1 consecutiveLocalOriginFailure"]);
  });

  it("of gateways are only reported by default, and eject where that is asked for", () => {
    const test = gateOver({ outliers: { consecutive5xx: false } });
    for (let i = 0; i < 5; i++) test.end(test.states[0]!, failedWith(502), 0);
    expect(test.said).toEqual(["skipped e0 consecutiveGatewayFailure enforcing"]);
    const strict = gateOver({
      outliers: { consecutive5xx: false, consecutiveGatewayFailure: { enforcing: 100 } },
    });
    for (let i = 0; i < 5; i++) strict.end(strict.states[0]!, failedWith(500), 0);
    expect(strict.said).toEqual([]);
    for (let i = 0; i < 5; i++) strict.end(strict.states[0]!, failedWith(502), 0);
    expect(strict.said).toEqual(["ejected e0 consecutiveGatewayFailure"]);
  });

  it("do not count what says nothing of the endpoint, nor 429", () => {
    const test = gateOver();
    for (let i = 0; i < 20; i++) {
      test.end(test.states[0]!, neutral, 0);
      test.end(test.states[0]!, failedWith(429), 0);
    }
    expect(test.said).toEqual([]);
  });
});

describe("success rate against peers", () => {
  it("ejects the 50 % endpoint of {50, 100, 100, 100, 100}: the threshold is 52", () => {
    const test = gateOver({ count: 5, outliers: only("successRate") });
    interval(test, [50, 100, 100, 100, 100], 0);
    expect(test.said).toEqual(["ejected e0 successRate"]);
    const spared = gateOver({ count: 5, outliers: only("successRate") });
    interval(spared, [53, 100, 100, 100, 100], 0);
    // 53 % is below its own threshold too: one outlier among five is always two deviations away.
    expect(spared.said).toEqual(["ejected e0 successRate"]);
  });

  it("is blind where several fail together, which the failure percentage is not", () => {
    const blind = gateOver({ count: 6, outliers: only("successRate") });
    interval(blind, [10, 10, 10, 100, 100, 100], 0);
    expect(blind.said).toEqual([]);
    const seeing = gateOver({ count: 6, outliers: only("failurePercentage") });
    interval(seeing, [10, 10, 10, 100, 100, 100], 0);
    expect(seeing.said).toEqual(["e0", "e1", "e2"].map((id) => `ejected ${id} failurePercentage`));
  });

  it("leaves the least perfect of nearly perfect ones alone", () => {
    const test = gateOver({ count: 10, outliers: only("successRate") });
    interval(test, [96, 99, 100, 99, 100, 99, 100, 99, 100, 99], 0);
    expect(test.said).toEqual([]);
  });

  it("says nothing with too few requests or too few endpoints", () => {
    const few = gateOver({ count: 5, outliers: only("successRate") });
    interval(few, [0, 100, 100, 100, 100], 0, 99);
    expect(few.said).toEqual([]);
    const small = gateOver({ count: 4, outliers: only("successRate") });
    interval(small, [0, 100, 100, 100], 0);
    expect(small.said).toEqual([]);
  });
});

describe("latency against peers", () => {
  const slowInterval = (test: TestGate, latencies: readonly number[], begin: number): void => {
    test.gate.tick(begin);
    for (const [index, state] of test.states.entries()) {
      for (let i = 0; i < 20; i++) test.end(state, answered(latencies[index]), begin + 1);
    }
    test.gate.tick(begin + 10_001);
  };

  it("ejects an endpoint that is three times as slow as its peers in two intervals running, and no sooner", () => {
    const test = gateOver({ outliers: only("latency") });
    slowInterval(test, [90, 30, 30, 30], 0);
    expect(test.said).toEqual([]);
    slowInterval(test, [90, 30, 30, 30], 10_001);
    expect(test.said).toEqual(["ejected e0 latency"]);
  });

  it("ejects nobody where all are slow, nor one that is slow only now and then", () => {
    const test = gateOver({ outliers: only("latency") });
    for (let i = 0; i < 6; i++) slowInterval(test, [900, 900, 900, 900], i * 10_001);
    for (let i = 6; i < 12; i++)
      slowInterval(test, i % 2 === 0 ? [90, 30, 30, 30] : [30, 30, 30, 30], i * 10_001);
    expect(test.said).toEqual([]);
  });

  it("ignores differences of a few milliseconds", () => {
    const test = gateOver({ outliers: only("latency") });
    for (let i = 0; i < 3; i++) slowInterval(test, [4, 1, 1, 1], i * 10_001);
    expect(test.said).toEqual([]);
  });

  it("compares an endpoint with those of its own zone where there are enough", () => {
    const over = (index: number): object => ({ locality: { zone: index < 3 ? "near" : "far" } });
    const test = gateOver({ count: 6, over, outliers: only("latency") });
    for (let i = 0; i < 3; i++) slowInterval(test, [10, 10, 10, 60, 60, 60], i * 10_001);
    expect(test.said).toEqual([]);
    for (let i = 3; i < 6; i++) slowInterval(test, [10, 10, 60, 60, 60, 60], i * 10_001);
    expect(test.said).toEqual(["ejected e2 latency"]);
  });

  it("lets an ejected endpoint back only when its probes are quick again", () => {
    const test = gateOver({ outliers: only("latency", { halfOpen: { successes: 1 } }) });
    for (let i = 0; i < 2; i++) slowInterval(test, [90, 30, 30, 30], i * 10_001);
    const [state] = test.states;
    const now = state!.gate.ejection.openUntil;
    test.claim(now);
    test.endProbe(state!, answered(90), now);
    expect(test.said.at(-1)).toBe("ejected e0 probe");
    const later = state!.gate.ejection.openUntil;
    test.claim(later);
    test.endProbe(state!, answered(30), later);
    expect(test.said.at(-1)).toBe("returned e0 probes");
  });
});

describe("consecutive slow answers", () => {
  it("eject an endpoint that turned ten times as slow after its first ten answers", () => {
    const test = gateOver({ count: 5, outliers: only("consecutiveSlow") });
    for (let i = 0; i < 250; i++) for (const state of test.states) test.end(state, answered(100), 0);
    for (let i = 0; i < 9; i++) test.end(test.states[0]!, answered(1_000), 1);
    expect(test.said).toEqual([]);
    test.end(test.states[0]!, answered(1_000), 1);
    expect(test.said).toEqual(["ejected e0 consecutiveSlow"]);
  });

  it("eject nobody where the whole service turns slow", () => {
    const test = gateOver({ count: 5, outliers: only("consecutiveSlow") });
    for (let i = 0; i < 250; i++) for (const state of test.states) test.end(state, answered(100), 0);
    for (let i = 0; i < 100; i++) for (const state of test.states) test.end(state, answered(1_000), 1);
    expect(test.said).toEqual([]);
  });
});

describe("ejections", () => {
  it("never go beyond the share, but one is always allowed where there are two", () => {
    const test = gateOver({ count: 10, outliers: { maxEjectionPercent: 30 } });
    for (const state of test.states.slice(0, 6))
      for (let i = 0; i < 5; i++) test.end(state, failedWith(500), 0);
    expect(test.states.filter(({ open }) => !open)).toHaveLength(3);
    expect(test.said.filter((text) => text.startsWith("skipped"))).toHaveLength(3);
    const two = gateOver({ count: 2, outliers: { maxEjectionPercent: 0 } });
    for (const state of two.states) for (let i = 0; i < 5; i++) two.end(state, failedWith(500), 0);
    expect(two.states.filter(({ open }) => !open)).toHaveLength(1);
    const one = gateOver({ count: 1 });
    for (let i = 0; i < 50; i++) one.end(one.states[0]!, failedWith(500), 0);
    expect(one.states[0]!.open).toBe(true);
  });

  it("bring the oldest one back when so many left that the share is exceeded", () => {
    const test = gateOver({ count: 6 });
    for (const state of test.states.slice(0, 3)) eject(test, state, 0);
    test.gate.remove(test.states[5]!, 1);
    expect(test.said.at(-1)).toBe("returned e0 limit");
    expect(test.gate.ejected).toBe(2);
  });

  it("in a row are forgotten one by one in quiet intervals (envoy#26758)", () => {
    const test = gateOver({ outliers: { halfOpen: { successes: 1 } } });
    const [state] = test.states;
    let now = 0;
    const again = (): number => {
      eject(test, state!, now);
      const lasted = state!.gate.ejection.openUntil - now;
      now = state!.gate.ejection.openUntil;
      test.claim(now);
      test.endProbe(state!, answered(), now);
      return Math.floor(lasted / 30_000);
    };
    expect([again(), again(), again()]).toEqual([1, 2, 3]);
    test.gate.tick(now);
    for (let i = 0; i < 2; i++) test.gate.tick((now += 10_001));
    expect(again()).toBe(2);
  });

  it("are only reported in shadow mode", () => {
    const test = gateOver({ outliers: { mode: "shadow" } });
    for (let i = 0; i < 5; i++) test.end(test.states[0]!, failedWith(500), 0);
    expect(test.said).toEqual(["skipped e0 consecutive5xx shadow"]);
    expect(test.states[0]!.open).toBe(true);
  });
});

describe("Retry-After", () => {
  it("keeps traffic away from the endpoint that sent it, for as long as it says", () => {
    const test = gateOver();
    const [state] = test.states;
    test.end(state!, failedWith(503), 0, 5_000);
    expect(state!.open).toBe(false);
    test.gate.tick(4_999);
    expect(state!.open).toBe(false);
    test.gate.tick(5_001);
    expect(state!.open).toBe(true);
  });

  it("does so for five minutes at most, and never for everybody", () => {
    const test = gateOver({ count: 4 });
    for (const state of test.states) test.end(state, failedWith(429), 0, 86_400_000);
    expect(test.states.filter(({ open }) => open)).toHaveLength(2);
    test.gate.tick(300_001);
    expect(test.states.every(({ open }) => open)).toBe(true);
  });
});

describe("the options of outlier detection", () => {
  it.each([
    [{ intervalMs: 0 }, "outlierDetection.intervalMs must be a number from 100 to 3600000, got 0"],
    [{ consecutive5xx: { count: 0 } }, "outlierDetection.consecutive5xx.count"],
    [
      { consecutive5xx: { enforcing: 101 } },
      "outlierDetection.consecutive5xx.enforcing must be a number from 0 to 100",
    ],
    [{ latency: { ratio: 1 } }, "outlierDetection.latency.ratio must be a number above 1"],
    [{ mode: "dry" }, 'outlierDetection.mode must be "enforce" or "shadow", got "dry"'],
    [{ latencies: {} }, "outlierDetection.latencies must be left out"],
    [{ halfOpen: false }, "outlierDetection.halfOpen must be an object"],
    [true, "outlierDetection must be false or an object, got true"],
  ])("refuse %j", (input, message) => {
    expect(() => resolveOutlierDetection(input, "outlierDetection")).toThrow(message);
  });
});
