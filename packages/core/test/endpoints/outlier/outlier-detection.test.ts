import { describe, expect, it } from "vitest";

import type { AttemptResult } from "../../../src/endpoints/attempt-result.ts";
import type { OutlierDetectionPolicy } from "../../../src/endpoints/outlier/outlier-policy.ts";
import { seededRandom } from "../../../src/random.ts";
import { GateRig, answer, failed, givenUp, refused, throttled } from "../gate/gate-rig.ts";

const badGateway: AttemptResult = answer({ outcome: "failure", status: 502 });

/** Only the named detectors. */
function only(policy: OutlierDetectionPolicy): OutlierDetectionPolicy {
  return {
    consecutive5xx: false,
    consecutiveGatewayFailure: false,
    consecutiveLocalOriginFailure: false,
    consecutiveSlow: false,
    successRate: false,
    failurePercentage: false,
    latency: false,
    ...policy,
  };
}

/** One interval in which each endpoint answers so many calls out of a hundred well. */
function interval(rig: GateRig, percents: readonly number[], calls = 100): void {
  for (const [i, percent] of percents.entries()) {
    const good = Math.round((percent * calls) / 100);
    for (let call = 0; call < calls; call++) rig.settle(rig.at(i), call < good ? answer() : failed);
  }
  rig.advance(10_000);
}

/** One interval in which each endpoint takes so long. */
function slowInterval(rig: GateRig, latencies: readonly number[], calls = 20): void {
  for (let call = 0; call < calls; call++) {
    for (const [i, latencyMs] of latencies.entries()) rig.settle(rig.at(i), answer({ latencyMs }));
  }
  rig.advance(10_000);
}

const outOf = (rig: GateRig): readonly string[] =>
  rig.states.filter((state) => !state.open).map(({ id }) => id);

describe("consecutive 5xx", () => {
  it("begins anew after a success, and not after what says nothing: given up by the caller, or 429", () => {
    const rig = new GateRig({ outliers: only({ consecutive5xx: {} }) });
    rig.settle(rig.at(0), failed, 4);
    rig.settle(rig.at(0), answer({ status: 404 }));
    rig.settle(rig.at(0), failed, 4);
    expect(outOf(rig)).toEqual([]);
    rig.settle(rig.at(0), givenUp);
    rig.settle(rig.at(0), throttled);
    rig.settle(rig.at(0), failed);
    expect(outOf(rig)).toEqual(["e0"]);
  });

  it("begins anew after an ejection", () => {
    const rig = new GateRig({ outliers: only({ consecutive5xx: {} }) });
    rig.eject(rig.at(0));
    rig.gate.setActiveHealth(rig.at(0), "healthy", "", rig.now);
    rig.settle(rig.at(0), failed, 4);
    expect(outOf(rig)).toEqual([]);
  });

  it("finds a dead endpoint in a burst as well as in single calls", () => {
    for (const gap of [0, 700]) {
      const rig = new GateRig({ outliers: only({ consecutive5xx: {} }) });
      for (let i = 0; i < 5; i++) {
        rig.settle(rig.at(0), refused);
        rig.advance(gap);
      }
      expect(outOf(rig)).toEqual(["e0"]);
    }
  });
});

describe("consecutive gateway failures", () => {
  it("eject also where consecutive 5xx are only reported", () => {
    const outliers = { consecutive5xx: { enforcing: 0 }, consecutiveGatewayFailure: { enforcing: 100 } };
    const rig = new GateRig({ outliers });
    rig.settle(rig.at(0), badGateway, 5);
    expect(outOf(rig)).toEqual(["e0"]);
  });
});

describe("consecutive local-origin failures", () => {
  it("end with any answer, even a bad one: the endpoint can be reached", () => {
    const rig = new GateRig({ outliers: { splitExternalLocalOriginErrors: true } });
    for (let i = 0; i < 4; i++) {
      rig.settle(rig.at(0), refused, 4);
      rig.settle(rig.at(0), failed);
    }
    expect(outOf(rig)).toEqual([]);
  });
});

describe("the success rate against peers", () => {
  const outliers = only({ successRate: {} });

  it("ejects 50 % beside four times 100 %: the threshold is 90 - 1.9 x 20 = 52", () => {
    const rig = new GateRig({ count: 5, outliers });
    interval(rig, [50, 100, 100, 100, 100]);
    expect(rig.notes).toMatchObject([
      { id: "e0", detector: "successRate", text: "50.0 % successes, below 52.0 %" },
    ]);
  });

  it("looks at one interval at a time", () => {
    const rig = new GateRig({ count: 5, outliers });
    for (let i = 0; i < 5; i++) interval(rig, [0, 100, 100, 100, 100], 60);
    expect(outOf(rig)).toEqual([]);
  });
});

describe("the failure percentage", () => {
  it("ejects from 85 % on, with fifty calls to five endpoints", () => {
    const outliers = only({ failurePercentage: {} });
    const rig = new GateRig({ count: 6, outliers });
    interval(rig, [16, 14, 100, 100, 100, 100], 50);
    expect(rig.notes).toMatchObject([{ id: "e1", detector: "failurePercentage", text: "86 % failures" }]);
    const quiet = new GateRig({ count: 6, outliers });
    interval(quiet, [0, 0, 100, 100, 100, 100], 49);
    expect(outOf(quiet)).toEqual([]);
  });
});

describe("the latency against peers", () => {
  const outliers = only({ latency: {} });

  it("finds it in noise, and nobody else, for any seed", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const rig = new GateRig({ count: 10, outliers });
      const exponential = (mean: number): number => -mean * Math.log(1 - random());
      for (let round = 0; round < 3; round++) {
        rig.advance(10_000);
        for (let call = 0; call < 200; call++) {
          for (const state of rig.states) {
            rig.settle(state, answer({ latencyMs: exponential(state === rig.at(0) ? 60 : 20) }));
          }
        }
      }
      rig.advance(10_000);
      expect(outOf(rig)).toEqual(["e0"]);
    }
  });

  it("ejects nobody where all are slow, or become slow together, or are twice as slow as before", () => {
    const rig = new GateRig();
    for (const ms of [10, 10, 10, 100, 1_000, 1_000, 20, 10])
      slowInterval(rig, [ms, ms * 1.2, ms * 0.9, ms * 1.5], 200);
    expect(rig.notes).toEqual([]);
  });

  it("says nothing with fewer than three endpoints measured", () => {
    const rig = new GateRig({ count: 2, outliers });
    for (let i = 0; i < 5; i++) slowInterval(rig, [100, 10]);
    expect(outOf(rig)).toEqual([]);
  });

  it("finds an endpoint also where the balancer avoids it so well that an interval brings few answers", () => {
    const rig = new GateRig({ outliers });
    for (let i = 0; i < 12; i++) {
      rig.settle(rig.at(0), answer({ latencyMs: 30 }), 3);
      for (const other of rig.states.slice(1)) rig.settle(other, answer(), 20);
      rig.advance(10_000);
    }
    expect(outOf(rig)).toEqual(["e0"]);
  });

  it("compares inside a zone where there are enough endpoints: distance is no fault", () => {
    const zoned = (i: number): object => ({ locality: { zone: i < 4 ? "near" : "far" } });
    const rig = new GateRig({ count: 8, outliers, over: zoned });
    for (let i = 0; i < 4; i++) slowInterval(rig, [10, 10, 10, 10, 50, 50, 50, 50]);
    expect(outOf(rig)).toEqual([]);
    for (let i = 0; i < 2; i++) slowInterval(rig, [30, 10, 10, 10, 50, 50, 50, 50]);
    expect(outOf(rig)).toEqual(["e0"]);
  });

  it("compares inside a priority", () => {
    const rig = new GateRig({ count: 6, outliers, over: (i) => ({ priority: i < 3 ? 0 : 1 }) });
    for (let i = 0; i < 4; i++) slowInterval(rig, [10, 10, 10, 50, 50, 50]);
    expect(outOf(rig)).toEqual([]);
  });

  it("does not count what says nothing of the endpoint's speed", () => {
    const rig = new GateRig({ outliers });
    for (let i = 0; i < 4; i++) slowInterval(rig, [NaN, 10, 10, 10]);
    expect(outOf(rig)).toEqual([]);
  });
});

describe("consecutive slow answers", () => {
  const warm = (rig: GateRig, latencyMs = 10): void => {
    for (let i = 0; i < 500; i++) for (const state of rig.states) rig.settle(state, answer({ latencyMs }));
  };

  it("are ended by one quick answer", () => {
    const rig = new GateRig();
    warm(rig);
    for (let i = 0; i < 10; i++) {
      rig.settle(rig.at(0), answer({ latencyMs: 100 }), 9);
      rig.settle(rig.at(0), answer());
    }
    expect(outOf(rig)).toEqual([]);
  });

  it("eject nobody for milliseconds: where all take microseconds, a cold endpoint is many times as slow", () => {
    const rig = new GateRig();
    warm(rig, 0.3);
    rig.settle(rig.at(0), answer({ latencyMs: 3 }), 50);
    expect(outOf(rig)).toEqual([]);
  });

  it("eject nobody before anybody knows what is typical", () => {
    const rig = new GateRig();
    for (const state of rig.states) rig.settle(state, answer({ latencyMs: 10 }));
    rig.settle(rig.at(0), answer({ latencyMs: 1_000 }), 20);
    expect(outOf(rig)).toEqual([]);
  });

  it("eject nobody of a far region that takes over from a dead one", () => {
    const rig = new GateRig({ count: 23, over: (i) => ({ priority: i < 20 ? 0 : 1 }) });
    const near = rig.states.slice(0, 20);
    for (let i = 0; i < 200; i++) for (const state of near) rig.settle(state, answer({ latencyMs: 5 }));
    for (const state of near) {
      state.update({ ...state.spec, health: "unhealthy" });
      rig.gate.update(state, 0);
    }
    for (let i = 0; i < 300; i++) {
      for (const state of rig.states.slice(20)) rig.settle(state, answer({ latencyMs: 80 }));
    }
    expect(rig.open).toEqual(["e20", "e21", "e22"]);
  });

  it("eject nobody of a far region to which only a few calls spill over", () => {
    const rig = new GateRig({ count: 23, over: (i) => ({ priority: i < 20 ? 0 : 1 }) });
    for (let i = 0; i < 60; i++) {
      for (const state of rig.states.slice(0, 20)) rig.settle(state, answer({ latencyMs: 5 }), 4);
      for (const state of rig.states.slice(20)) rig.settle(state, answer({ latencyMs: 80 }));
    }
    expect(rig.notes).toEqual([]);
  });

  it("eject nobody of a far zone that is called now and then", () => {
    const rig = new GateRig({ count: 8, over: (i) => ({ locality: { zone: i < 5 ? "near" : "far" } }) });
    warm(rig, 5);
    for (let i = 0; i < 50; i++) {
      for (const state of rig.states.slice(0, 5)) rig.settle(state, answer({ latencyMs: 5 }), 10);
      for (const state of rig.states.slice(5)) rig.settle(state, answer({ latencyMs: 60 }));
    }
    expect(rig.notes.filter(({ note }) => note === "ejected")).toEqual([]);
  });
});

describe("what is remembered of an endpoint", () => {
  it("goes with it: its place in the table is clean for the next one", () => {
    const rig = new GateRig();
    rig.settle(rig.at(0), failed, 4);
    rig.remove(rig.at(0));
    rig.table.release(rig.at(0).offset);
    const again = rig.readd(0);
    expect(again.offset).toBe(rig.at(0).offset);
    rig.settle(again, failed, 4);
    expect(again.open).toBe(true);
    rig.settle(again, failed);
    expect(again.open).toBe(false);
  });
});
