import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { answered, eject, failedWith, gateOver, neutral, refused } from "../../support/gates.ts";
import { answer } from "./gate-rig.ts";

const afterEjection = 33_001; // 30 s and 10 % jitter

describe("half-open, rule by rule", () => {
  it("1: ejection, health checks and the registry meet in one decision, so none waits for another (zentinel#261)", () => {
    const test = gateOver();
    const [state] = test.states;
    eject(test, state!, 0);
    test.gate.setActiveHealth(state!, "unhealthy", "refused", 10);
    expect(test.claim(afterEjection)).toBeUndefined();
    test.gate.setActiveHealth(state!, "healthy", "", 40_000);
    expect(state!.open).toBe(true);
    expect(test.gate.ejected).toBe(0);
  });

  it("2: a probe that never settles is lost when its lease ends, and its place is free (OmniRoute#13836)", () => {
    const test = gateOver({ outliers: { halfOpen: { leaseMs: 1_000 } } });
    const [state] = test.states;
    eject(test, state!, 0);
    expect(test.claim(afterEjection)).toBe(state);
    expect(test.claim(afterEjection + 900)).toBeUndefined();
    test.gate.tick(afterEjection + 1_001);
    expect(test.said).toContain("ejected e0 probe");
    // The second ejection lasts twice as long, and ends with a probe as the first did.
    expect(test.claim(afterEjection + 1_001 + 66_001)).toBe(state);
  });

  it("2: a lost lease is found without the sweep as well", () => {
    const test = gateOver({ outliers: { halfOpen: { leaseMs: 1_000 } } });
    eject(test, test.states[0]!, 0);
    expect(test.claim(afterEjection)).toBe(test.states[0]);
    expect(test.claim(afterEjection + 1_500)).toBeUndefined();
    expect(test.said).toContain("ejected e0 probe");
  });

  it("3: what began while the circuit was closed counts nowhere when it ends (cockatiel#91)", () => {
    const test = gateOver();
    const [state] = test.states;
    const before = state!.gate.generation;
    eject(test, state!, 0);
    expect(test.claim(afterEjection)).toBe(state);
    for (let i = 0; i < 20; i++)
      test.gate.settled(state!, before, false, answered(), undefined, afterEjection + 1);
    expect(state!.open).toBe(false);
    for (let i = 0; i < 20; i++)
      test.gate.settled(state!, before, true, failedWith(500), undefined, afterEjection + 1);
    expect(test.said).toEqual(["ejected e0 consecutive5xx"]);
  });

  it("4: a neutral outcome gives the lease back and decides nothing (studio#5322, nora#585)", () => {
    const test = gateOver();
    const [state] = test.states;
    eject(test, state!, 0);
    for (let i = 0; i < 50; i++) {
      const now = afterEjection + i * 1_000;
      expect(test.claim(now)).toBe(state);
      test.endProbe(state!, i % 2 === 0 ? neutral : failedWith(429), now + 1);
    }
    expect(state!.gate.ejection.probesInFlight).toBe(0);
    expect(test.said).toEqual(["ejected e0 consecutive5xx"]);
  });

  it("4: a 4xx is neutral as well: who refuses a token has not touched what was broken", () => {
    const test = gateOver();
    const [state] = test.states;
    eject(test, state!, 0);
    for (let i = 0; i < 5; i++) {
      const now = afterEjection + i * 1_000;
      expect(test.claim(now)).toBe(state);
      test.endProbe(state!, answer({ status: 401 + (i % 4) }), now + 1);
    }
    expect(state!.gate.ejection.probesInFlight).toBe(0);
    expect(test.said).toEqual(["ejected e0 consecutive5xx"]);
    // The next good ones decide, as if nothing had been.
    for (const now of [afterEjection + 6_000, afterEjection + 7_000]) {
      expect(test.claim(now)).toBe(state);
      test.endProbe(state!, answered(), now);
    }
    expect(state!.open).toBe(true);
  });

  it("5: every way a probe can end gives its place back (s3-orchestrator#424, opossum#484)", () => {
    for (const end of [answered(), answered(5_000), failedWith(500), failedWith(429), refused, neutral]) {
      const test = gateOver({ outliers: { halfOpen: { successes: 100, failures: 100 } } });
      const [state] = test.states;
      eject(test, state!, 0);
      expect(test.claim(afterEjection)).toBe(state);
      test.endProbe(state!, end, afterEjection + 1);
      expect(state!.gate.ejection.probesInFlight).toBe(0);
      expect(test.claim(afterEjection + 300)).toBe(state);
    }
  });

  it("6: no more probes at once than failures that would open it again (safe-client-gateway#3442)", () => {
    const test = gateOver({
      outliers: { halfOpen: { probes: 10, failures: 3, intervalMs: 0, successes: 50 } },
    });
    const [state] = test.states;
    eject(test, state!, 0);
    const claims = Array.from({ length: 20 }, () => test.claim(afterEjection));
    expect(claims.filter((claim) => claim === state)).toHaveLength(3);
    test.endProbe(state!, failedWith(500), afterEjection + 1);
    // One has failed, two more would do, and two are out.
    expect(test.claim(afterEjection + 2)).toBeUndefined();
  });

  it("7: probes are paced, however fast they are answered", () => {
    const test = gateOver({ outliers: { halfOpen: { successes: 100 } } });
    const [state] = test.states;
    eject(test, state!, 0);
    let probes = 0;
    for (let now = afterEjection; now < afterEjection + 1_000; now++) {
      if (test.claim(now) === undefined) continue;
      probes++;
      test.endProbe(state!, answered(), now);
    }
    expect(probes).toBe(5);
  });

  it("8: an endpoint that is due is offered to the next call, whatever balances", () => {
    const test = gateOver();
    const [state] = test.states;
    eject(test, state!, 0);
    expect(test.gate.probeAt).toBeGreaterThan(30_000);
    expect(test.gate.probeAt).toBeLessThan(afterEjection);
    expect(test.claim(test.gate.probeAt - 1)).toBeUndefined();
    expect(test.claim(test.gate.probeAt)).toBe(state);
  });

  it("8: calls that cannot be repeated are probes only where no others come", () => {
    const test = gateOver();
    const [state] = test.states;
    eject(test, state!, 0);
    expect(test.claim(afterEjection, false)).toBeUndefined();
    expect(test.claim(afterEjection + 500, false)).toBeUndefined();
    expect(test.claim(afterEjection + 1_001, false)).toBe(state);
  });

  it("8: a retry is never sent as a probe to where the call has been", () => {
    const test = gateOver();
    const [state] = test.states;
    eject(test, state!, 0);
    expect(test.claim(afterEjection, true, [state!])).toBeUndefined();
    expect(test.claim(afterEjection, true, [test.states[1]!])).toBe(state);
  });

  it("8: where no calls come a health check closes it", () => {
    const test = gateOver();
    eject(test, test.states[0]!, 0);
    test.gate.setActiveHealth(test.states[0]!, "healthy", "", 5_000);
    expect(test.said).toEqual(["ejected e0 consecutive5xx", "returned e0 health check"]);
  });

  it("8: a health check closes it also where checks went well all the time", () => {
    const test = gateOver();
    const [state] = test.states;
    test.gate.setActiveHealth(state!, "healthy", "", 0);
    eject(test, state!, 1_000);
    test.gate.setActiveHealth(state!, "healthy", "", 5_000);
    expect(test.said.at(-1)).toBe("returned e0 health check");
  });

  it("8: a health check that let it back in vain is not believed again, until it finds something or the endpoint does well", () => {
    const test = gateOver();
    const [state] = test.states;
    const isBackBy = (now: number): boolean => {
      test.gate.setActiveHealth(state!, "healthy", "", now);
      return state!.open;
    };
    test.gate.tick(0);
    eject(test, state!, 0);
    expect(isBackBy(1_000)).toBe(true);
    eject(test, state!, 2_000);
    expect([3_000, 4_000, 60_000].map((now) => isBackBy(now))).toEqual([false, false, false]);
    test.gate.setActiveHealth(state!, "unhealthy", "refused", 61_000);
    expect(isBackBy(62_000)).toBe(true);
    for (const now of [70_000, 80_000, 90_000, 100_000]) test.gate.tick(now);
    eject(test, state!, 100_001);
    expect(isBackBy(101_000)).toBe(true);
  });

  it("9: each ejection in a row lasts longer, with jitter, up to a limit, and as long as Retry-After says", () => {
    const test = gateOver({ outliers: { maxEjectionMs: 90_000 } });
    const [state] = test.states;
    eject(test, state!, 0);
    const lengths: number[] = [state!.gate.ejection.openUntil];
    for (let i = 0; i < 4; i++) {
      const now = state!.gate.ejection.openUntil;
      expect(test.claim(now)).toBe(state);
      test.endProbe(state!, failedWith(500), now);
      lengths.push(state!.gate.ejection.openUntil - now);
    }
    for (const [index, times] of [1, 2, 3, 3, 3].entries()) {
      expect(lengths[index]).toBeGreaterThanOrEqual(30_000 * times);
      expect(lengths[index]).toBeLessThan(33_000 * times);
    }
    expect(new Set(lengths.map((length) => length % 30_000)).size).toBe(5);
    const now = state!.gate.ejection.openUntil;
    test.claim(now);
    test.endProbe(state!, failedWith(503), now, 200_000);
    expect(state!.gate.ejection.openUntil - now).toBe(200_000);
  });

  it("10: all of them are never ejected, so that there is always somewhere to go", () => {
    const test = gateOver({ count: 10, outliers: { maxEjectionPercent: 100 } });
    for (const state of test.states) for (let i = 0; i < 20; i++) test.end(state, failedWith(500), 0);
    expect(test.states.filter(({ open }) => open)).toHaveLength(1);
    expect(test.said.some((text) => text.endsWith("limit"))).toBe(true);
  });
});

describe("a circuit under any schedule", () => {
  it("leaks no lease, keeps to the limits, and touches nobody else", () => {
    const action = fc.record({
      wait: fc.nat(40_000),
      what: fc.constantFrom("end", "probe", "neutral", "lose", "tick", "health", "claim"),
      index: fc.nat(5),
      isGood: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.integer(), (actions, seed) => {
        const test = gateOver({
          count: 6,
          seed,
          outliers: { halfOpen: { leaseMs: 5_000, probes: 2, failures: 2 } },
        });
        const out = new Map<number, number>();
        let now = 0;
        for (const { index, isGood, wait, what } of actions) {
          now += wait;
          const state = test.states[index]!;
          const result = isGood ? answered() : failedWith(500);
          if (what === "end") for (let i = 0; i < 5; i++) test.end(state, result, now);
          else if (what === "tick") test.gate.tick(now);
          else if (what === "health")
            test.gate.setActiveHealth(state, isGood ? "healthy" : "unhealthy", "", now);
          else {
            const claimed = test.claim(now);
            if (claimed === undefined) continue;
            if (claimed.open) throw new Error(`${claimed.id} is probed, and open`);
            if (what === "probe") test.endProbe(claimed, result, now);
            else if (what === "neutral") test.endProbe(claimed, neutral, now);
            else out.set(now, claimed.offset);
          }
          const ejected = test.states.filter(({ gate }) => gate.circuit !== "closed");
          expect(ejected.length).toBe(test.gate.ejected);
          expect(ejected.length).toBeLessThanOrEqual(3);
          for (const { gate } of test.states) {
            expect(gate.ejection.probesInFlight).toBeGreaterThanOrEqual(0);
            expect(gate.ejection.probesInFlight).toBeLessThanOrEqual(gate.circuit === "closed" ? 0 : 2);
          }
        }
        // Found to be down and then to be well, everybody is back.
        for (const health of ["unhealthy", "healthy"] as const) {
          for (const state of test.states) test.gate.setActiveHealth(state, health, "", now);
        }
        expect(test.states.every(({ open }) => open)).toBe(true);
        expect(test.gate.probeAt).toBe(Infinity);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
