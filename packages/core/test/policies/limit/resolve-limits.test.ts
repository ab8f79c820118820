import { describe, expect, it } from "vitest";

import { noLimits, resolveLimits } from "../../../src/policies/limit/limits-policy.ts";

describe("limits that are not written", () => {
  it("are off", () => {
    expect(resolveLimits({}, "services.orders")).toStrictEqual(noLimits);
    expect(resolveLimits({ bulkhead: false, rateLimit: undefined }, "")).toStrictEqual(noLimits);
  });
});

describe("limits that are written", () => {
  it("have defaults", () => {
    const { adaptiveThrottling, bulkhead, rateLimit } = resolveLimits(
      { bulkhead: { maxConcurrent: 5 }, rateLimit: { tokensPerSecond: 0.5 }, adaptiveThrottling: {} },
      "",
    );
    expect(bulkhead).toStrictEqual({ maxConcurrent: 5, maxQueue: 0, queueTimeoutMs: 1_000 });
    expect(rateLimit).toStrictEqual({
      tokensPerSecond: 0.5,
      burst: 1,
      perKey: false,
      maxKeys: 10_000,
      maxWaitMs: 0,
    });
    expect(adaptiveThrottling).toStrictEqual({
      k: [2, 2, 2, 2],
      windowMs: 120_000,
      minRequests: 10,
      shedFrom: 2,
      maxRetryAfterMs: 60_000,
      rampMs: 5_000,
    });
    expect(resolveLimits({ adaptiveConcurrency: {} }, "").adaptiveConcurrency).toStrictEqual({
      algorithm: "adaptive",
      initialLimit: 20,
      minLimit: 1,
      maxLimit: 1_000,
      smoothing: 1,
      queueFactor: 16,
      maxQueue: 1_000,
      queueTimeoutMs: Infinity,
    });
    expect(resolveLimits({ adaptiveConcurrency: { algorithm: "gradient2" } }, "")).toMatchObject({
      adaptiveConcurrency: { smoothing: 0.2, queueFactor: 2 },
    });
  });

  it("make way for each other's defaults", () => {
    const limits = (adaptiveConcurrency: object): unknown =>
      resolveLimits({ adaptiveConcurrency }, "").adaptiveConcurrency;
    expect(limits({ maxLimit: 10 })).toMatchObject({ initialLimit: 10, minLimit: 1, maxLimit: 10 });
    expect(limits({ minLimit: 30 })).toMatchObject({ initialLimit: 30, maxLimit: 1_000 });
    expect(limits({ initialLimit: 5_000 })).toMatchObject({ initialLimit: 5_000, maxLimit: 5_000 });
  });

  it("are laid over others, field by field", () => {
    const service = resolveLimits(
      {
        bulkhead: { maxConcurrent: 5, maxQueue: 7 },
        rateLimit: { tokensPerSecond: 10, burst: 30, maxWaitMs: 5 },
        adaptiveThrottling: { k: { sheddable: 1.1 } },
      },
      "",
    );
    const route = resolveLimits(
      {
        bulkhead: { maxConcurrent: 2 },
        rateLimit: { tokensPerSecond: 100 },
        adaptiveThrottling: { k: { critical: 3 } },
      },
      "routes[0]",
      service,
    );
    expect(route).toMatchObject({
      bulkhead: { maxConcurrent: 2, maxQueue: 7 },
      rateLimit: { tokensPerSecond: 100, burst: 100, maxWaitMs: 5 },
      adaptiveThrottling: { k: [2, 3, 2, 1.1] },
    });
    expect(resolveLimits({ rateLimit: false }, "", service)).toMatchObject({
      rateLimit: false,
      bulkhead: { maxConcurrent: 5 },
    });
  });

  it.each([
    [{ bulkhead: true }, "bulkhead must be false or an object, got true"],
    [{ bulkhead: {} }, "bulkhead.maxConcurrent must be a whole number from 1 to 1000000, got undefined"],
    [
      { bulkhead: { maxConcurrent: 0 } },
      "bulkhead.maxConcurrent must be a whole number from 1 to 1000000, got 0",
    ],
    [{ bulkhead: { maxConcurrent: 1, size: 2 } }, "bulkhead.size must be left out"],
    [
      { bulkhead: { maxConcurrent: 1, queueTimeoutMs: 5 } },
      "bulkhead.queueTimeoutMs must be left out while bulkhead.maxQueue is 0, got 5",
    ],
    [{ rateLimit: {} }, "rateLimit.tokensPerSecond must be a number above 0 and at most 1000000"],
    [{ rateLimit: { tokensPerSecond: 1, burst: 0.5 } }, "rateLimit.burst must be a number from 1 to 1000000"],
    [{ rateLimit: { tokensPerSecond: 1, perKey: "yes" } }, "rateLimit.perKey must be true or false"],
    [
      { rateLimit: { tokensPerSecond: 1, maxKeys: 5 } },
      "rateLimit.maxKeys must be left out unless rateLimit.perKey is true, got 5",
    ],
    [
      { adaptiveConcurrency: { algorithm: "bbr" } },
      "adaptiveConcurrency.algorithm must be one of adaptive, gradient2, vegas, aimd",
    ],
    [
      { adaptiveConcurrency: { minLimit: 10, maxLimit: 5 } },
      "adaptiveConcurrency.minLimit must be at most adaptiveConcurrency.maxLimit (5), got 10",
    ],
    [
      { adaptiveConcurrency: { initialLimit: 50, maxLimit: 40 } },
      "adaptiveConcurrency.initialLimit must be a number from 1 to 40, got 50",
    ],
    [
      { adaptiveConcurrency: { smoothing: 0.5 } },
      "adaptiveConcurrency.smoothing must be left out with the algorithm adaptive, got 0.5",
    ],
    [{ adaptiveThrottling: { k: 0.5 } }, "adaptiveThrottling.k must be a number from 1 to 100, got 0.5"],
    [{ adaptiveThrottling: { k: "2" } }, "adaptiveThrottling.k must be a number from 1 to 100, or an object"],
    [{ adaptiveThrottling: { k: { urgent: 2 } } }, "adaptiveThrottling.k.urgent must be left out"],
    [
      { adaptiveThrottling: { shedOnRetryAfter: "all" } },
      "adaptiveThrottling.shedOnRetryAfter must be false or one of critical_plus",
    ],
    [
      { adaptiveConcurrency: {}, bulkhead: { maxConcurrent: 5 } },
      "bulkhead must be false or left out together with adaptiveConcurrency",
    ],
  ])("are refused with the field, what is legal and what came: %j", (input, message) => {
    expect(() => resolveLimits(input, "")).toThrow(message);
  });
});
