import { describe, expect, it } from "vitest";

import type { CircuitMode } from "../../../src/policies/circuit/circuit-policy.ts";
import type { CircuitListener } from "../../../src/policies/circuit/circuit-types.ts";
import { admit, bothEngines, call, withEngine } from "./circuit-kit.ts";

function recorder(seen: string[]): CircuitListener {
  return {
    onOpen: ({ cause, openMs, enforced }) => seen.push(`open ${cause} ${openMs} ${enforced}`),
    onHalfOpen: (enforced) => seen.push(`half_open ${enforced}`),
    onClose: (enforced) => seen.push(`closed ${enforced}`),
    onMode: (mode, state) => seen.push(`${mode} ${state}`),
  };
}

describe.each(bothEngines)("the mode of a circuit with the engine %s", (engine) => {
  const { newCircuit, openCircuit } = withEngine(engine);

  it("forced-open refuses everything for as long as it lasts, and afterwards probes before it closes", () => {
    const seen: string[] = [];
    const circuit = newCircuit({}, recorder(seen));
    const inFlight = admit(circuit, 0);
    circuit.setMode("forced-open", 10);
    expect(circuit.admit(10)).toEqual({ admitted: false, retryAfterMs: 5_000 });
    expect(circuit.admit(86_400_000).admitted).toBe(false);
    circuit.record(inFlight, "success", 20);
    expect(circuit.inspect(86_400_000)).toMatchObject({
      mode: "forced-open",
      state: "open",
      refused: 2,
      openForMs: 0,
    });
    circuit.setMode("auto", 86_400_000);
    const probe = admit(circuit, 86_400_000);
    expect(probe.probe).toBe(true);
    circuit.record(probe, "success", 86_400_001);
    expect(seen).toEqual([
      "open forced Infinity true",
      "forced-open open",
      "auto open",
      "half_open true",
      "closed true",
    ]);
  });

  it("forced-closed lets everything pass and counts nothing, and afterwards starts anew", () => {
    const seen: string[] = [];
    const circuit = openCircuit(0, {}, recorder(seen));
    circuit.setMode("forced-closed", 10);
    const inFlight = admit(circuit, 11);
    call(circuit, "failure", 11, 1_000);
    expect(circuit.inspect(12)).toMatchObject({ state: "closed", calls: 0, mode: "forced-closed" });
    circuit.setMode("auto", 20);
    circuit.record(inFlight, "failure", 21);
    call(circuit, "failure", 21, 19);
    expect(circuit.inspect(21)).toMatchObject({ state: "closed", calls: 19 });
    expect(seen).toEqual(["open failures 5000 true", "closed true", "forced-closed closed", "auto closed"]);
  });

  it("metrics-only never refuses, and says what it would have done", () => {
    const seen: string[] = [];
    const circuit = newCircuit({ mode: "metrics-only" }, recorder(seen));
    call(circuit, "failure", 0, 500);
    expect(circuit.inspect(1)).toMatchObject({ state: "open", calls: 20, refused: 480 });
    // What a circuit in force would not have seen does not count.
    call(circuit, "success", 4_999, 100);
    expect(circuit.state).toBe("open");
    expect(admit(circuit, 5_000).probe).toBe(true);
    call(circuit, "success", 5_000, 3);
    expect(circuit.state).toBe("half_open");
    expect(circuit.admit(8_000)).toMatchObject({ admitted: true, probe: false });
    expect(seen).toEqual(["open failures 5000 false", "half_open false", "open probe 10000 false"]);
  });

  it("goes from metrics-only into force and back without losing anything", () => {
    const circuit = newCircuit({ mode: "metrics-only" });
    const inFlight = admit(circuit, 0);
    call(circuit, "failure", 0, 18);
    circuit.setMode("auto", 1);
    circuit.record(inFlight, "failure", 2);
    expect(circuit.inspect(2)).toMatchObject({ state: "closed", calls: 19 });
    call(circuit, "failure", 2);
    expect(circuit.admit(2).admitted).toBe(false);
    circuit.setMode("metrics-only", 3);
    expect(circuit.admit(3).admitted).toBe(true);
    circuit.setMode("auto", 4);
    expect(circuit.admit(4)).toEqual({ admitted: false, retryAfterMs: 4_998 });
  });

  it("can be the policy's from the start", () => {
    expect(newCircuit({ mode: "forced-open" }).admit(0).admitted).toBe(false);
    const closed = newCircuit({ mode: "forced-closed" });
    call(closed, "failure", 0, 100);
    expect(closed.inspect(0)).toMatchObject({ state: "closed", calls: 0 });
  });

  it("says nothing when it is switched to what it is, and refuses what does not exist", () => {
    const seen: string[] = [];
    const circuit = newCircuit({}, recorder(seen));
    const admission = admit(circuit, 0);
    circuit.setMode("auto", 1);
    expect(circuit.admit(2)).toBe(admission);
    expect(seen).toEqual([]);
    const wrong: CircuitMode = JSON.parse('"off"');
    expect(() => {
      circuit.setMode(wrong, 3);
    }).toThrow('mode must be "auto", "forced-open", "forced-closed" or "metrics-only", got "off"');
    expect(circuit.mode).toBe("auto");
  });

  it("survives a reset, which closes the circuit and forgets its past", () => {
    const seen: string[] = [];
    const circuit = openCircuit(0, {}, recorder(seen));
    call(circuit, "failure", 5_000);
    circuit.reset(5_001);
    call(circuit, "failure", 5_001, 20);
    circuit.setMode("forced-open", 5_002);
    circuit.reset(5_003);
    expect(circuit.admit(5_003).admitted).toBe(false);
    expect(seen).toEqual([
      "open failures 5000 true",
      "half_open true",
      "open probe 10000 true",
      "closed true",
      "open failures 5000 true",
      "forced-open open",
    ]);
  });
});
