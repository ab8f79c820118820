import { describe, expect, it } from "vitest";

import { gateReasons } from "../../../src/endpoints/gate/gate-reasons.ts";
import { GateRig, answer, failed, overloaded } from "./gate-rig.ts";

describe("a gate", () => {
  it("is open to endpoints of which nobody says anything bad", () => {
    const rig = new GateRig({
      over: (i) => (i === 0 ? { health: "unknown" } : i === 1 ? { health: "degraded" } : {}),
    });
    expect(rig.open).toEqual(["e0", "e1", "e2", "e3"]);
    expect(rig.changes).toBe(0);
  });

  it("gives every reason there is, in words with numbers", () => {
    const rig = new GateRig();
    const state = rig.at(0);
    rig.eject(state);
    rig.now = 10_000;
    state.update({ ...state.spec, health: "unhealthy", weight: 0 });
    rig.gate.update(state, rig.now);
    rig.gate.setActiveHealth(state, "unhealthy", "status 503", rig.now);
    expect(gateReasons(state, rig.now)).toEqual([
      { kind: "unhealthy", text: "unhealthy" },
      { kind: "weight 0", text: "weight 0" },
      { kind: "health check", text: "health check: status 503" },
      { kind: "ejected", text: "ejected for another 20 s: 5 consecutive 5xx", endsInMs: 20_000 },
    ]);
  });

  it.each([
    ["draining", { health: "draining" }],
    ["unhealthy", { health: "unhealthy" }],
    ["starting", { health: "starting" }],
    ["weight 0", { weight: 0 }],
  ] as const)("closes and opens with the registry: %s", (kind, over) => {
    const rig = new GateRig();
    const state = rig.at(0);
    const { spec } = state;
    state.update({ ...spec, ...over });
    rig.gate.update(state, 0);
    expect(rig.kinds(state)).toEqual([kind]);
    expect(rig.open).toEqual(["e1", "e2", "e3"]);
    state.update(spec);
    rig.gate.update(state, 0);
    expect(rig.open).toHaveLength(4);
    expect(rig.changes).toBe(2);
  });

  it("says that something changed only when something did", () => {
    const rig = new GateRig();
    rig.settle(rig.at(0), failed, 4);
    rig.gate.update(rig.at(0), 0);
    rig.gate.setActiveHealth(rig.at(1), "healthy", "", 0);
    rig.advance(60_000);
    expect(rig.changes).toBe(0);
    expect(rig.notes).toEqual([]);
  });

  it("marks what it closes in the table at once, for the pickers that are about", () => {
    const rig = new GateRig();
    rig.eject(rig.at(2));
    expect(rig.table.isClosed(rig.at(2).offset)).toBe(true);
    expect(rig.table.troubled).toBe(1);
  });

  describe("the limit of ejections", () => {
    const ejectedOf = (count: number, maxEjectionPercent?: number): number => {
      const rig = new GateRig({ count, outliers: { maxEjectionPercent } });
      for (const state of rig.states) rig.settle(state, failed, 5);
      return rig.gate.ejected;
    };

    it("is half of the endpoints, but one of two, and never the only one", () => {
      expect([1, 2, 3, 4, 5, 10, 11].map((count) => ejectedOf(count))).toEqual([0, 1, 1, 2, 2, 5, 5]);
    });

    it("always allows one, and never all, whatever the percentage", () => {
      expect([1, 2, 3, 9].map((count) => ejectedOf(count, 10))).toEqual([0, 1, 1, 1]);
      expect([1, 2, 3, 9].map((count) => ejectedOf(count, 0))).toEqual([0, 1, 1, 1]);
      expect([1, 2, 3, 9].map((count) => ejectedOf(count, 100))).toEqual([0, 1, 2, 8]);
    });

    it("says what it kept from happening", () => {
      const rig = new GateRig({ count: 2 });
      for (const state of rig.states) rig.settle(state, failed, 5);
      expect(rig.notes[1]).toMatchObject({
        note: "skipped",
        id: "e1",
        detector: "consecutive5xx",
        why: "limit",
      });
    });

    it("leaves the last endpoint in that may be picked, when the others are out for other reasons", () => {
      const rig = new GateRig({ count: 3, over: (i) => (i === 0 ? {} : { health: "unhealthy" }) });
      rig.settle(rig.at(0), failed, 5);
      rig.settle(rig.at(0), overloaded, 1, 9_000);
      expect(rig.open).toEqual(["e0"]);
    });

    it("lets the one back that has been out the longest, when endpoints leave and too many are out", () => {
      const rig = new GateRig({ count: 4 });
      rig.eject(rig.at(0));
      rig.eject(rig.at(1));
      rig.remove(rig.at(3));
      expect(rig.open).toEqual(["e0", "e2"]);
      expect(rig.notes.at(-1)).toMatchObject({ note: "returned", id: "e0", how: "limit" });
    });

    it("ends a penalty, when endpoints leave and nobody else would be open", () => {
      const rig = new GateRig({ count: 2 });
      rig.settle(rig.at(0), overloaded, 1, 60_000);
      expect(rig.open).toEqual(["e1"]);
      rig.remove(rig.at(1));
      expect(rig.open).toEqual(["e0"]);
    });
  });

  describe("the multiplier of ejections", () => {
    const lengths = (rig: GateRig): readonly number[] =>
      rig.notes.flatMap((note) => (note.note === "ejected" ? [note.ejectionMs] : []));
    /** Lets it come back by two good probes. */
    const heal = (rig: GateRig): void => {
      rig.advance(rig.at(0).gate.ejection.openUntil - rig.now);
      for (let i = 0; i < 2; i++) {
        const probe = rig.claim();
        if (probe !== undefined) rig.end(probe, answer());
        rig.now += 200;
      }
    };

    it("grows with each ejection that follows soon (envoyproxy/envoy#26758, #40697)", () => {
      const rig = new GateRig();
      for (let i = 0; i < 4; i++) {
        rig.eject(rig.at(0));
        heal(rig);
      }
      expect(lengths(rig)).toEqual([30_000, 60_000, 90_000, 120_000]);
    });

    it("shrinks by one with each whole interval without one, and not by the interval in which it came back", () => {
      const rig = new GateRig();
      for (let i = 0; i < 3; i++) {
        rig.eject(rig.at(0));
        heal(rig);
      }
      const ejections = (): number => rig.at(0).gate.ejections;
      rig.advance(10_000 - (rig.now % 10_000));
      expect(ejections()).toBe(3);
      rig.advance(10_000);
      expect(ejections()).toBe(2);
      rig.advance(10_000);
      expect(ejections()).toBe(1);
      rig.eject(rig.at(0));
      expect(lengths(rig).at(-1)).toBe(60_000);
      heal(rig);
      rig.advance(60_000);
      expect(ejections()).toBe(0);
    });

    it("is the endpoint's own", () => {
      const rig = new GateRig();
      rig.eject(rig.at(0));
      heal(rig);
      rig.eject(rig.at(1));
      expect(lengths(rig)).toEqual([30_000, 30_000]);
    });

    it("never shortens the base, even where the maximum is below it", () => {
      const rig = new GateRig({ outliers: { baseEjectionMs: 50_000, maxEjectionMs: 1_000 } });
      rig.eject(rig.at(0));
      expect(lengths(rig)).toEqual([50_000]);
    });
  });

  describe("Retry-After", () => {
    it("closes the endpoint that sent it for so long, and no other, and is no ejection", () => {
      const rig = new GateRig();
      rig.settle(rig.at(0), overloaded, 1, 4_500);
      expect(gateReasons(rig.at(0), 500)).toEqual([
        { kind: "retry-after", text: "asked to be left alone for 4.0 s", endsInMs: 4_000 },
      ]);
      expect(rig.open).toEqual(["e1", "e2", "e3"]);
      rig.advance(4_000);
      expect(rig.open).toHaveLength(3);
      rig.advance(1_000);
      expect(rig.open).toHaveLength(4);
      expect(rig.notes).toEqual([]);
      expect(rig.claim()).toBeUndefined();
    });

    it("holds for 300 s at the most", () => {
      const rig = new GateRig();
      rig.settle(rig.at(0), overloaded, 1, 86_400_000);
      rig.advance(299_000);
      expect(rig.kinds(rig.at(0))).toEqual(["retry-after"]);
      rig.advance(1_000);
      expect(rig.open).toHaveLength(4);
    });

    it("never closes more than may be ejected, nor the last one", () => {
      const rig = new GateRig();
      for (const state of rig.states) rig.settle(state, overloaded, 1, 60_000);
      expect(rig.open).toEqual(["e2", "e3"]);
      rig.settle(rig.at(2), failed, 5);
      expect(rig.open).toEqual(["e2", "e3"]);
      const alone = new GateRig({ count: 1 });
      alone.settle(alone.at(0), overloaded, 1, 60_000);
      expect(alone.open).toEqual(["e0"]);
    });

    it("gives a reason until the very moment at which the endpoint opens again", () => {
      const rig = new GateRig();
      rig.now = 100;
      rig.settle(rig.at(0), overloaded, 1, 200);
      rig.now = 400;
      expect(rig.at(0).open).toBe(false);
      expect(rig.kinds(rig.at(0))).toEqual(["retry-after"]);
      rig.advance(600);
      expect(rig.at(0).open).toBe(true);
      expect(rig.kinds(rig.at(0))).toEqual([]);
    });

    it("lengthens an ejection that it comes with, and is not lost with a finding that is only reported", () => {
      const rig = new GateRig();
      rig.settle(rig.at(0), failed, 4);
      rig.settle(rig.at(0), overloaded, 1, 100_000);
      expect(rig.notes).toMatchObject([{ note: "ejected", ejectionMs: 100_000 }]);
      const lenient = new GateRig({ outliers: { consecutive5xx: { count: 1, enforcing: 0 } } });
      lenient.settle(lenient.at(0), overloaded, 1, 5_000);
      expect(lenient.kinds(lenient.at(0))).toEqual(["retry-after"]);
    });

    it("says what it did not follow, once for as long as it was asked for", () => {
      const rig = new GateRig({ outliers: { mode: "shadow" } });
      for (let i = 0; i < 4; i++) rig.settle(rig.at(0), overloaded, 1, 5_000);
      rig.now = 5_000;
      rig.settle(rig.at(0), answer());
      rig.settle(rig.at(0), overloaded, 1, 5_000);
      const said = { note: "skipped", id: "e0", detector: "retryAfter", why: "shadow" };
      expect(rig.notes).toMatchObject([said, said]);
      expect(rig.notes[0]).toMatchObject({ text: "asked to be left alone for 5.0 s" });
      const full = new GateRig({ count: 2 });
      for (const state of full.states) full.settle(state, overloaded, 2, 5_000);
      expect(full.notes).toMatchObject([{ id: "e1", detector: "retryAfter", why: "limit" }]);
    });

    it("is not honoured where that is configured, nor in shadow mode", () => {
      for (const outliers of [{ honorRetryAfter: false }, { mode: "shadow" }, false] as const) {
        const rig = new GateRig({ outliers });
        rig.settle(rig.at(0), overloaded, 1, 5_000);
        expect(rig.open).toHaveLength(4);
      }
    });
  });

  describe("active health", () => {
    it("closes and opens an endpoint, without any outlier detection", () => {
      const rig = new GateRig({ outliers: false });
      rig.gate.setActiveHealth(rig.at(1), "unhealthy", "connection refused", 0);
      expect(rig.open).toEqual(["e0", "e2", "e3"]);
      rig.gate.setActiveHealth(rig.at(1), "healthy", "", 0);
      expect(rig.open).toHaveLength(4);
      expect(rig.changes).toBe(2);
    });
  });

  it("ejects nobody where outlier detection is off", () => {
    const rig = new GateRig({ outliers: false });
    rig.settle(rig.at(0), failed, 100);
    rig.advance(20_000);
    expect(rig.open).toHaveLength(4);
  });

  it("only reports in shadow mode, each time that it would have acted", () => {
    const rig = new GateRig({ outliers: { mode: "shadow" } });
    rig.settle(rig.at(0), failed, 12);
    expect(rig.open).toHaveLength(4);
    expect(rig.notes.map((note) => note.note === "skipped" && note.why)).toEqual(["shadow", "shadow"]);
  });

  it("follows so many percent of a detector's findings as it enforces", () => {
    let chance = 0;
    const rig = new GateRig({ random: () => chance, outliers: { consecutive5xx: { enforcing: 40 } } });
    chance = 0.4;
    rig.settle(rig.at(0), failed, 5);
    expect(rig.notes).toMatchObject([{ note: "skipped", why: "enforcing" }]);
    chance = 0.39;
    rig.settle(rig.at(0), failed, 5);
    expect(rig.notes.at(-1)).toMatchObject({ note: "ejected" });
  });
});
