import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ProxylessError } from "../../../src/errors.ts";
import type { CircuitPolicy, ResolvedCircuit } from "../../../src/policies/circuit/circuit-policy.ts";
import { resolveCircuit } from "../../../src/policies/circuit/resolve-circuit.ts";

function resolve(input: CircuitPolicy, base?: ResolvedCircuit): ResolvedCircuit {
  const resolved = resolveCircuit(input, "circuit", 30_000, base);
  if (resolved === false) throw new Error("the circuit is off");
  return resolved;
}

describe("the engine", () => {
  it("is opossum where nothing asks for more", () => {
    expect(resolve({}).engine).toBe("opossum");
    expect(resolve({ probes: 5, mode: "metrics-only", openGrowth: 1 }).engine).toBe("opossum");
    expect(resolve({ engine: "native" }).engine).toBe("native");
  });

  it.each<[CircuitPolicy, string]>([
    [{ windowCalls: 50 }, "windowCalls: 50"],
    [{ consecutiveFailures: 5 }, "consecutiveFailures: 5"],
    [{ slowCallMs: 800 }, "slowCallMs: 800"],
    [{ failureRatio: false, consecutiveFailures: 5 }, "consecutiveFailures: 5"],
  ])("is native for %j, and asking opossum for it is refused", (input, what) => {
    expect(resolve(input).engine).toBe("native");
    expect(() => resolve({ ...input, engine: "opossum" })).toThrow(
      `circuit.engine must be "native" or left out: opossum knows only a share of failures in a window of time, not ${what}, got "opossum"`,
    );
  });

  it("of a service does not stand in the way of what a route asks for", () => {
    const service = resolve({ minCalls: 7 });
    expect(resolve({ slowCallMs: 100 }, service)).toMatchObject({ engine: "native", minCalls: 7 });
    expect(() => resolve({ engine: "opossum" }, resolve({ slowCallMs: 100 }))).toThrow("circuit.engine");
    expect(resolve({ engine: "opossum", slowCallMs: false }, resolve({ slowCallMs: 100 })).engine).toBe(
      "opossum",
    );
  });
});

describe("a circuit's defaults", () => {
  it("follow from what was given", () => {
    expect(resolve({ openMs: 100 }).maxOpenMs).toBe(300);
    expect(resolve({ maxOpenMs: 1_000 }).openMs).toBe(1_000);
    expect(resolve({ probes: 3 }).probeIntervalMs).toBe(200);
    expect(resolve({ probes: 3, probeIntervalMs: 0 }).probeIntervalMs).toBe(0);
    expect(resolve({ windowCalls: 5 })).toMatchObject({ windowCalls: 5, windowMs: undefined, minCalls: 5 });
  });

  it("of a route are its service's, and one kind of window takes the place of the other", () => {
    const service = resolve({ windowCalls: 50, openMs: 1_000, maxOpenMs: 4_000 });
    expect(resolve({}, service)).toEqual(service);
    expect(resolve({ windowMs: 5_000 }, service)).toMatchObject({ windowMs: 5_000, windowCalls: undefined });
    expect(resolve({ openMs: 500 }, service).maxOpenMs).toBe(2_000);
  });

  it("are off when the circuit is", () => {
    expect(resolveCircuit(false, "circuit", 30_000)).toBe(false);
  });
});

describe("a circuit is refused", () => {
  it.each<[object, string]>([
    [{ engine: "hystrix" }, 'circuit.engine must be "opossum" or "native", got "hystrix"'],
    [{ mode: "open" }, "circuit.mode must be"],
    [{ failureRatio: true }, "circuit.failureRatio must be a number above 0 and at most 1, got true"],
    [{ failureRatio: false }, "circuit.failureRatio must be a number, unless"],
    [{ windowCalls: 0 }, "circuit.windowCalls must be a whole number from 1 to 10000, got 0"],
    [{ windowCalls: 10_001 }, "circuit.windowCalls"],
    [
      { windowMs: 1_000, windowCalls: 10 },
      "circuit.windowCalls must be left out where circuit.windowMs is given",
    ],
    [{ windowCalls: 10, minCalls: 11 }, "circuit.minCalls must be at most circuit.windowCalls (10), got 11"],
    [
      { consecutiveFailures: 1.5 },
      "circuit.consecutiveFailures must be a whole number from 1 to 1000000, got 1.5",
    ],
    [{ slowCallMs: 0 }, "circuit.slowCallMs must be a number from 1 to 2147483647, got 0"],
    [{ slowCallRatio: 0.5 }, "circuit.slowCallRatio must be left out unless circuit.slowCallMs says"],
    [
      { slowCallMs: 5, slowCallRatio: 0 },
      "circuit.slowCallRatio must be a number above 0 and at most 1, got 0",
    ],
    [{ openMs: 10, maxOpenMs: 9 }, "circuit.maxOpenMs must be at least circuit.openMs (10), got 9"],
    [{ openGrowth: 0.5 }, "circuit.openGrowth must be a number from 1 to 100, got 0.5"],
    [{ openJitter: 1.1 }, "circuit.openJitter must be a number from 0 to 1, got 1.1"],
    [{ probes: 0 }, "circuit.probes must be a whole number from 1 to 100, got 0"],
    [{ probeIntervalMs: -1 }, "circuit.probeIntervalMs must be a number from 0 to 3600000, got -1"],
    [{ windowSize: 1 }, "circuit.windowSize must be left out"],
  ])("for %j", (input, message) => {
    expect(() => resolveCircuit(input, "circuit", 30_000)).toThrow(message);
  });
});

describe("any policy", () => {
  const whole = fc.integer({ min: 1, max: 30 });
  const low = fc.integer({ min: 1, max: 15 });
  const orOff = (numbers: fc.Arbitrary<number>): fc.Arbitrary<unknown> =>
    fc.oneof(numbers, fc.constant(false));
  const share = fc.double({ min: 0.001, max: 1, noNaN: true });
  const anything = fc.record(
    {
      engine: fc.constantFrom("opossum", "native", "native"),
      mode: fc.constantFrom("auto", "forced-open", "metrics-only"),
      failureRatio: orOff(share),
      windowMs: fc.integer({ min: 95, max: 400 }),
      windowCalls: whole,
      minCalls: low,
      consecutiveFailures: orOff(whole),
      slowCallMs: orOff(whole),
      slowCallRatio: share,
      openMs: low,
      maxOpenMs: whole,
      openGrowth: fc.double({ min: 1, max: 9, noNaN: true }),
      openJitter: share,
      probes: whole,
      probeIntervalMs: whole,
    },
    { requiredKeys: [] },
  );
  const attempt = (input: object, base?: ResolvedCircuit): ResolvedCircuit | undefined => {
    try {
      const resolved = resolveCircuit(input, "circuit", 30_000, base);
      return resolved === false ? undefined : resolved;
    } catch (error) {
      if (error instanceof ProxylessError && error.field?.startsWith("circuit.") === true) return undefined;
      throw error;
    }
  };

  it("is refused with its field, or holds together, is frozen and is the same when resolved from JSON again", () => {
    let accepted = 0;
    fc.assert(
      fc.property(anything, anything, (service, route) => {
        const base = attempt(service);
        const resolved = base === undefined ? undefined : attempt(route, base);
        if (base === undefined || resolved === undefined) return;
        accepted++;
        expect(Object.isFrozen(resolved)).toBe(true);
        expect(resolved.openMs).toBeLessThanOrEqual(resolved.maxOpenMs);
        expect(resolved.minCalls).toBeLessThanOrEqual(resolved.windowCalls ?? Infinity);
        expect(
          [resolved.windowMs, resolved.windowCalls].filter((length) => length === undefined),
        ).toHaveLength(1);
        const again: unknown = JSON.parse(JSON.stringify(resolved));
        expect(resolveCircuit(again, "circuit", 1)).toEqual(resolved);
      }),
      { seed: 61, numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});
