import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Admission, CircuitOutcome } from "../../../src/policies/circuit/circuit-types.ts";
import { seededRandom } from "../../../src/random.ts";
import { bothEngines, newCircuit } from "./circuit-kit.ts";

const outcome = fc.constantFrom<CircuitOutcome>("success", "failure", "failure", "failure", "neutral");
const step = fc.record({
  waitMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 8_000 })),
  outcome,
  /** Which of the calls in flight ends, or none. */
  ends: fc.option(fc.nat(20)),
  starts: fc.nat(8),
});
const policy = fc
  .record({
    engine: fc.constantFrom(...bothEngines),
    failureRatio: fc.double({ min: 0.05, max: 1, noNaN: true }),
    windowMs: fc.integer({ min: 100, max: 20_000 }),
    minCalls: fc.integer({ min: 1, max: 10 }),
    openMs: fc.integer({ min: 1, max: 5_000 }),
    probeTimeoutMs: fc.integer({ min: 1, max: 10_000 }),
  })
  .map((limits) => Object.assign(limits, { maxOpenMs: limits.openMs * 10 }));

describe("any sequence of calls, results and time", () => {
  it("never has two probes out inside one lease, and never gets stuck once the service is healthy", () => {
    fc.assert(
      fc.property(policy, fc.array(step, { maxLength: 120 }), fc.integer(), (limits, steps, seed) => {
        const circuit = newCircuit(limits, {}, 0, seededRandom(seed));
        const inFlight: Admission[] = [];
        let now = 0;
        let probe: { admission: Admission; end: number } | undefined;
        for (const { waitMs, outcome: result, ends, starts } of steps) {
          now += waitMs;
          for (let i = 0; i < starts; i++) {
            const answer = circuit.admit(now);
            expect(answer.admitted || answer.retryAfterMs >= 1).toBe(true);
            if (!answer.admitted) continue;
            inFlight.push(answer);
            if (!answer.probe) continue;
            expect(probe === undefined || now >= probe.end).toBe(true);
            probe = { admission: answer, end: now + limits.probeTimeoutMs };
          }
          const ended =
            ends === null ? undefined : inFlight.splice(ends % Math.max(1, inFlight.length), 1)[0];
          if (ended === undefined) continue;
          circuit.record(ended, result, now);
          if (ended === probe?.admission) probe = undefined;
        }
        // From here on every call succeeds, at once.
        const limit = now + limits.maxOpenMs * 1.2 + limits.probeTimeoutMs;
        for (let turns = 0; circuit.state !== "closed"; turns++) {
          expect(now).toBeLessThanOrEqual(limit + 1);
          expect(turns).toBeLessThan(1_000);
          const answer = circuit.admit(now);
          if (answer.admitted) circuit.record(answer, "success", now);
          else now += answer.retryAfterMs;
        }
      }),
      { seed: 11, numRuns: 300 },
    );
  });

  it("comes back when the caller waits as long as it is told", () => {
    fc.assert(
      fc.property(policy, fc.integer(), (limits, seed) => {
        const circuit = newCircuit({ ...limits, minCalls: 1 }, {}, 0, seededRandom(seed));
        const admitted = circuit.admit(0);
        if (admitted.admitted) circuit.record(admitted, "failure", 0);
        const refusal = circuit.admit(0);
        if (refusal.admitted) throw new Error("it should be open");
        expect(circuit.admit(refusal.retryAfterMs).admitted).toBe(true);
      }),
      { seed: 12, numRuns: 200 },
    );
  });

  it.each(bothEngines)(
    "is counted by %s if it completed in the window, give or take one bucket at its old end",
    (engine) => {
      const calls = fc.array(fc.record({ gapMs: fc.nat(400), fails: fc.boolean() }), { maxLength: 200 });
      fc.assert(
        fc.property(calls, (sequence) => {
          const circuit = newCircuit({ engine, windowMs: 1_000, minCalls: 1_000_000 });
          const seen: { at: number; fails: boolean }[] = [];
          let now = 0;
          for (const { gapMs, fails } of sequence) {
            now += gapMs;
            const answer = circuit.admit(now);
            if (answer.admitted) circuit.record(answer, fails ? "failure" : "success", now);
            seen.push({ at: now, fails });
            const count = (sinceMs: number, failed: boolean): number =>
              seen.filter((call) => call.at > now - sinceMs && (!failed || call.fails)).length;
            const view = circuit.inspect(now);
            expect(view.calls).toBeGreaterThanOrEqual(count(900, false));
            expect(view.calls).toBeLessThanOrEqual(count(1_000, false));
            expect(view.failures).toBeGreaterThanOrEqual(count(900, true));
            expect(view.failures).toBeLessThanOrEqual(count(1_000, true));
          }
        }),
        { seed: 13, numRuns: 100 },
      );
    },
  );
});

/** The service of the simulation is down for two minutes. */
function down(at: number): boolean {
  return at >= 60_000 && at < 180_000;
}

describe("a simulated outage", () => {
  it("costs the service a few dozen calls and ends within one probe of its recovery", () => {
    const openings: number[] = [];
    let closedAt = -1;
    let now = 0;
    const circuit = newCircuit(
      {},
      { onOpen: ({ openMs }) => openings.push(openMs), onClose: () => (closedAt = now) },
      0,
      seededRandom(5),
    );
    let sentWhileDown = 0;
    for (; now < 300_000; now += 10) {
      const answer = circuit.admit(now);
      if (!answer.admitted) continue;
      if (down(now)) sentWhileDown++;
      circuit.record(answer, down(now) ? "failure" : "success", now);
    }
    // Half of a full 10 s window at 100 calls a second has to fail first; then one probe per open period.
    expect(sentWhileDown).toBeLessThan(500 + 10);
    expect(openings.length).toBeGreaterThan(3);
    expect(closedAt).toBeGreaterThanOrEqual(180_000);
    expect(closedAt).toBeLessThan(180_000 + (openings.at(-1) ?? 0) + 10);
  });
});
