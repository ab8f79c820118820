import { describe, expect, it } from "vitest";

import type { ResolvedAdaptiveThrottling } from "../../../src/policies/limit/adaptive-throttling-policy.ts";
import { AdaptiveThrottle } from "../../../src/policies/limit/adaptive-throttling.ts";
import { resolveAdaptiveThrottling } from "../../../src/policies/limit/resolve-adaptive-throttling.ts";
import { seededRandom } from "../../../src/random.ts";

const critical = 1;
const sheddable = 3;

function policy(input: object = {}): ResolvedAdaptiveThrottling {
  const resolved = resolveAdaptiveThrottling(input, "adaptiveThrottling");
  if (resolved === false) throw new Error("it is off");
  return resolved;
}

/** Calls the service for a while; it takes `capacity` of a hundred calls each second and refuses the rest. */
function load(throttle: AdaptiveThrottle, seconds: number, capacity: number): number {
  let sent = 0;
  for (let second = 0; second < seconds; second++) {
    let taken = 0;
    for (let i = 0; i < 100; i++) {
      const now = second * 1_000 + i * 10;
      if (throttle.ask(critical, now) >= 0) continue;
      sent++;
      throttle.record(critical, taken++ < capacity ? "success" : "overload", 0, now);
    }
  }
  return sent;
}

describe("adaptive throttling", () => {
  it("holds nothing back while the service takes everything, whatever else it answers", () => {
    const throttle = new AdaptiveThrottle(policy(), seededRandom(1), 0);
    expect(load(throttle, 300, 100)).toBe(30_000);
    throttle.record(critical, "failure", 0, 300_000);
    expect(throttle.rejection(critical, 300_000)).toBe(0);
  });

  it("sends about k times what the service takes", () => {
    const two = load(new AdaptiveThrottle(policy(), seededRandom(1), 0), 600, 10);
    expect(two / (600 * 10)).toBeGreaterThan(1.8);
    expect(two / (600 * 10)).toBeLessThan(2.4);
    const four = load(new AdaptiveThrottle(policy({ k: 4 }), seededRandom(1), 0), 600, 10);
    expect(four / two).toBeGreaterThan(1.6);
  });

  it("holds back by the formula, from the fewest calls on that it judges by", () => {
    const throttle = new AdaptiveThrottle(policy(), seededRandom(1), 0);
    for (let i = 0; i < 9; i++) throttle.record(critical, i < 2 ? "success" : "overload", 0, 0);
    expect(throttle.rejection(critical, 0)).toBe(0);
    throttle.record(critical, "overload", 0, 0);
    expect(throttle.rejection(critical, 0)).toBeCloseTo((10 - 2 * 2) / 11, 9);
  });

  it("still asks now and then when the service takes nothing, and finds it back", () => {
    const throttle = new AdaptiveThrottle(policy({ windowMs: 10_000 }), seededRandom(1), 0);
    const sent = load(throttle, 60, 0);
    expect(sent).toBeGreaterThan(10);
    expect(sent).toBeLessThan(300);
  });

  it("does not take a burst of calls that are not answered yet for one that is refused", () => {
    const throttle = new AdaptiveThrottle(policy(), seededRandom(1), 0);
    for (let i = 0; i < 1_000; i++) expect(throttle.ask(critical, 0)).toBe(-1);
    for (let i = 0; i < 1_000; i++) throttle.record(critical, i < 900 ? "ignored" : "success", 0, 10);
    expect(throttle.inspect(10).levels["critical"]).toMatchObject({ requests: 100, accepts: 100 });
  });

  it("keeps the levels apart", () => {
    const throttle = new AdaptiveThrottle(policy(), seededRandom(1), 0);
    for (let i = 0; i < 1_000; i++) {
      if (throttle.ask(critical, i) < 0) throttle.record(critical, "success", 0, i);
      if (throttle.ask(sheddable, i) < 0) throttle.record(sheddable, "overload", 0, i);
    }
    expect(throttle.rejection(critical, 1_000)).toBe(0);
    expect(throttle.rejection(sheddable, 1_000)).toBeGreaterThan(0.9);
  });

  it("leaves a service alone that asks for it, except for what is critical, and comes back bit by bit", () => {
    const throttle = new AdaptiveThrottle(policy({ minRequests: 1_000_000 }), seededRandom(1), 0);
    throttle.record(critical, "overload", 10_000, 0);
    expect(throttle.ask(critical, 1)).toBe(-1);
    expect(throttle.ask(sheddable, 1)).toBeGreaterThan(9_000);
    const until = throttle.inspect(1).sheddingForMs + 1;
    const passed = (from: number): number => {
      let count = 0;
      for (let i = 0; i < 1_000; i++) if (throttle.ask(sheddable, from + i) < 0) count++;
      return count;
    };
    const [early, late, after] = [passed(until + 500), passed(until + 3_500), passed(until + 5_000)];
    expect(early).toBeGreaterThan(100);
    expect(early).toBeLessThan(300);
    expect(late).toBeGreaterThan(700);
    expect(after).toBe(1_000);
  });

  it("believes no Retry-After that is longer than it may be, and none where that is turned off", () => {
    const cut = new AdaptiveThrottle(policy({ maxRetryAfterMs: 1_000 }), () => 0.5, 0);
    cut.record(critical, "overload", 86_400_000, 0);
    expect(cut.inspect(0).sheddingForMs).toBeCloseTo(1_100, 6);
    const deaf = new AdaptiveThrottle(policy({ shedOnRetryAfter: false }), () => 0.5, 0);
    deaf.record(critical, "overload", 86_400_000, 0);
    expect(deaf.ask(sheddable, 1)).toBe(-1);
  });

  it("keeps its counts when its policy changes", () => {
    const throttle = new AdaptiveThrottle(policy(), seededRandom(1), 0);
    load(throttle, 10, 10);
    const before = throttle.inspect(10_000).levels["critical"]?.requests;
    throttle.update(policy({ k: 3 }), 10_000);
    expect(throttle.inspect(10_000).levels["critical"]?.requests).toBe(before);
    expect(throttle.inspect(500_000).levels["critical"]).toStrictEqual({
      requests: 0,
      accepts: 0,
      rejection: 0,
    });
  });
});
