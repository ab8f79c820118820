import { describe, expect, it } from "vitest";

import type { CircuitOpening } from "../../../src/policies/circuit/circuit-types.ts";
import { admit, bothEngines, call, withEngine } from "./circuit-kit.ts";

describe.each(bothEngines)("with the engine %s", (engine) => {
  const { newCircuit, openCircuit } = withEngine(engine);

  describe("a closed circuit", () => {
    it("opens at exactly the failure ratio, not only above it", () => {
      const circuit = newCircuit();
      call(circuit, "success", 0, 10);
      call(circuit, "failure", 1, 9);
      expect(circuit.state).toBe("closed");
      call(circuit, "failure", 2);
      expect(circuit.state).toBe("open");
    });

    it.each([0.01, 1 / 3, 0.29, 0.7, 1])(
      "opens at a ratio of %d and not one failure earlier",
      (failureRatio) => {
        const failures = Math.ceil(failureRatio * 300 - 1e-9);
        const circuit = newCircuit({ failureRatio, minCalls: 300 });
        call(circuit, "success", 0, 300 - failures);
        call(circuit, "failure", 0, failures - 1);
        expect(circuit.state).toBe("closed");
        call(circuit, "failure", 0);
        expect(circuit.state).toBe("open");
      },
    );

    it("does not open below the minimum of calls", () => {
      const circuit = newCircuit({ minCalls: 20 });
      call(circuit, "failure", 0, 19);
      expect(circuit.state).toBe("closed");
      call(circuit, "failure", 0);
      expect(circuit.state).toBe("open");
    });

    it("forgets calls that are older than the window", () => {
      const circuit = newCircuit();
      for (let second = 0; second < 60; second++) call(circuit, "failure", second * 1_000, 1);
      expect(circuit.state).toBe("closed");
      expect(circuit.inspect(59_000).calls).toBe(10);
      expect(circuit.inspect(200_000)).toMatchObject({ calls: 0, failures: 0, failureRatio: 0 });
    });

    it("does not count neutral results", () => {
      const circuit = newCircuit();
      call(circuit, "neutral", 0, 1_000);
      call(circuit, "failure", 0, 19);
      expect(circuit.inspect(0)).toMatchObject({ state: "closed", calls: 19 });
      call(circuit, "failure", 0);
      expect(circuit.state).toBe("open");
    });

    it("hands every call of a generation the same admission", () => {
      const circuit = newCircuit();
      expect(circuit.admit(0)).toBe(circuit.admit(1));
    });
  });

  describe("an open circuit", () => {
    it("says when to come back", () => {
      const circuit = openCircuit(1_000);
      expect(circuit.admit(1_000)).toEqual({ admitted: false, retryAfterMs: 5_000 });
      expect(circuit.admit(5_999.5)).toEqual({ admitted: false, retryAfterMs: 1 });
      expect(circuit.inspect(2_000)).toMatchObject({
        state: "open",
        calls: 20,
        failures: 20,
        openForMs: 4_000,
      });
    });

    it("reports why it opened and how long it stays so", () => {
      const openings: CircuitOpening[] = [];
      const circuit = newCircuit({}, { onOpen: (opening) => openings.push(opening) });
      call(circuit, "success", 0, 20);
      call(circuit, "failure", 0, 20);
      expect(openings).toEqual([
        { cause: "failures", failureRatio: 0.5, slowRatio: 0, calls: 40, openMs: 5_000, enforced: true },
      ]);
    });

    it("adds up to 20 % of jitter to the time it stays open", () => {
      const openings: CircuitOpening[] = [];
      const circuit = newCircuit(
        { minCalls: 1 },
        { onOpen: (opening) => openings.push(opening) },
        0,
        () => 0.999,
      );
      call(circuit, "failure", 0);
      expect(openings[0]?.openMs).toBeCloseTo(5_999, 0);
      expect(circuit.admit(5_900).admitted).toBe(false);
      expect(circuit.admit(6_000).admitted).toBe(true);
    });

    it("does not count results of calls that began before it opened", () => {
      const circuit = newCircuit();
      const slow = admit(circuit, 0);
      call(circuit, "failure", 0, 20);
      circuit.record(slow, "failure", 100);
      circuit.record(slow, "success", 200);
      expect(circuit.inspect(200)).toMatchObject({ state: "open", calls: 20, openForMs: 4_800 });
    });
  });

  describe("a half-open circuit", () => {
    it("lets one probe through at a time and caps the wait it asks of the others", () => {
      const circuit = openCircuit(0);
      const probe = admit(circuit, 5_000);
      expect(probe.probe).toBe(true);
      expect(circuit.admit(5_000)).toEqual({ admitted: false, retryAfterMs: 1_000 });
      expect(circuit.admit(7_500)).toEqual({ admitted: false, retryAfterMs: 500 });
    });

    it("closes when the probe succeeds, with an empty window", () => {
      const circuit = openCircuit(0);
      call(circuit, "success", 5_000);
      expect(circuit.inspect(5_000)).toMatchObject({ state: "closed", calls: 0, failures: 0 });
      call(circuit, "success", 5_000, 100);
    });

    it("opens again when the probe fails", () => {
      const openings: CircuitOpening[] = [];
      const circuit = openCircuit(0, {}, { onOpen: (opening) => openings.push(opening) });
      call(circuit, "failure", 5_000);
      expect(circuit.state).toBe("open");
      expect(openings[1]).toMatchObject({ cause: "probe", failureRatio: 1, calls: 1, openMs: 10_000 });
    });

    it("counts a lost probe as failed as of the end of its lease, so that idle time is not waited twice", () => {
      const circuit = openCircuit(0);
      admit(circuit, 5_000);
      expect(circuit.admit(8_000)).toEqual({ admitted: false, retryAfterMs: 10_000 });

      const idle = openCircuit(0);
      admit(idle, 5_000);
      expect(admit(idle, 18_000).probe).toBe(true);
    });

    it("ignores a probe that succeeds after its lease has ended", () => {
      const circuit = openCircuit(0);
      const probe = admit(circuit, 5_000);
      circuit.record(probe, "success", 8_000);
      expect(circuit.state).toBe("open");
    });

    it("ignores a second report of the same probe", () => {
      const circuit = openCircuit(0);
      const probe = admit(circuit, 5_000);
      circuit.record(probe, "neutral", 5_001);
      const second = admit(circuit, 5_002);
      circuit.record(probe, "failure", 5_003);
      expect(circuit.state).toBe("half_open");
      circuit.record(second, "success", 5_004);
      circuit.record(second, "failure", 5_005);
      expect(circuit.inspect(5_005)).toMatchObject({ state: "closed", calls: 0 });
    });

    it("tells its listener of every change, once", () => {
      const seen: string[] = [];
      const circuit = openCircuit(
        0,
        {},
        {
          onOpen: () => seen.push("open"),
          onHalfOpen: () => seen.push("half_open"),
          onClose: () => seen.push("close"),
        },
      );
      circuit.admit(1);
      circuit.inspect(6_000);
      const probe = admit(circuit, 6_000);
      circuit.admit(6_001);
      circuit.record(probe, "success", 6_002);
      expect(seen).toEqual(["open", "half_open", "close"]);
      expect(circuit.inspect(6_002).generation).toBe(4);
    });
  });

  /** Lets every probe fail and gives the times it was open for. */
  function openTimes(openings: number): readonly number[] {
    const times: number[] = [];
    const circuit = newCircuit({ minCalls: 1 }, { onOpen: ({ openMs }) => times.push(openMs) });
    let now = 0;
    for (let i = 0; i < openings; i++) {
      call(circuit, "failure", now);
      now += times.at(-1) ?? 0;
    }
    return times;
  }

  describe("the time a circuit stays open", () => {
    it("doubles with every failed probe up to ten times the policy's", () => {
      expect(openTimes(7)).toEqual([5_000, 10_000, 20_000, 40_000, 50_000, 50_000, 50_000]);
      expect(openTimes(1_200).at(-1)).toBe(50_000);
    });

    it("goes on doubling when it closes for less than a window, and starts over after that", () => {
      const windowMs = 10_000;
      const times: number[] = [];
      const circuit = newCircuit({ windowMs, minCalls: 1 }, { onOpen: ({ openMs }) => times.push(openMs) });
      call(circuit, "failure", 0);
      call(circuit, "success", 5_000);
      call(circuit, "failure", 5_000 + windowMs - 1);
      call(circuit, "success", 30_000);
      call(circuit, "failure", 30_000 + windowMs);
      expect(times).toEqual([5_000, 10_000, 5_000]);
    });
  });
});
