import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { seededRandom } from "../../../src/random.ts";
import { bothEngines, withEngine } from "./circuit-kit.ts";

describe.each(bothEngines)("a hundred thousand calls with the engine %s", (engine) => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("leave no timer, no lease and nothing that grows in what is exported", () => {
    const random = seededRandom(7);
    const circuit = withEngine(engine).newCircuit({
      minCalls: 5,
      openMs: 50,
      probes: 3,
      maxOpenMs: 500,
      probeTimeoutMs: 20,
    });
    let now = 0;
    for (let i = 0; i < 100_000; i++) {
      now += random();
      const answer = circuit.admit(now);
      // Some never report back.
      if (!answer.admitted || random() < 0.05) continue;
      circuit.record(answer, random() < 0.4 ? "failure" : random() < 0.9 ? "success" : "neutral", now);
    }
    expect(circuit.inspect(now).refused).toBeGreaterThan(1_000);
    expect(vi.getTimerCount()).toBe(0);
    expect(JSON.stringify(circuit.exportState(now)).length).toBeLessThan(2_000);
    // Every lease ends: with a service that is well it closes, and the first call is as cheap as ever.
    for (let turns = 0; circuit.state !== "closed" && turns < 100; turns++) {
      const answer = circuit.admit(now);
      if (answer.admitted) circuit.record(answer, "success", now);
      else now += answer.retryAfterMs;
    }
    expect(circuit.admit(now)).toBe(circuit.admit(now + 1));
  });
});
