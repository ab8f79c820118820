import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { CircuitOpening } from "../../../src/policies/circuit/circuit-types.ts";
import { Circuit } from "../../../src/policies/circuit/circuit.ts";
import { openOpossumWindow } from "../../../src/policies/circuit/opossum-window.ts";
import { admit, call, circuitPolicy, newCircuit, openCircuit, policyOf } from "./circuit-kit.ts";

const half = (): number => 0.5;

/** Each test is named after what would go wrong if opossum's own behaviour showed through. */
describe("opossum's behaviour does not show", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("the open time is not measured from the circuit's construction", () => {
    const circuit = newCircuit({}, {}, 0);
    call(circuit, "failure", 3_600_000, 20);
    expect(circuit.admit(3_600_001)).toEqual({ admitted: false, retryAfterMs: 4_999 });
    expect(circuit.inspect(3_600_000).openForMs).toBe(5_000);
  });

  it("a probe that never settles does not keep the circuit half-open for ever", () => {
    const circuit = openCircuit(0);
    admit(circuit, 5_000);
    expect(circuit.admit(7_999).admitted).toBe(false);
    expect(circuit.admit(8_000 + 10_000).admitted).toBe(true);
  });

  it("no window starts an interval, on creation, on opening or on closing", () => {
    const circuit = newCircuit();
    expect(vi.getTimerCount()).toBe(0);
    call(circuit, "success", 0, 5);
    call(circuit, "failure", 0, 15);
    expect(circuit.state).toBe("open");
    expect(vi.getTimerCount()).toBe(0);
    call(circuit, "success", 5_000);
    expect(circuit.state).toBe("closed");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("every circuit's buckets rotate, not only the first one's", () => {
    const circuits = Array.from({ length: 5 }, () => newCircuit());
    for (const circuit of circuits) call(circuit, "failure", 0, 19);
    for (const circuit of circuits) {
      expect(circuit.inspect(5_000).calls).toBe(19);
      expect(circuit.inspect(10_000).calls).toBe(0);
    }
  });

  it("circuits made from one policy object share nothing and leave it as it was", () => {
    const before = JSON.stringify(circuitPolicy);
    const options = { policy: circuitPolicy, random: () => 0, now: 0 };
    const one = new Circuit(options);
    const other = new Circuit(options);
    call(one, "failure", 0, 20);
    expect(one.state).toBe("open");
    expect(other.inspect(0)).toMatchObject({ state: "closed", calls: 0 });
    expect(JSON.stringify(circuitPolicy)).toBe(before);
  });

  it("one failed call does nothing to the others in flight", () => {
    const circuit = newCircuit();
    const inFlight = Array.from({ length: 10 }, () => admit(circuit, 0));
    call(circuit, "failure", 1, 19 - inFlight.length);
    for (const admission of inFlight) circuit.record(admission, "success", 2);
    expect(circuit.inspect(2)).toMatchObject({ state: "closed", calls: 19, failures: 9 });
  });

  it("no capacity is counted, so none can leak", () => {
    const circuit = newCircuit();
    for (let i = 0; i < 100_000; i++) admit(circuit, i);
    expect(circuit.admit(100_000).admitted).toBe(true);
  });

  it("one failure after a recovery does not re-open the circuit while old failures are inside the window", () => {
    const circuit = openCircuit(0, { openMs: 100 });
    call(circuit, "success", 100);
    call(circuit, "failure", 101, 19);
    expect(circuit.inspect(101)).toMatchObject({ state: "closed", failures: 19 });
  });

  it("a result that says nothing about the service does not close a half-open circuit", () => {
    const circuit = openCircuit(0);
    call(circuit, "neutral", 5_000);
    expect(circuit.state).toBe("half_open");
    call(circuit, "neutral", 5_001);
    call(circuit, "failure", 5_002);
    expect(circuit.state).toBe("open");
  });

  it("calls in flight are not in the denominator: 49 of 49 completed calls failed while 51 run", () => {
    const circuit = newCircuit({ minCalls: 49 });
    for (let i = 0; i < 51; i++) admit(circuit, 0);
    call(circuit, "failure", 1, 49);
    expect(circuit.inspect(1)).toMatchObject({ state: "open", calls: 49, failureRatio: 1 });
  });

  it("refused calls are not in the denominator either", () => {
    const circuit = openCircuit(0);
    for (let i = 0; i < 1_000; i++) circuit.admit(i);
    expect(circuit.inspect(1_000).calls).toBe(20);
  });

  it("the success of a call that began before the circuit opened does not close it", () => {
    const circuit = newCircuit();
    const slow = admit(circuit, 0);
    call(circuit, "failure", 0, 20);
    const probe = admit(circuit, 5_000);
    circuit.record(slow, "success", 5_001);
    expect(circuit.state).toBe("half_open");
    circuit.record(probe, "failure", 5_002);
    expect(circuit.state).toBe("open");
  });

  it("a call that began two generations ago is not counted in the new window", () => {
    const circuit = newCircuit();
    const slow = admit(circuit, 0);
    call(circuit, "failure", 0, 20);
    call(circuit, "success", 5_000);
    circuit.record(slow, "failure", 5_001);
    expect(circuit.inspect(5_001)).toMatchObject({ state: "closed", calls: 0 });
  });

  it("nothing goes on in the background: a circuit nobody asks does not change", async () => {
    const seen: string[] = [];
    const circuit = openCircuit(
      0,
      {},
      { onOpen: () => seen.push("open"), onHalfOpen: () => seen.push("half_open") },
    );
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(seen).toEqual(["open"]);
    expect(circuit.state).toBe("open");
  });

  it("half-open has a quota of one, and the open time backs off with jitter", () => {
    const openings: CircuitOpening[] = [];
    const circuit = newCircuit({ minCalls: 1 }, { onOpen: (opening) => openings.push(opening) }, 0, half);
    call(circuit, "failure", 0);
    const probe = admit(circuit, 5_500);
    expect(circuit.admit(5_500).admitted).toBe(false);
    circuit.record(probe, "failure", 5_500);
    expect(openings.map(({ openMs }) => openMs)).toEqual([5_500, 11_000]);
  });

  it("failures leave no unhandled rejection", async () => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): void => {
      rejections.push(reason);
    };
    process.on("unhandledRejection", onRejection);
    const window = openOpossumWindow(policyOf({ failureRatio: 1, minCalls: 1 }), 0);
    window.record(false, false, 0);
    for (let i = 0; i < 5_000; i++) window.record(true, false, 1);
    vi.useRealTimers();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off("unhandledRejection", onRejection);
    expect(rejections).toEqual([]);
    expect(window.counts(1)).toEqual({ calls: 5_001, failures: 5_000, slow: 0 });
  });
});
