import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { AdaptiveThrottle } from "../../../src/policies/limit/adaptive-throttling.ts";

interface Call {
  readonly atMs: number;
  readonly level: number;
  readonly accepted: boolean;
}

const policies = fc.record({
  k: fc.array(fc.constantFrom(1, 1.5, 2, 4), { minLength: 4, maxLength: 4 }),
  windowMs: fc.constantFrom(1_200, 12_000),
  minRequests: fc.constantFrom(0, 3, 10),
  shedFrom: fc.constantFrom(0, 2, 4),
  maxRetryAfterMs: fc.constant(2_000),
  rampMs: fc.constantFrom(0, 500),
});

const steps = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        level: fc.nat(3),
        draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
        ends: fc.constantFrom("success", "failure", "ignored", "overload", "overload", "overload"),
        retryAfterMs: fc.constantFrom(0, 0, 0, 700, 10_000),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("wait" as const),
        ms: fc.constantFrom(1, 90, 400, 2_500, 20_000),
      }),
    },
  ),
  { maxLength: 80 },
);

describe("adaptive throttling, in ten thousand schedules", () => {
  it("holds back what the formula says of the calls of the window, and what a service asked for", () => {
    const property = fc.property(policies, steps, (policy, schedule) => {
      let draw = 0;
      let now = 0;
      let shedUntil = -Infinity;
      const throttle = new AdaptiveThrottle(policy, () => draw, now);
      const calls: Call[] = [];
      const width = policy.windowMs / 12;
      for (const step of schedule) {
        if (step.do === "wait") {
          now += step.ms;
          continue;
        }
        const { ends, level, retryAfterMs } = step;
        ({ draw } = step);
        // Twelve stretches of time count: this one and eleven before.
        const since = Math.floor(now / width) - 11;
        const seen = calls.filter((call) => call.level === level && Math.floor(call.atMs / width) >= since);
        const accepts = seen.filter(({ accepted }) => accepted).length;
        const p = Math.max(0, (seen.length - policy.k[level]! * accepts) / (seen.length + 1));
        const throttled = seen.length >= policy.minRequests && draw < p;
        const asked =
          level >= policy.shedFrom &&
          (now < shedUntil || (now < shedUntil + policy.rampMs && draw >= (now - shedUntil) / policy.rampMs));
        const answer = throttle.ask(level, now);
        // What the service asked for comes with a time.
        expect([answer >= 0, answer > 0]).toStrictEqual([throttled || asked, asked]);
        if (answer >= 0 || ends !== "ignored") {
          calls.push({ atMs: now, level, accepted: answer < 0 && ends !== "overload" });
        }
        if (answer >= 0) continue;
        throttle.record(level, ends, retryAfterMs, now);
        if (ends === "overload" && retryAfterMs > 0) {
          shedUntil = Math.max(shedUntil, now + Math.min(retryAfterMs, 2_000) * (1 + 0.2 * draw));
        }
      }
      const counted = Object.values(throttle.inspect(now).levels);
      const since = Math.floor(now / width) - 11;
      const left = calls.filter(({ atMs }) => Math.floor(atMs / width) >= since).length;
      expect(counted.reduce((sum, { requests }) => sum + requests, 0)).toBe(left);
    });
    expect(() => {
      fc.assert(property, { seed: 3, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});
