import { describe, expect, it } from "vitest";

import type { CircuitOpening } from "../../../src/policies/circuit/circuit-types.ts";
import { admit, bothEngines, call, policyOf, withEngine } from "./circuit-kit.ts";

describe.each(bothEngines)("several probes with the engine %s", (engine) => {
  const { openCircuit } = withEngine(engine);

  it("all have to be decided before it closes", () => {
    const circuit = openCircuit(0, { probes: 10 });
    call(circuit, "failure", 5_000, 4);
    call(circuit, "success", 5_000, 5);
    expect(circuit.state).toBe("half_open");
    call(circuit, "success", 5_000);
    expect(circuit.inspect(5_000)).toMatchObject({ state: "closed", calls: 0 });
  });

  it("open it again as soon as their failures reach the ratio, without waiting for the rest", () => {
    const openings: CircuitOpening[] = [];
    const circuit = openCircuit(0, { probes: 10 }, { onOpen: (opening) => openings.push(opening) });
    call(circuit, "success", 5_000, 2);
    call(circuit, "failure", 5_000, 4);
    expect(circuit.state).toBe("half_open");
    call(circuit, "failure", 5_000);
    expect(circuit.state).toBe("open");
    expect(openings[1]).toMatchObject({ cause: "probe", calls: 7, failureRatio: 5 / 7, openMs: 10_000 });
  });

  it.each([
    [0.01, 100, 1],
    [0.1, 10, 1],
    [0.3, 10, 3],
    [0.34, 3, 2],
    [1, 5, 5],
  ])("at a ratio of %d of %d probes, %d failures open it", (failureRatio, probes, failures) => {
    const circuit = openCircuit(0, { failureRatio, probes });
    call(circuit, "failure", 5_000, failures - 1);
    expect(failures === 1 ? "half_open" : circuit.state).toBe("half_open");
    call(circuit, "failure", 5_000);
    expect(circuit.state).toBe("open");
  });

  it("are failures as of the end of each one's lease, oldest first", () => {
    const circuit = openCircuit(0, { probes: 4, probeTimeoutMs: 1_000 });
    admit(circuit, 5_000);
    admit(circuit, 5_500);
    expect(circuit.admit(6_400)).toEqual({ admitted: false, retryAfterMs: 100 });
    // The second lease ended at 6,500, and the circuit opened then for ten seconds.
    expect(circuit.admit(9_000)).toEqual({ admitted: false, retryAfterMs: 7_500 });
  });

  it("close it when the last lease to run out is one failure too few", () => {
    const circuit = openCircuit(0, { probes: 3, failureRatio: 0.6, probeTimeoutMs: 1_000 });
    call(circuit, "success", 5_000, 2);
    admit(circuit, 5_000);
    expect(circuit.admit(6_000)).toMatchObject({ admitted: true, probe: false });
    expect(circuit.state).toBe("closed");
  });

  it("are called off by the failure that opens it again", () => {
    const circuit = openCircuit(0, { probes: 4 });
    const first = admit(circuit, 5_000);
    const second = admit(circuit, 5_000);
    circuit.record(first, "failure", 5_001);
    circuit.record(second, "neutral", 5_001);
    const third = admit(circuit, 5_001);
    circuit.update(policyOf({ engine, probes: 4, failureRatio: 0.25 }), 5_002);
    circuit.record(third, "failure", 5_003);
    expect(circuit.inspect(5_003)).toMatchObject({ state: "open", openForMs: 9_999 });
  });
});

describe("slow probes", () => {
  it("open it again though they succeed", () => {
    const { openCircuit } = withEngine("native");
    const circuit = openCircuit(0, { probes: 4, slowCallMs: 1_000, slowCallRatio: 0.5 });
    call(circuit, "success", 5_000, 1, 1_001);
    call(circuit, "success", 5_000, 2, 1_000);
    expect(circuit.state).toBe("half_open");
    call(circuit, "success", 5_000, 1, 1_001);
    expect(circuit.state).toBe("open");
  });

  it("need no ratio of failures for a failed one to open it", () => {
    const { newCircuit } = withEngine("native");
    const circuit = newCircuit({ failureRatio: false, consecutiveFailures: 5, probes: 10 });
    call(circuit, "failure", 0, 5);
    call(circuit, "success", 5_000, 9);
    call(circuit, "failure", 5_000);
    expect(circuit.state).toBe("open");
  });
});
