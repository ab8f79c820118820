import { describe, expect, it } from "vitest";

import { seededRandom } from "../../../src/random.ts";
import { GateRig, answer, failed, overloaded, throttled } from "./gate-rig.ts";
import type { GateRigOptions, Probe } from "./gate-rig.ts";

/** A gate whose first endpoint is ejected and due for its first probe. */
function ready(options: GateRigOptions = {}): GateRig {
  const rig = new GateRig(options);
  rig.eject(rig.at(0));
  rig.advance(30_000);
  return rig;
}

function claimed(rig: GateRig): Probe {
  const probe = rig.claim();
  if (probe === undefined) throw new Error("nobody wants a probe");
  return probe;
}

const twoProbes = { probes: 2, failures: 2, intervalMs: 0, leaseMs: 5_000 };

describe("an ejected endpoint, half-open", () => {
  it("loses one lease of two as one failure, and counts its late result nowhere (nodeshift/opossum#484)", () => {
    const rig = ready({ outliers: { halfOpen: twoProbes } });
    const lost = claimed(rig);
    rig.advance(5_000);
    expect(rig.kinds(rig.at(0))).toEqual(["probing"]);
    rig.end(lost, answer());
    rig.end(claimed(rig), answer());
    expect(rig.at(0).open).toBe(false);
    rig.end(claimed(rig), failed);
    expect(rig.kinds(rig.at(0))).toEqual(["ejected"]);
  });

  it("counts no failure of a probe against the endpoint once it is back by another way", () => {
    const rig = ready();
    const probe = claimed(rig);
    rig.gate.setActiveHealth(rig.at(0), "healthy", "", rig.now);
    rig.end(probe, failed);
    expect(rig.at(0).open).toBe(true);
  });

  it("is back after ten answers of 4xx and none that failed: they alone must not keep it out for ever (getnora-io/nora#585)", () => {
    const rig = ready({ outliers: { halfOpen: { intervalMs: 0 } } });
    for (let i = 0; i < 9; i++) rig.end(claimed(rig), answer({ status: 404 }));
    expect(rig.at(0).open).toBe(false);
    rig.end(claimed(rig), answer({ status: 401 }));
    expect(rig.at(0).open).toBe(true);
  });

  it("is not brought back by 4xx as long as one answer in ten fails, nor by fewer than the good ones it would take", () => {
    const rig = ready({ outliers: { halfOpen: { intervalMs: 0 } } });
    for (let i = 0; i < 9; i++) rig.end(claimed(rig), answer({ status: 404 }));
    rig.end(claimed(rig), failed);
    expect(rig.kinds(rig.at(0))).toEqual(["ejected"]);
    const many = ready({ outliers: { halfOpen: { intervalMs: 0, successes: 12 } } });
    for (let i = 0; i < 11; i++) many.end(claimed(many), answer({ status: 404 }));
    expect(many.at(0).open).toBe(false);
    many.end(claimed(many), answer({ status: 404 }));
    expect(many.at(0).open).toBe(true);
  });

  it("gets the lease of a call back that threw before it was sent (afreidah/s3-orchestrator#424)", () => {
    const rig = ready({ outliers: { halfOpen: { intervalMs: 0 } } });
    const { generation, state } = claimed(rig);
    expect(rig.claim()).toBeUndefined();
    rig.gate.released(state, generation);
    expect(rig.claim()?.state).toBe(state);
  });

  it("keeps none of the others waiting when several want probes", () => {
    const rig = new GateRig({ count: 6 });
    for (const i of [0, 1, 2]) rig.eject(rig.at(i));
    rig.advance(30_000);
    const seen = Array.from({ length: 3 }, () => claimed(rig).state.id);
    expect(new Set(seen)).toEqual(new Set(["e0", "e1", "e2"]));
    expect(rig.claim()).toBeUndefined();
  });

  it("stays out after a good health check if that is configured, or if it was slow, which health checks do not see", () => {
    const rig = new GateRig({ outliers: { successfulHealthCheckUnejects: false } });
    rig.eject(rig.at(0));
    rig.gate.setActiveHealth(rig.at(0), "healthy", "", rig.now);
    expect(rig.at(0).open).toBe(false);

    const grey = new GateRig();
    for (let i = 0; i < 500; i++) for (const state of grey.states) grey.settle(state, answer());
    grey.settle(grey.at(0), answer({ latencyMs: 200 }), 10);
    grey.gate.setActiveHealth(grey.at(0), "healthy", "", grey.now);
    expect(grey.kinds(grey.at(0))).toEqual(["ejected"]);
  });

  it("comes back to many clients at different moments", () => {
    const random = seededRandom(5);
    const ends = Array.from({ length: 50 }, () => {
      const rig = new GateRig({ random });
      rig.eject(rig.at(0));
      return rig.at(0).gate.ejection.openUntil;
    });
    expect(new Set(ends).size).toBe(50);
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(30_000);
    expect(Math.max(...ends)).toBeLessThanOrEqual(33_000);
  });

  it("honours the Retry-After of a failed probe, and of one that was throttled", () => {
    const rig = ready();
    rig.end(claimed(rig), overloaded, 200_000);
    expect(rig.notes.at(-1)).toMatchObject({ detector: "probe", ejectionMs: 200_000 });
    const other = ready();
    other.end(claimed(other), throttled, 5_000);
    other.now += 4_999;
    expect(other.claim()).toBeUndefined();
    other.now += 1;
    expect(other.claim()).toBeDefined();
  });

  it("is decided by several probes where it was slow, because a single answer says little", () => {
    const slow = (): GateRig => {
      const rig = new GateRig({ outliers: { halfOpen: { intervalMs: 0 } } });
      for (let i = 0; i < 500; i++) for (const state of rig.states) rig.settle(state, answer());
      rig.settle(rig.at(0), answer({ latencyMs: 200 }), 10);
      rig.now = 30_000;
      return rig;
    };
    const [healed, sick] = [slow(), slow()];
    for (const latencyMs of [10, 100, 10, 100, 10]) healed.end(claimed(healed), answer({ latencyMs }));
    expect(healed.at(0).open).toBe(true);
    for (const latencyMs of [10, 100, 10, 100, 100]) sick.end(claimed(sick), answer({ latencyMs }));
    expect(sick.notes.at(-1)).toMatchObject({ note: "ejected", detector: "probe" });
  });

  it("gets no probe while the registry calls it dead or gives it no weight, and one as soon as that is over", () => {
    for (const over of [{ health: "unhealthy" }, { health: "draining" }, { weight: 0 }] as const) {
      const rig = ready();
      const state = rig.at(0);
      const { spec } = state;
      state.update({ ...spec, ...over });
      rig.gate.update(state, rig.now);
      expect(rig.claim()).toBeUndefined();
      state.update(spec);
      rig.gate.update(state, rig.now);
      expect(rig.claim()?.state).toBe(state);
    }
  });

  it("decides nothing by calls that reached it in panic", () => {
    const rig = ready();
    const probe = claimed(rig);
    rig.settle(rig.at(0), answer(), 10);
    rig.settle(rig.at(0), failed, 10);
    expect(rig.kinds(rig.at(0))).toEqual(["probing"]);
    rig.end(probe, failed);
    expect(rig.kinds(rig.at(0))).toEqual(["ejected"]);
  });

  it("asks nobody for probes any more once it has left", () => {
    const rig = ready();
    const probe = claimed(rig);
    rig.remove(rig.at(0));
    expect(rig.gate.probeAt).toBe(Infinity);
    rig.end(probe, failed);
    rig.advance(60_000);
    expect(rig.gate.ejected).toBe(0);
  });
});
