import { expect, it } from "vitest";

import { GateRig, answer, failed, givenUp, overloaded, refused, throttled } from "./gate-rig.ts";

it("F1 gateway enforced though 5xx only reports", () => {
  const rig = new GateRig({
    outliers: { consecutive5xx: { enforcing: 0 }, consecutiveGatewayFailure: { enforcing: 100 } },
  });
  rig.settle(rig.at(0), answer({ outcome: "failure", status: 502 }), 5);
  expect(rig.at(0).open).toBe(false);
});
it("F2 last open is not closed", () => {
  const rig = new GateRig({ count: 3, over: (i) => (i === 0 ? {} : { health: "unhealthy" }) });
  rig.settle(rig.at(0), failed, 5);
  rig.settle(rig.at(0), overloaded, 1, 9000);
  expect(rig.open).toEqual(["e0"]);
});
it("F3 removal leaves only penalised", () => {
  const rig = new GateRig({ count: 2 });
  rig.settle(rig.at(0), overloaded, 1, 60_000);
  expect(rig.open).toEqual(["e1"]);
  rig.remove(rig.at(1));
  expect(rig.open).toEqual(["e0"]);
});
it("F4 one lost of two allowed failures", () => {
  const rig = new GateRig({
    outliers: { halfOpen: { probes: 2, failures: 2, leaseMs: 1000, intervalMs: 100 } },
  });
  rig.eject(rig.at(0));
  rig.now = 30_000;
  const p = rig.claim()!;
  rig.now = 31_500;
  rig.gate.tick(rig.now);
  expect(rig.kinds(rig.at(0))).toEqual(["probing"]);
  rig.end(p, answer());
  expect(rig.at(0).gate.probeSuccesses).toBe(0);
});
it("F5 grey not un-ejected by health check", () => {
  const rig = new GateRig();
  for (let i = 0; i < 100; i++) for (const s of rig.states) rig.settle(s, answer());
  rig.settle(rig.at(0), answer({ latencyMs: 200 }), 10);
  expect(rig.at(0).open).toBe(false);
  rig.gate.setActiveHealth(rig.at(0), "healthy", "", rig.now);
  expect(rig.at(0).open).toBe(false);
});
it("F6 skipped finding keeps penalty", () => {
  const rig = new GateRig({ outliers: { consecutive5xx: { count: 1, enforcing: 0 } } });
  rig.settle(rig.at(0), overloaded, 1, 5_000);
  expect(rig.kinds(rig.at(0))).toEqual(["retry-after"]);
});
it("F7 429 probe postpones", () => {
  const rig = new GateRig();
  rig.eject(rig.at(0));
  rig.now = 30_000;
  rig.end(rig.claim()!, throttled, 5_000);
  rig.now = 34_000;
  expect(rig.claim()).toBeUndefined();
  rig.now = 35_000;
  expect(rig.claim()).toBeDefined();
});
it("F8 slow start at registry healthy", () => {
  const rig = new GateRig({
    slowStart: { windowMs: 10_000 },
    over: (i) => (i === 0 ? { health: "starting" } : {}),
  });
  rig.advance(60_000);
  const s = rig.at(0);
  s.update({ ...s.spec, health: "healthy" });
  rig.gate.update(s, rig.now);
  expect(s.weight).toBeLessThan(0.2);
});
it("F9 weight 0 not probed", () => {
  const rig = new GateRig();
  const s = rig.at(0);
  rig.eject(s);
  s.update({ ...s.spec, weight: 0 });
  rig.gate.update(s, rig.now);
  rig.now = 40_000;
  expect(rig.claim()).toBeUndefined();
});
it("F10 sub-ms services", () => {
  const rig = new GateRig();
  for (let i = 0; i < 100; i++) for (const s of rig.states) rig.settle(s, answer({ latencyMs: 0.3 }));
  rig.settle(rig.at(0), answer({ latencyMs: 3 }), 10);
  expect(rig.at(0).open).toBe(true);
});
it("F11 quiet interval does not forgive", () => {
  const rig = new GateRig();
  for (const n of [20, 3, 20]) {
    for (const s of rig.states)
      rig.settle(s, answer({ latencyMs: s === rig.at(0) ? 30 : 10 }), s === rig.at(0) ? n : 20);
    rig.advance(10_000);
  }
  expect(rig.at(0).open).toBe(false);
});
it("F12 closed always has a reason", () => {
  const rig = new GateRig();
  rig.now = 100;
  rig.settle(rig.at(0), overloaded, 1, 200);
  rig.now = 400;
  expect(rig.at(0).open).toBe(false);
  expect(rig.kinds(rig.at(0))).toEqual(["retry-after"]);
});
it("F14 decrement only for whole interval", () => {
  const rig = new GateRig();
  rig.eject(rig.at(0));
  rig.advance(39_000);
  for (let i = 0; i < 2; i++) {
    rig.end(rig.claim()!, answer());
    rig.now += 300;
  }
  expect(rig.at(0).open).toBe(true);
  rig.advance(1_500);
  expect(rig.at(0).gate.ejections).toBe(1);
  rig.advance(10_000);
  expect(rig.at(0).gate.ejections).toBe(0);
});
it("F15 a far region that takes over is not ejected for being far", () => {
  const rig = new GateRig({ count: 23, over: (i) => (i < 20 ? {} : { priority: 1 }) });
  const near = rig.states.slice(0, 20),
    far = rig.states.slice(20);
  for (let i = 0; i < 50; i++) for (const s of near) rig.settle(s, answer({ latencyMs: 5 }));
  for (const s of near) {
    s.update({ ...s.spec, health: "unhealthy" });
    rig.gate.update(s, 0);
  }
  for (let i = 0; i < 300; i++) for (const s of far) rig.settle(s, answer({ latencyMs: 80 }));
  expect(rig.open).toEqual(["e20", "e21", "e22"]);
});
void givenUp;
void refused;
