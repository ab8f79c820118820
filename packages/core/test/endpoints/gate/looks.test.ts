import { describe, expect, it } from "vitest";

import { GateRig, answer, failed, givenUp, overloaded } from "./gate-rig.ts";
import type { GateRigOptions } from "./gate-rig.ts";

/** A gate whose first endpoint has been out for two seconds, of its thirty. */
function ejected(options: GateRigOptions = {}): GateRig {
  const rig = new GateRig(options);
  rig.eject(rig.at(0));
  rig.now = 2_000;
  return rig;
}

/** Calls elsewhere, none of which is slow or wrong. */
function calls(rig: GateRig, count: number): void {
  rig.settle(rig.at(1), answer(), count);
}

describe("an endpoint that was ejected for failures in a row", () => {
  it("is looked at ahead of time by one call in 2,000, and is back when that and a second one go well", () => {
    const rig = ejected();
    calls(rig, 1_999);
    expect(rig.claim()).toBeUndefined();
    calls(rig, 1);
    const look = rig.claim()!;
    expect(look.state).toBe(rig.at(0));
    expect(rig.claim()).toBeUndefined();
    rig.end(look, answer());
    expect(rig.at(0).open).toBe(false);
    rig.now += 200;
    rig.end(rig.claim()!, answer());
    expect(rig.at(0).open).toBe(true);
    expect(rig.notes.map(({ note }) => note)).toEqual(["ejected", "returned"]);
  });

  it("stays out by a look that fails, or is lost, for its whole time anew but no longer, until 2,000 calls later", () => {
    const rig = ejected({ outliers: { halfOpen: { leaseMs: 1_000 } } });
    for (const isLost of [false, true]) {
      calls(rig, 2_000);
      const look = rig.claim()!;
      if (isLost) rig.advance(1_000);
      else rig.end(look, failed);
      expect(rig.at(0).gate).toMatchObject({
        circuit: "open",
        ejections: 1,
        ejection: { openUntil: rig.now + 30_000 },
      });
      rig.end(look, answer());
      rig.now += 2_000;
      expect(rig.claim()).toBeUndefined();
    }
    expect(rig.notes).toHaveLength(1);
  });

  it("stays out as before by a look that says nothing", () => {
    const rig = ejected();
    for (const result of [givenUp, answer({ status: 401 })]) {
      calls(rig, 2_000);
      rig.end(rig.claim()!, result);
      expect(rig.at(0).gate).toMatchObject({
        circuit: "open",
        ejection: { openUntil: 30_000, probesInFlight: 0 },
      });
      expect(rig.claim()).toBeUndefined();
      rig.now += 1_000;
    }
    calls(rig, 2_000);
    const { generation, state } = rig.claim()!;
    rig.gate.released(state, generation);
    rig.now = 30_000;
    expect(rig.claim()?.state).toBe(state);
  });

  it("is left alone for a second, however many calls there are, and as long as it asked for", () => {
    const rig = new GateRig();
    rig.eject(rig.at(0));
    calls(rig, 10_000);
    rig.now = 999;
    expect(rig.claim()).toBeUndefined();
    rig.now = 1_000;
    rig.end(rig.claim()!, overloaded, 5_000);
    calls(rig, 2_000);
    rig.now = 5_999;
    expect(rig.claim()).toBeUndefined();
    rig.now = 6_000;
    expect(rig.claim()).toBeDefined();
  });

  it("shares its looks with all the others that are out, each in its turn", () => {
    const rig = new GateRig({ count: 40 });
    for (const state of rig.states.slice(0, 20)) rig.eject(state);
    rig.now = 2_000;
    const looked: string[] = [];
    for (let i = 0; i < 40_000; i++) {
      rig.settle(rig.at(30), answer());
      // The twenty-first look comes when the first ejections begin to end.
      rig.now += 0.6;
      const look = rig.claim();
      if (look === undefined) continue;
      looked.push(look.state.id);
      rig.end(look, failed);
    }
    expect(looked).toHaveLength(20);
    expect(new Set(looked).size).toBe(20);
  });

  it("is looked at the later for every probe that anybody gets: it is another call that may be lost", () => {
    const rig = new GateRig({ count: 6 });
    rig.eject(rig.at(0));
    rig.now = 28_000;
    rig.eject(rig.at(2));
    rig.now = 30_000;
    calls(rig, 1_990);
    const probe = rig.claim()!;
    expect(probe.state).toBe(rig.at(0));
    rig.end(probe, failed);
    calls(rig, 1_990);
    expect(rig.claim()).toBeUndefined();
    calls(rig, 10);
    expect(rig.claim()?.state).toBe(rig.at(2));
  });

  it("is not looked at when it was back and failed again within an interval: it would come and go", () => {
    const rig = ejected();
    calls(rig, 2_000);
    for (let i = 0; i < 2; i++) {
      rig.end(rig.claim()!, answer());
      rig.now += 200;
    }
    rig.eject(rig.at(0));
    calls(rig, 10_000);
    rig.now += 5_000;
    expect(rig.claim()).toBeUndefined();
  });

  it("is not looked at where that is turned off", () => {
    const rig = ejected({ outliers: { halfOpen: { earlyEvery: 0 } } });
    calls(rig, 10_000);
    expect(rig.claim()).toBeUndefined();
  });

  it("waits a second for a call that can be repeated, and after that no more until one comes", () => {
    const rig = ejected();
    calls(rig, 2_000);
    expect(rig.claim(false)).toBeUndefined();
    rig.now += 999;
    expect(rig.claim(false)).toBeUndefined();
    rig.now += 1;
    rig.end(rig.claim(false)!, answer());
    rig.now += 200;
    rig.end(rig.claim(false)!, answer());
    expect(rig.at(0).open).toBe(true);
  });
});

it("nobody looks at one that was ejected for being slow, or by comparison: it would look well more often than not", () => {
  const slow = new GateRig();
  for (let i = 0; i < 500; i++) for (const state of slow.states) slow.settle(state, answer());
  slow.settle(slow.at(0), answer({ latencyMs: 200 }), 10);
  const flaky = new GateRig({ count: 6 });
  for (let i = 0; i < 100; i++) {
    for (const state of flaky.states) flaky.settle(state, answer(), 2);
    flaky.settle(flaky.at(0), failed);
  }
  flaky.advance(10_000);
  for (const rig of [slow, flaky]) {
    expect(rig.kinds(rig.at(0))).toEqual(["ejected"]);
    calls(rig, 10_000);
    rig.now += 5_000;
    expect(rig.claim()).toBeUndefined();
  }
});
