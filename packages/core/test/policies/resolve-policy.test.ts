import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { ProxylessError } from "../../src/errors.ts";
import type { ResolvedPolicy } from "../../src/policies/policy.ts";
import { resolveCallRetry, resolvePolicy } from "../../src/policies/resolve-policy.ts";

/** What resolving comes to: a policy, or the error that is allowed; any other error is thrown. */
function attempt(input: unknown, prefix: string): ResolvedPolicy | ProxylessError {
  try {
    return resolvePolicy(input, prefix);
  } catch (error) {
    if (error instanceof ProxylessError) return error;
    throw error;
  }
}

/** The error that resolving ends with; an error of its own when there is none. */
function refusal(input: unknown, prefix = ""): ProxylessError {
  const result = attempt(input, prefix);
  if (result instanceof ProxylessError) return result;
  throw new Error("the policy was accepted");
}

describe("a policy without options", () => {
  it.each([undefined, {}, { timeout: undefined, retry: undefined, circuit: undefined, routes: undefined }])(
    "%j gets production-safe defaults",
    (input) => {
      expect(resolvePolicy(input, "")).toEqual({
        timeout: {
          totalMs: 30_000,
          attemptMs: 10_000,
          connectMs: 1_000,
          queueMs: undefined,
          headersMs: undefined,
          bodyIdleMs: 300_000,
          streamMs: undefined,
        },
        retry: {
          maxAttempts: 3,
          on: ["connect-failure", "refused-stream", "reset", "retriable-status-codes"],
          statuses: [408, 429, 502, 503, 504],
          headers: [],
          classify: undefined,
          baseDelayMs: 25,
          maxDelayMs: 250,
          jitter: "full",
          resetHeaders: ["retry-after"],
          maxRetryAfterMs: 300_000,
          replayBytes: 65_536,
          chainStop: true,
          exclude: "hosts",
          resume: false,
        },
        hedge: false,
        deadline: {
          inherit: true,
          propagate: { grpcTimeout: false, envoyTimeout: true, criticality: true, chainStop: true },
          reserveMs: 0,
        },
        limits: { rateLimit: false, adaptiveThrottling: false, adaptiveConcurrency: false, bulkhead: false },
        around: { fallback: false, cache: false, coalesce: false, faultInjection: false },
        budget: { ratio: 0.2, minPerSecond: 10 },
        circuit: {
          engine: "opossum",
          mode: "auto",
          failureRatio: 0.5,
          windowMs: 10_000,
          minCalls: 20,
          consecutiveFailures: false,
          slowCallMs: false,
          slowCallRatio: 0.5,
          openMs: 5_000,
          maxOpenMs: 15_000,
          openGrowth: 1.5,
          openJitter: 0.2,
          probes: 1,
          probeIntervalMs: 0,
          probeTimeoutMs: 30_000,
        },
        balancing: {
          balancer: expect.objectContaining({ name: "success-aware-ewma" }),
          streaming: false,
          endpoints: undefined,
          outlierDetection: expect.objectContaining({ shadow: false, maxEjectionPercent: 50 }),
          healthCheck: undefined,
          slowStart: false,
          locality: { mode: "none" },
          subset: expect.objectContaining({ type: "rendezvous", size: 64 }),
          panicThreshold: 0.5,
          statefulSession: undefined,
          overrideHost: undefined,
        },
        routes: [],
      });
    },
  );

  it("is frozen all the way down", () => {
    const policy = resolvePolicy({ routes: [{ match: { path: "/a", method: ["GET"] } }] }, "");
    const isFrozen = (value: unknown): boolean =>
      typeof value !== "object" ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every((inner) => isFrozen(inner)));
    expect(isFrozen(policy)).toBe(true);
  });
});

describe("given values", () => {
  it("keep zero where zero is legal", () => {
    const { budget, retry } = resolvePolicy(
      { retry: { baseDelayMs: 0, maxDelayMs: 0, statuses: [], budget: { ratio: 0, minPerSecond: 0 } } },
      "",
    );
    expect(retry).toMatchObject({ maxAttempts: 3, statuses: [], baseDelayMs: 0, maxDelayMs: 0 });
    expect(budget).toEqual({ ratio: 0, minPerSecond: 0 });
  });

  it("turn off what is false", () => {
    expect(resolvePolicy({ retry: false, circuit: false }, "")).toMatchObject({
      retry: false,
      circuit: false,
    });
  });

  it.each([
    [{ totalMs: 500 }, { totalMs: 500, attemptMs: 500, connectMs: 500 }],
    [{ attemptMs: 60_000 }, { totalMs: 60_000, attemptMs: 60_000, connectMs: 1_000 }],
    [{ attemptMs: 50 }, { totalMs: 30_000, attemptMs: 50, connectMs: 50 }],
    [{ connectMs: 40_000 }, { totalMs: 40_000, attemptMs: 40_000, connectMs: 40_000 }],
    [
      { totalMs: 15_000, connectMs: 12_000 },
      { totalMs: 15_000, attemptMs: 12_000, connectMs: 12_000 },
    ],
  ])("%j make the other time limits give way", (timeout, resolved) => {
    expect(resolvePolicy({ timeout }, "").timeout).toMatchObject(resolved);
  });

  it("make the other back-off limit give way", () => {
    expect(resolvePolicy({ retry: { baseDelayMs: 1_000 } }, "").retry).toMatchObject({ maxDelayMs: 1_000 });
    expect(resolvePolicy({ retry: { maxDelayMs: 5 } }, "").retry).toMatchObject({ baseDelayMs: 5 });
  });

  it("bound a probe by the total timeout unless told otherwise", () => {
    expect(resolvePolicy({ timeout: { totalMs: 700 } }, "").circuit).toMatchObject({ probeTimeoutMs: 700 });
    expect(resolvePolicy({ circuit: { probeTimeoutMs: 90 } }, "").circuit).toMatchObject({
      probeTimeoutMs: 90,
    });
  });
});

describe("a refused policy", () => {
  it.each([
    [{ timeout: { totalMs: 0 } }, "timeout.totalMs"],
    [{ timeout: { attemptMs: Number.NaN } }, "timeout.attemptMs"],
    [{ timeout: { connectMs: Number.POSITIVE_INFINITY } }, "timeout.connectMs"],
    [{ timeout: { totalMs: "500" } }, "timeout.totalMs"],
    [{ timeout: { totalMs: 2 ** 31 } }, "timeout.totalMs"],
    [{ timeout: 500 }, "timeout"],
    [{ timeout: null }, "timeout"],
    [{ timeout: false }, "timeout"],
    [{ retry: true }, "retry"],
    [{ retry: { maxAttempts: 0 } }, "retry.maxAttempts"],
    [{ retry: { maxAttempts: 11 } }, "retry.maxAttempts"],
    [{ retry: { maxAttempts: 2.5 } }, "retry.maxAttempts"],
    [{ retry: { statuses: 503 } }, "retry.statuses"],
    [{ retry: { statuses: [503, 200] } }, "retry.statuses[1]"],
    [{ retry: { statuses: [undefined] } }, "retry.statuses[0]"],
    [{ retry: { baseDelayMs: -1 } }, "retry.baseDelayMs"],
    [{ retry: { budget: { ratio: 1.5 } } }, "retry.budget.ratio"],
    [{ retry: { budget: { minPerSecond: -1 } } }, "retry.budget.minPerSecond"],
    [{ circuit: { failureRatio: 0 } }, "circuit.failureRatio"],
    [{ circuit: { failureRatio: 50 } }, "circuit.failureRatio"],
    [{ circuit: { windowMs: 50 } }, "circuit.windowMs"],
    [{ circuit: { minCalls: 0 } }, "circuit.minCalls"],
    [{ circuit: { openMs: 0 } }, "circuit.openMs"],
    [{ circuit: { probeTimeoutMs: 0 } }, "circuit.probeTimeoutMs"],
    [{ routes: {} }, "routes"],
    [{ routes: [undefined] }, "routes[0]"],
    [{ routes: [{}] }, "routes[0].match"],
    [{ routes: [{ match: {} }] }, "routes[0].match.path"],
    [{ routes: [{ match: { path: "orders" } }] }, "routes[0].match.path"],
    [{ routes: [{ match: { path: "/orders/{id" } }] }, "routes[0].match.path"],
    [{ routes: [{ match: { path: "/orders/a{id}" } }] }, "routes[0].match.path"],
    [{ routes: [{ match: { path: "/*/orders" } }] }, "routes[0].match.path"],
    [{ routes: [{ match: { path: "/orders?x=1" } }] }, "routes[0].match.path"],
    [{ routes: [{ match: { path: "/a", method: [] } }] }, "routes[0].match.method"],
    [{ routes: [{ match: { path: "/a", method: ["GET", "G T"] } }] }, "routes[0].match.method[1]"],
    [{ routes: [{ match: { path: "/a" }, retry: { budget: {} } }] }, "routes[0].retry.budget"],
    [{ hedge: { delayMs: 10, percentile: 99 } }, "hedge.percentile"],
    [{ hedge: { percentile: 100 } }, "hedge.percentile"],
    [{ hedge: { maxHedges: 5 } }, "hedge.maxHedges"],
    [{ hedge: { statuses: [200] } }, "hedge.statuses[0]"],
    [{ hedge: true }, "hedge"],
    [{ hedging: {} }, "hedging"],
    [{ retry: { on: ["5XX"] } }, "retry.on[0]"],
    [{ retry: { on: "5xx" } }, "retry.on"],
    [{ retry: { headers: [{ name: "a b" }] } }, "retry.headers[0].name"],
    [{ retry: { headers: [{ name: "a", value: 1 }] } }, "retry.headers[0].value"],
    [{ retry: { classify: "5xx" } }, "retry.classify"],
    [{ retry: { jitter: "some" } }, "retry.jitter"],
    [{ retry: { resetHeaders: ["date"] } }, "retry.resetHeaders[0]"],
    [{ retry: { replayBytes: -1 } }, "retry.replayBytes"],
    [{ retry: { chainStop: 1 } }, "retry.chainStop"],
    [{ retry: { exclude: "all" } }, "retry.exclude"],
    [{ timeout: { queueMs: 0 } }, "timeout.queueMs"],
    [{ timeout: { attemptMs: 100, headersMs: 200 } }, "timeout.headersMs"],
    [{ timeout: { totalMs: 100, queueMs: 200 } }, "timeout.queueMs"],
    [{ timeout: { bodyIdleMs: Infinity } }, "timeout.bodyIdleMs"],
    [{ retry: { maxAttempt: 3 } }, "retry.maxAttempt"],
    [[], ""],
    [new Map(), ""],
  ])("%j names the field %s", (input, field) => {
    expect(refusal(input)).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
  });

  it("says what is legal and what came", () => {
    expect(refusal({ retry: { maxAttempts: 50 } }, "services.orders").message).toBe(
      "services.orders.retry.maxAttempts must be a whole number from 1 to 10, got 50",
    );
    expect(refusal({ retry: { maxAttempt: 3 } }, "services.orders").message).toBe(
      "services.orders.retry.maxAttempt must be left out (services.orders.retry takes maxAttempts, on, statuses, headers, classify, baseDelayMs, maxDelayMs, jitter, resetHeaders, maxRetryAfterMs, replayBytes, chainStop, exclude, resume, budget), got 3",
    );
    expect(refusal({ circuit: { failureRatio: 50 } }).message).toBe(
      "circuit.failureRatio must be a number above 0 and at most 1, got 50",
    );
  });

  it.each([
    [
      { timeout: { totalMs: 100, attemptMs: 200 } },
      "timeout.attemptMs must be at most timeout.totalMs (100), got 200",
    ],
    [
      { timeout: { attemptMs: 100, connectMs: 200 } },
      "timeout.connectMs must be at most timeout.attemptMs (100), got 200",
    ],
    [
      { timeout: { totalMs: 100, connectMs: 200 } },
      "timeout.connectMs must be at most timeout.totalMs (100), got 200",
    ],
    [
      { retry: { baseDelayMs: 300, maxDelayMs: 200 } },
      "retry.baseDelayMs must be at most retry.maxDelayMs (200), got 300",
    ],
    [
      { timeout: { bodyIdleMs: 300, streamMs: 200 } },
      "timeout.bodyIdleMs must be at most timeout.streamMs (200), got 300",
    ],
    [
      { hedge: { delayMs: 300 }, timeout: { attemptMs: 200 } },
      "hedge.delayMs must be at most timeout.attemptMs (200), got 300",
    ],
    [
      { hedge: { delayMs: 300, minDelayMs: 20 } },
      "hedge.minDelayMs must be absent where hedge.delayMs is given: it bounds a measured delay, got 20",
    ],
    [
      { bulkhead: { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 300 }, timeout: { totalMs: 200 } },
      "bulkhead.queueTimeoutMs must be at most timeout.totalMs (200), got 300",
    ],
    [
      { adaptiveConcurrency: { queueTimeoutMs: 300 }, timeout: { totalMs: 200 } },
      "adaptiveConcurrency.queueTimeoutMs must be at most timeout.totalMs (200), got 300",
    ],
    [
      { circuit: { slowCallMs: 300 }, timeout: { totalMs: 200 } },
      "circuit.slowCallMs must be at most timeout.totalMs (200), got 300",
    ],
    [
      { circuit: { probes: 1, probeIntervalMs: 5 } },
      "circuit.probeIntervalMs must be 0 or left out while circuit.probes is 1: there is no second probe to wait for, got 5",
    ],
    [
      { retry: { on: ["reset"], statuses: [503] } },
      "retry.statuses must be left out unless retry.on has retriable-status-codes, got an array of 1",
    ],
    [
      { retry: { headers: [{ name: "x-again" }] } },
      "retry.headers must be left out unless retry.on has retriable-headers, got an array of 1",
    ],
    [
      { retry: { maxAttempts: 1, resume: true } },
      "retry.resume must be false while retry.maxAttempts is 1: going on with a download is an attempt, got true",
    ],
    [
      { cache: { maxBytes: 100, maxEntryBytes: 200 } },
      "cache.maxEntryBytes must be at most cache.maxBytes (100), got 200",
    ],
    [
      { fallback: { stale: { maxAgeMs: 1, maxBytes: 100, maxEntryBytes: 200 } } },
      "fallback.stale.maxEntryBytes must be at most fallback.stale.maxBytes (100), got 200",
    ],
    [
      { routes: [{ match: { path: "/a" }, hedge: { delayMs: 300 }, timeout: { totalMs: 200 } }] },
      "routes[0].hedge.delayMs must be at most routes[0].timeout.totalMs (200), got 300",
    ],
  ])("%j contradicts itself", (input, message) => {
    expect(refusal(input).message).toBe(message);
  });

  it("gives way where only one of two is given, to the one that is", () => {
    const patient = resolvePolicy({ preset: "aggressive", hedge: { delayMs: 5_000 } }, "");
    expect(patient.timeout).toMatchObject({ attemptMs: 5_000, totalMs: 5_000 });
    const policy = resolvePolicy(
      {
        bulkhead: { maxConcurrent: 1, maxQueue: 1 },
        timeout: { totalMs: 500 },
        retry: { on: ["reset"], resume: true },
        routes: [
          { match: { path: "/a" }, retry: { maxAttempts: 1 } },
          { match: { path: "/b" }, retry: { on: ["retriable-status-codes"] } },
        ],
      },
      "",
    );
    expect(policy.limits.bulkhead).toMatchObject({ queueTimeoutMs: 500 });
    expect(policy.retry).toMatchObject({ statuses: [], resume: true });
    expect(policy.routes[0]!.retry).toMatchObject({ maxAttempts: 1, resume: false });
    expect(policy.routes[1]!.retry).toMatchObject({ statuses: [408, 429, 502, 503, 504] });
  });

  it("has a route that can never match", () => {
    const routes = [
      { match: { path: "/orders/{id}", method: ["GET", "HEAD"] } },
      { match: { path: "/orders/{orderId}", method: "POST" } },
      { match: { path: "/orders/{other}", method: "head" } },
    ];
    expect(refusal({ routes }).message).toBe(
      'routes[2].match.path must be unlike routes[0].match, which comes first and takes the same requests, got "/orders/{other}"',
    );
  });
});

describe("a route", () => {
  it("replaces field by field what it gives, and inherits the rest", () => {
    const policy = resolvePolicy(
      {
        timeout: { totalMs: 2_000, attemptMs: 1_500 },
        retry: { maxAttempts: 5, baseDelayMs: 10 },
        circuit: { minCalls: 7 },
        routes: [
          {
            match: { method: "get", path: "/reports/*" },
            timeout: { totalMs: 1_000 },
            retry: { maxAttempts: 2 },
            circuit: { failureRatio: 0.9 },
          },
          { match: { path: "/health" }, retry: false, circuit: false },
          { match: { path: "/plain" } },
        ],
      },
      "",
    );
    expect(policy.routes[0]).toMatchObject({
      match: { methods: ["GET"], path: "/reports/*" },
      timeout: { totalMs: 1_000, attemptMs: 1_000 },
      retry: { maxAttempts: 2, baseDelayMs: 10 },
      circuit: { failureRatio: 0.9, minCalls: 7 },
      serviceCircuit: true,
    });
    expect(policy.routes[1]).toMatchObject({ retry: false, circuit: false, serviceCircuit: false });
    expect(policy.routes[2]).toMatchObject({
      timeout: policy.timeout,
      retry: policy.retry,
      circuit: false,
      serviceCircuit: true,
    });
  });

  it("may retry and have a circuit where its service does not", () => {
    const route = { match: { path: "/a" }, retry: { maxAttempts: 2 }, circuit: { minCalls: 3 } };
    const policy = resolvePolicy({ retry: false, circuit: false, routes: [route] }, "");
    expect(policy.budget).toEqual({ ratio: 0.2, minPerSecond: 10 });
    expect(policy.routes[0]).toMatchObject({
      retry: { maxAttempts: 2, baseDelayMs: 25 },
      circuit: { minCalls: 3, failureRatio: 0.5 },
    });
  });
});

describe("the retry options of one call", () => {
  const base = resolvePolicy({ retry: { maxAttempts: 4 } }, "").retry;

  it("are laid over the policy's", () => {
    expect(resolveCallRetry(undefined, "retry", base)).toBe(base);
    expect(resolveCallRetry(false, "retry", base)).toBe(false);
    expect(resolveCallRetry({ statuses: [500] }, "retry", base)).toMatchObject({
      maxAttempts: 4,
      statuses: [500],
    });
    expect(resolveCallRetry({ maxAttempts: 2 }, "retry", false)).toMatchObject({ maxAttempts: 2 });
  });

  it("turn nothing on that the policy turned off when they only vouch for the request", () => {
    expect(resolveCallRetry({ idempotent: true }, "retry", false)).toBe(false);
    expect(resolveCallRetry({ idempotent: true }, "retry", base)).toMatchObject({ maxAttempts: 4 });
  });

  it("are checked", () => {
    expect(() => resolveCallRetry({ maxAttempts: 99 }, "retry", base)).toThrow(
      "retry.maxAttempts must be a whole number from 1 to 10, got 99",
    );
    expect(() => resolveCallRetry({ idempotent: "yes" }, "retry", base)).toThrow(
      'retry.idempotent must be true or false, got "yes"',
    );
  });
});

describe("any input at all", () => {
  const number = fc.oneof(fc.double(), fc.integer({ min: -1, max: 600 }), fc.constant(null));
  const object = (keys: readonly string[]): fc.Arbitrary<unknown> =>
    fc.dictionary(fc.constantFrom(...keys), fc.oneof(number, fc.constant(undefined)), { maxKeys: 3 });
  const part = {
    timeout: fc.oneof(object(["totalMs", "attemptMs", "connectMs"]), fc.jsonValue()),
    retry: fc.oneof(object(["maxAttempts", "baseDelayMs", "maxDelayMs"]), fc.constant(false), fc.jsonValue()),
    circuit: fc.oneof(object(["failureRatio", "windowMs", "minCalls", "openMs"]), fc.constant(false)),
  };
  const route = fc.record(
    {
      match: fc.record({ path: fc.oneof(fc.webPath(), fc.string(), fc.constant("/a/{b}")) }),
      ...part,
    },
    { requiredKeys: ["match"] },
  );
  const policy = fc.record({ ...part, routes: fc.array(route, { maxLength: 3 }) }, { requiredKeys: [] });

  it("either resolves, with the limits in order, or is refused with a field", () => {
    let resolvedOnes = 0;
    fc.assert(
      fc.property(fc.oneof(policy, fc.anything(), fc.jsonValue()), (input) => {
        const result = attempt(input, "p");
        if (result instanceof ProxylessError)
          return result.code === "ERR_PROXYLESS_CONFIG" && result.field?.startsWith("p");
        resolvedOnes++;
        const { retry, routes, timeout } = result;
        return (
          [timeout, ...routes.map((each) => each.timeout)].every(
            ({ totalMs, attemptMs, connectMs }) =>
              1 <= connectMs && connectMs <= attemptMs && attemptMs <= totalMs,
          ) &&
          [retry, ...routes.map((each) => each.retry)].every(
            (each) => each === false || each.baseDelayMs <= each.maxDelayMs,
          )
        );
      }),
      { seed: 21, numRuns: 3_000 },
    );
    expect(resolvedOnes).toBeGreaterThan(100);
  });

  it("survives being written as JSON: resolving a resolved part again changes nothing", () => {
    fc.assert(
      fc.property(policy, (input) => {
        const result = attempt(input, "");
        if (result instanceof ProxylessError) return;
        const { circuit, retry, timeout } = result;
        const again: unknown = JSON.parse(JSON.stringify({ circuit, retry, timeout }));
        expect(resolvePolicy(again, "")).toMatchObject({ circuit, retry, timeout });
      }),
      { seed: 22, numRuns: 1_000 },
    );
  });
});
