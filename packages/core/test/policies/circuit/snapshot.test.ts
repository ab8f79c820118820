import { describe, expect, it } from "vitest";

import type { ResolvedCircuit } from "../../../src/policies/circuit/circuit-policy.ts";
import type { Circuit } from "../../../src/policies/circuit/circuit.ts";
import { admit, bothEngines, call, circuitPolicy, newCircuit, policyOf, withEngine } from "./circuit-kit.ts";

/** Takes a circuit's state, by way of JSON, over into a process whose clock shows `now`. */
function takeOver(
  circuit: Circuit,
  exportedAt: number,
  now: number,
  elapsedMs: number,
  policy: Partial<ResolvedCircuit> = {},
): Circuit {
  const snapshot: unknown = JSON.parse(JSON.stringify(circuit.exportState(exportedAt)));
  return newCircuit(policy, {}, now, () => 0, { snapshot, elapsedMs });
}

describe.each(bothEngines)(
  "the state of a circuit with the engine %s, taken over by another process",
  (engine) => {
    const { newCircuit: create, openCircuit } = withEngine(engine);

    it("keeps each call in the window until it would have left it, whatever the clocks show", () => {
      const circuit = create({}, {}, 0);
      for (let second = 0; second < 10; second++) call(circuit, "success", second * 1_000 + 500);
      call(circuit, "failure", 9_700, 9);
      const other = takeOver(circuit, 9_900, 7_000_000_000, 2_000, { engine });
      expect(circuit.inspect(11_900)).toMatchObject({ calls: 17, failures: 9 });
      for (const laterMs of [0, 100, 3_099, 3_100, 8_100, 8_101, 20_000]) {
        const { calls, failures } = other.inspect(7_000_000_000 + laterMs);
        expect({ calls, failures }).toEqual({
          calls: circuit.inspect(11_900 + laterMs).calls,
          failures: circuit.inspect(11_900 + laterMs).failures,
        });
      }
    });

    it("opens at the same call as the one it comes from", () => {
      const circuit = create();
      call(circuit, "success", 0, 10);
      call(circuit, "failure", 1, 9);
      const other = takeOver(circuit, 2, 500, 0, { engine });
      call(other, "failure", 500);
      expect(other.state).toBe("open");
    });

    it("drops what is older than the window", () => {
      const circuit = create();
      call(circuit, "failure", 0, 19);
      expect(takeOver(circuit, 5, 0, 10_000, { engine }).inspect(0)).toMatchObject({ calls: 0, failures: 0 });
      expect(takeOver(circuit, 5, 0, 9_000, { engine }).inspect(0)).toMatchObject({
        calls: 19,
        failures: 19,
      });
    });

    it("stays open for as long as was left, not for as long as a new opening", () => {
      const circuit = openCircuit(3_600_000);
      const other = takeOver(circuit, 3_601_000, 50, 1_500, { engine });
      expect(other.admit(50)).toEqual({ admitted: false, retryAfterMs: 2_500 });
      expect(admit(other, 2_550).probe).toBe(true);
      expect(takeOver(circuit, 3_601_000, 0, 86_400_000, { engine }).admit(0)).toMatchObject({ probe: true });
    });

    it("comes back from half-open as open for no time, and makes its own probe", () => {
      const circuit = openCircuit(0);
      const probe = admit(circuit, 5_000);
      expect(circuit.exportState(5_001)).toMatchObject({ state: "open", openForMs: 0, slices: [] });
      const other = takeOver(circuit, 5_001, 0, 0, { engine });
      other.record(probe, "failure", 0);
      const own = admit(other, 0);
      expect(own.probe).toBe(true);
      expect(other.admit(0).admitted).toBe(false);
      other.record(own, "failure", 1);
      // It goes on growing where the other one stopped.
      expect(other.inspect(1).openForMs).toBe(10_000);
    });

    it("remembers for how long it has been closed, so that its open time starts over when it should", () => {
      const circuit = openCircuit(0);
      call(circuit, "success", 5_000);
      for (const [elapsedMs, openMs] of [
        [9_899, 10_000],
        [9_900, 5_000],
      ] as const) {
        const other = takeOver(circuit, 5_100, 0, elapsedMs, { engine });
        call(other, "failure", 0, 20);
        expect(other.inspect(0).openForMs).toBe(openMs);
      }
    });

    it("keeps a mode that was switched, and not one that the policy had", () => {
      const circuit = create();
      circuit.setMode("forced-open", 0);
      expect(takeOver(circuit, 1, 0, 0, { engine }).mode).toBe("forced-open");
      const byPolicy = create({ mode: "forced-closed" });
      expect(byPolicy.exportState(0)).not.toHaveProperty("mode");
      expect(takeOver(byPolicy, 1, 0, 0, { engine }).mode).toBe("auto");
    });

    it("does not stay open for longer than its own policy allows", () => {
      const circuit = openCircuit(0, { openMs: 3_600_000, maxOpenMs: 3_600_000 });
      const other = takeOver(circuit, 0, 0, 0, { engine, openMs: 10, maxOpenMs: 100 });
      expect(other.inspect(0).openForMs).toBe(120);
    });
  },
);

describe("a snapshot", () => {
  const snapshot = (): Record<string, unknown> => ({ ...newCircuit().exportState(0) });
  const native = { engine: "native", windowMs: undefined, windowCalls: 10, minCalls: 5 } as const;

  it("keeps the order of the last calls, and failures in a row", () => {
    const policy = { ...native, consecutiveFailures: 3, failureRatio: false as const };
    const circuit = newCircuit(policy);
    for (const outcome of ["failure", "failure", "success", "success", "failure", "failure"] as const)
      call(circuit, outcome, 0);
    const other = takeOver(circuit, 0, 9_000, 86_400_000, policy);
    expect(other.exportState(9_000).slices).toEqual(circuit.exportState(0).slices);
    expect(circuit.exportState(0).slices).toHaveLength(3);
    call(other, "failure", 9_000);
    expect(other.state).toBe("open");
  });

  it("can be read by a circuit with the other kind of window", () => {
    const time = newCircuit();
    call(time, "failure", 0, 4);
    call(time, "success", 5_000, 8);
    expect(takeOver(time, 5_000, 0, 0, native).inspect(0)).toMatchObject({ calls: 10, failures: 2 });
    const calls = newCircuit(native);
    call(calls, "failure", 0, 4);
    expect(takeOver(calls, 0, 0, 0).inspect(0)).toMatchObject({ calls: 4, failures: 4 });
  });

  it.each([
    [{ version: 2 }, "import.snapshot.version must be 1, got 2"],
    [{ version: undefined }, "import.snapshot.version must be 1, got undefined"],
    [{ state: "half_open" }, 'import.snapshot.state must be "closed" or "open", got "half_open"'],
    [{ mode: "off" }, "import.snapshot.mode must be"],
    [{ openings: -1 }, "import.snapshot.openings must be a whole number from 0 to"],
    [{ openings: undefined }, "import.snapshot.openings must be a number, got undefined"],
    [{ openForMs: Infinity }, "import.snapshot.openForMs must be a number from 0 to"],
    [
      { closedForMs: "5" },
      'import.snapshot.closedForMs must be a number from 0 to 9007199254740991, got "5"',
    ],
    [{ extra: 1 }, "import.snapshot.extra must be left out"],
    [{ slices: null }, "import.snapshot.slices must be an array"],
    [{ slices: undefined }, "import.snapshot.slices must be an array of at most 10000 slices"],
    [{ slices: [null] }, "import.snapshot.slices[0] must be an object"],
    [
      { slices: [{ ageMs: 0, calls: 0, failures: 0, slow: 0 }] },
      "slices[0].calls must be a whole number from 1",
    ],
    [
      { slices: [{ ageMs: 0, calls: 2, failures: 3, slow: 0 }] },
      "slices[0].failures must be a whole number from 0 to 2",
    ],
    [{ slices: [{ ageMs: NaN, calls: 2, failures: 0, slow: 0 }] }, "slices[0].ageMs must be a number from 0"],
    [
      {
        slices: [
          { ageMs: 5, calls: 1, failures: 0, slow: 0 },
          { ageMs: 6, calls: 1, failures: 0, slow: 0 },
        ],
      },
      "slices[1].ageMs must be at most that of the one before (5), got 6",
    ],
  ])("with %j is refused", (change, message) => {
    const take = (): Circuit => newCircuit({}, {}, 0, () => 0, { snapshot: { ...snapshot(), ...change } });
    expect(take).toThrow(message);
  });

  it.each([undefined, null, 5, "closed", []])("that is %j is refused", (given) => {
    expect(() => newCircuit({}, {}, 0, () => 0, { snapshot: given })).toThrow(
      "import.snapshot must be an object",
    );
  });

  it("is not taken back in time", () => {
    expect(() => newCircuit({}, {}, 0, () => 0, { snapshot: snapshot(), elapsedMs: -1 })).toThrow(
      "import.elapsedMs must be a number from 0 to",
    );
  });
});

describe.each(bothEngines)("a new policy for a running circuit with the engine %s", (engine) => {
  const { newCircuit: create, openCircuit } = withEngine(engine);

  it("keeps counts and calls in flight, and judges them by its own limits", () => {
    const circuit = create();
    const inFlight = admit(circuit, 0);
    call(circuit, "failure", 1_000, 4);
    circuit.update(policyOf({ engine, minCalls: 5 }), 2_000);
    expect(circuit.inspect(2_000)).toMatchObject({ state: "closed", calls: 4, failures: 4 });
    circuit.record(inFlight, "failure", 2_500);
    expect(circuit.inspect(2_500)).toMatchObject({ state: "open", calls: 5, failures: 5 });
  });

  it("may shorten or lengthen the window", () => {
    const circuit = create();
    for (let second = 0; second < 10; second++) call(circuit, "success", second * 1_000);
    circuit.update(policyOf({ engine, windowMs: 5_000 }), 9_500);
    expect(circuit.inspect(9_500).calls).toBe(5);
    circuit.update(policyOf({ engine, windowMs: 60_000 }), 9_600);
    expect(circuit.inspect(50_000).calls).toBe(5);
  });

  it("may be counted by the other engine", () => {
    const circuit = create();
    call(circuit, "failure", 0, 12);
    for (const next of ["native", "opossum", "native"] as const)
      circuit.update(policyOf({ engine: next }), 100);
    expect(circuit.inspect(100)).toMatchObject({ engine: "native", calls: 12, failures: 12 });
    circuit.update(
      policyOf({ ...circuitPolicy, engine: "native", windowMs: undefined, windowCalls: 15, minCalls: 15 }),
      200,
    );
    call(circuit, "failure", 200, 3);
    expect(circuit.state).toBe("open");
  });

  it("leaves an open circuit open, but for no longer than it would itself", () => {
    const circuit = openCircuit(0);
    circuit.update(policyOf({ engine, openMs: 100_000, maxOpenMs: 100_000 }), 1_000);
    expect(circuit.inspect(1_000).openForMs).toBe(4_000);
    circuit.update(policyOf({ engine, openMs: 100, maxOpenMs: 1_000 }), 1_000);
    expect(circuit.inspect(1_000).openForMs).toBe(1_200);
  });

  it("decides a half-open circuit that has enough probes by the new policy", () => {
    const circuit = openCircuit(0, { probes: 10 });
    call(circuit, "success", 5_000, 3);
    circuit.update(policyOf({ engine, probes: 3 }), 5_001);
    expect(circuit.state).toBe("closed");
  });

  it("changes the mode only where it changes the policy's", () => {
    const circuit = create();
    circuit.setMode("forced-open", 0);
    circuit.update(policyOf({ engine, minCalls: 5 }), 1);
    expect(circuit.mode).toBe("forced-open");
    circuit.update(policyOf({ engine, mode: "metrics-only" }), 2);
    expect(circuit.mode).toBe("metrics-only");
  });
});
