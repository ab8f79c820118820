import { describe, expect, it } from "vitest";

import { presetNames, presets } from "../../../src/policies/data/presets.ts";
import { resolvePolicy } from "../../../src/policies/resolve-policy.ts";

describe("presets", () => {
  it.each(presetNames)("%s is a policy like any other", (name) => {
    const { budget, circuit, hedge, retry, timeout } = resolvePolicy({ preset: name }, "");
    const written = resolvePolicy(presets[name], "");
    expect({ budget, circuit, hedge, retry, timeout }).toEqual({
      budget: written.budget,
      circuit: written.circuit,
      hedge: written.hedge,
      retry: written.retry,
      timeout: written.timeout,
    });
  });

  it("standard is what holds by default", () => {
    expect(resolvePolicy({ preset: "standard" }, "")).toEqual(resolvePolicy({}, ""));
  });

  it("aggressive gives up, hedges and opens its circuit sooner than standard", () => {
    const standard = resolvePolicy({}, "");
    const { circuit, hedge, timeout } = resolvePolicy({ preset: "aggressive" }, "");
    expect(timeout.attemptMs).toBeLessThan(standard.timeout.attemptMs);
    expect(hedge).toMatchObject({ percentile: 99 });
    if (circuit === false || standard.circuit === false) throw new Error("both have circuits");
    expect(circuit.failureRatio).toBeLessThan(Number(standard.circuit.failureRatio));
    expect(circuit.probeTimeoutMs).toBe(timeout.totalMs);
  });

  it("batch waits long, retries patiently and adds little load", () => {
    const { budget, hedge, retry, timeout } = resolvePolicy({ preset: "batch" }, "");
    expect(timeout.totalMs).toBeGreaterThanOrEqual(600_000);
    expect(retry).toMatchObject({ maxAttempts: 5, baseDelayMs: 1_000 });
    expect(budget.ratio).toBeLessThan(0.2);
    expect(hedge).toBe(false);
  });

  it("none leaves balancing and a limit of a day", () => {
    const { around, balancing, circuit, deadline, hedge, limits, retry, timeout } = resolvePolicy(
      { preset: "none" },
      "",
    );
    expect([retry, hedge, circuit, balancing.outlierDetection, balancing.subset]).toEqual(
      Array(5).fill(false),
    );
    expect(Object.values({ ...limits, ...around })).toEqual(Array(8).fill(false));
    expect(deadline).toMatchObject({ inherit: false, propagate: false });
    expect(timeout.totalMs).toBe(86_400_000);
    expect(balancing.balancer.name).toBe("success-aware-ewma");
  });

  it("give way to the fields that are given, as defaults do", () => {
    const { circuit, timeout } = resolvePolicy(
      { preset: "batch", timeout: { totalMs: 500 }, circuit: { windowCalls: 10, openMs: 200_000 } },
      "",
    );
    expect(timeout).toMatchObject({ totalMs: 500, attemptMs: 500, connectMs: 500 });
    expect(circuit).toMatchObject({
      windowCalls: 10,
      windowMs: undefined,
      minCalls: 10,
      openMs: 200_000,
      failureRatio: 0.7,
    });
  });

  it("stand above the service's fields in a route, and below the route's own", () => {
    const { routes } = resolvePolicy(
      {
        timeout: { totalMs: 1_000 },
        retry: { statuses: [503], budget: { ratio: 0.5 } },
        bulkhead: { maxConcurrent: 5 },
        routes: [
          { match: { path: "/reports/*" }, preset: "batch", timeout: { attemptMs: 1_000 } },
          { match: { path: "/raw" }, preset: "none" },
        ],
      },
      "orders",
    );
    const [reports, raw] = routes;
    expect(reports?.timeout).toMatchObject({ totalMs: 600_000, attemptMs: 1_000 });
    expect(reports?.retry).toMatchObject({ maxAttempts: 5, statuses: [503] });
    expect(reports?.limits).toBeUndefined();
    expect(raw).toMatchObject({
      retry: false,
      circuit: false,
      serviceCircuit: false,
      limits: { bulkhead: false },
    });
  });

  it.each([
    [{ preset: "brave" }, "orders.preset must be one of standard, aggressive, batch, none"],
    [{ preset: null }, "orders.preset must be left out rather than null"],
    [{ routes: [{ match: { path: "/" }, preset: "brave" }] }, "orders.routes[0].preset must be one of"],
    [{ preset: "batch", timeout: { attemptMs: 5, totalMs: 4 } }, "orders.timeout.attemptMs must be at most"],
  ])("%j is refused", (policy, message) => {
    expect(() => resolvePolicy(policy, "orders")).toThrow(message);
  });
});
