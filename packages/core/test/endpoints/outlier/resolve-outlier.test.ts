import { describe, expect, it } from "vitest";

import { resolveOutlierDetection } from "../../../src/endpoints/outlier/resolve-outlier.ts";

const resolve = (input: unknown) => resolveOutlierDetection(input, "outlierDetection");

describe("the options of outlier detection", () => {
  it("have defaults that are Envoy's, where Envoy has the option", () => {
    expect(resolve(undefined)).toEqual({
      shadow: false,
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 50,
      splitExternalLocalOriginErrors: false,
      consecutive5xx: { count: 5, enforcing: 100 },
      consecutiveGatewayFailure: { count: 5, enforcing: 0 },
      consecutiveLocalOriginFailure: { count: 5, enforcing: 100 },
      consecutiveSlow: { count: 10, ratio: 5, minimumDifferenceMs: 5, enforcing: 100 },
      successRate: {
        minimumHosts: 5,
        requestVolume: 100,
        stdevFactor: 1.9,
        minimumDifference: 5,
        enforcing: 100,
      },
      failurePercentage: { threshold: 85, minimumHosts: 5, requestVolume: 50, enforcing: 100 },
      latency: {
        ratio: 2,
        minimumDifferenceMs: 5,
        minimumHosts: 3,
        requestVolume: 15,
        intervals: 2,
        enforcing: 100,
      },
      halfOpen: { probes: 1, failures: 1, successes: 2, intervalMs: 200, earlyEvery: 2_000, leaseMs: 30_000 },
      honorRetryAfter: true,
      successfulHealthCheckUnejects: true,
    });
  });

  it("can be turned off, as a whole and one by one, and survive being written as JSON", () => {
    expect(resolve(false)).toBe(false);
    const policy = { mode: "shadow", latency: false, successRate: { enforcing: 10 }, intervalMs: 500 };
    const resolved = resolve(JSON.parse(JSON.stringify(policy)));
    expect(resolved).toMatchObject({
      shadow: true,
      latency: false,
      intervalMs: 500,
      successRate: { minimumHosts: 5, enforcing: 10 },
    });
    expect(Object.isFrozen(resolved)).toBe(true);
  });

  it.each([
    [{ mode: "off" }, 'outlierDetection.mode must be "enforce" or "shadow", got "off"'],
    [{ intervalMs: 99 }, "outlierDetection.intervalMs must be a number from 100 to 3600000, got 99"],
    [
      { maxEjectionPercent: 101 },
      "outlierDetection.maxEjectionPercent must be a number from 0 to 100, got 101",
    ],
    [
      { consecutive5xx: { count: 0 } },
      "outlierDetection.consecutive5xx.count must be a whole number from 1 to 1000000, got 0",
    ],
    [
      { latency: { ratio: 1 } },
      "outlierDetection.latency.ratio must be a number above 1 and at most 1000, got 1",
    ],
    [{ successRate: true }, "outlierDetection.successRate must be false or an object, got true"],
    [
      { halfOpen: { probes: 1.5 } },
      "outlierDetection.halfOpen.probes must be a whole number from 1 to 100, got 1.5",
    ],
    [{ honorRetryAfter: "yes" }, 'outlierDetection.honorRetryAfter must be true or false, got "yes"'],
    [true, "outlierDetection must be false or an object, got true"],
  ])("are checked: %j", (input, message) => {
    expect(() => resolve(input)).toThrow(message);
  });

  it("name the field that does not exist, and those that do", () => {
    expect(() => resolve({ consecutive_5xx: 5 })).toThrow(
      /^outlierDetection\.consecutive_5xx must be left out/,
    );
  });
});
