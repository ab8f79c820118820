import { describe, expect, it } from "vitest";

import { GateRig, answer, failed, overloaded } from "./gate-rig.ts";

/** Says that only some may be used, by their numbers. */
function use(rig: GateRig, from: number, to: number): void {
  rig.gate.use(new Set(rig.states.slice(from, to)), rig.now);
}

describe("a gate before a subset of the endpoints", () => {
  it("keeps to the limit among those that are used: half of a hundred would be all of ten", () => {
    const rig = new GateRig({ count: 100 });
    use(rig, 0, 10);
    for (const state of rig.states.slice(0, 10)) rig.settle(state, failed, 5);
    expect(rig.states.slice(0, 10).filter(({ open }) => open)).toHaveLength(5);
  });

  it("counts nobody who is not used", () => {
    const rig = new GateRig({ count: 8 });
    rig.eject(rig.at(0));
    rig.settle(rig.at(1), overloaded, 1, 60_000);
    use(rig, 2, 8);
    for (const index of [2, 3, 4]) rig.eject(rig.at(index));
    rig.settle(rig.at(5), failed, 5);
    expect(rig.open).toEqual(["e5", "e6", "e7"]);
  });

  it("lets the one back that has been out the longest when those that are used get too few", () => {
    const rig = new GateRig({ count: 8 });
    for (const index of [0, 1, 2, 3]) rig.eject(rig.at(index));
    use(rig, 1, 6);
    expect(rig.notes.slice(4)).toMatchObject([{ note: "returned", id: "e1", how: "limit" }]);
    expect(rig.at(0).open).toBe(false);
  });

  it("has nobody probed who is not used, and asks no call to look; and probes who is used again", () => {
    const rig = new GateRig({ count: 8 });
    rig.eject(rig.at(0));
    use(rig, 1, 8);
    rig.advance(40_000);
    expect(rig.claim()).toBeUndefined();
    expect(rig.gate.probeAt).toBe(Infinity);
    use(rig, 0, 8);
    expect(rig.claim()?.state).toBe(rig.at(0));
  });

  it("waits with letting back until it is said who takes the place of one that left", () => {
    const rig = new GateRig({ count: 5 });
    use(rig, 0, 4);
    rig.eject(rig.at(0));
    rig.eject(rig.at(1));
    rig.remove(rig.at(3));
    expect(rig.gate.ejected).toBe(2);
    rig.gate.use(new Set([rig.at(0), rig.at(1), rig.at(2), rig.at(4)]), rig.now);
    expect(rig.gate.ejected).toBe(2);
  });

  it("counts a new one until it is said whether it is used", () => {
    const rig = new GateRig({ count: 4 });
    use(rig, 0, 4);
    rig.remove(rig.at(3));
    const state = rig.readd(3);
    rig.eject(rig.at(0));
    rig.eject(rig.at(1));
    rig.gate.use(new Set(rig.states.slice(0, 3)), rig.now);
    expect(state.gate.isUsed).toBe(false);
    expect(rig.gate.ejected).toBe(1);
  });
});

describe("a gate before very many endpoints", () => {
  it("has each call look at a few of those that are out, and finds each that wants a probe all the same", () => {
    const rig = new GateRig({ count: 2_000, outliers: { halfOpen: { earlyEvery: 0 } } });
    const out = rig.states.slice(0, 900);
    for (const state of out) rig.eject(state);
    rig.now = 30_000;
    const asked = new Set<string>();
    let most = 0;
    let looks = 0;
    const accepts = ({ id }: { readonly id: string }): boolean => {
      looks++;
      return id !== "e7";
    };
    for (let call = 0; call < 1_200; call++) {
      looks = 0;
      const state = rig.gate.claimProbe(rig.now, true, undefined, accepts);
      most = Math.max(most, looks);
      if (state === undefined) continue;
      asked.add(state.id);
      rig.gate.settled(state, state.gate.generation, true, answer(), undefined, rig.now);
    }
    expect(most).toBeLessThanOrEqual(8);
    expect(asked.size).toBe(899);
    rig.now += 200;
    for (let call = 0; call < 1_200; call++) {
      const state = rig.gate.claimProbe(rig.now, true, undefined, accepts);
      if (state !== undefined)
        rig.gate.settled(state, state.gate.generation, true, answer(), undefined, rig.now);
    }
    expect(rig.states.filter(({ open }) => !open).map(({ id }) => id)).toEqual(["e7"]);
  });

  it("knows when it has looked at all of them, and asks no call to look again before that", () => {
    const rig = new GateRig({ count: 100, random: () => 0.5, outliers: { halfOpen: { earlyEvery: 0 } } });
    for (const state of rig.states.slice(0, 40)) {
      rig.now++;
      rig.eject(state);
    }
    rig.gate.update(rig.at(99), rig.now);
    let claims = 0;
    while (rig.now >= rig.gate.probeAt && claims < 100) {
      claims++;
      expect(rig.claim()).toBeUndefined();
    }
    expect(claims).toBe(5);
    expect(rig.gate.probeAt).toBe(rig.at(0).gate.ejection.openUntil);
  });

  it("forgets nobody when another one is ejected before it has looked at all of them", () => {
    const rig = new GateRig({ count: 40, outliers: { halfOpen: { earlyEvery: 0 } } });
    const eject = (index: number, forMs: number): void => {
      rig.settle(rig.at(index), failed, 4);
      rig.settle(rig.at(index), overloaded, 1, forMs);
    };
    for (let index = 0; index < 12; index++) eject(index, index === 3 ? 30_000 : 60_000);
    const look = (): void => {
      if (rig.claim() !== undefined) throw new Error("nobody is due");
    };
    // All twelve and four more, so that the next round begins with the fifth.
    rig.gate.update(rig.at(39), 0);
    look();
    look();
    rig.gate.update(rig.at(39), 0);
    look();
    eject(12, 60_000);
    for (let i = 0; i < 5; i++) look();
    expect(rig.gate.probeAt).toBe(30_000);
  });
});
