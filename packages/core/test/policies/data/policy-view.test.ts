import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { roundRobin } from "../../../src/balancers/round-robin.ts";
import { policyJsonSchema } from "../../../src/policies/data/json-schema.ts";
import { isPlainObject } from "../../../src/policies/data/layers.ts";
import { layService } from "../../../src/policies/data/policy-layers.ts";
import { viewPolicy } from "../../../src/policies/data/policy-view.ts";
import { resolvePolicy } from "../../../src/policies/resolve-policy.ts";
import { valuesOf } from "./documents.ts";
import { asSchema, SchemaCheck } from "./schema-check.ts";

function view(code: Record<string, unknown>, swap?: Record<string, unknown>) {
  const laid = layService(code, "", swap && { version: "7", given: swap });
  return viewPolicy(resolvePolicy(laid.given, ""), laid, swap && "7");
}

describe("what is in force, and where it comes from", () => {
  it("is the defaults where nothing is given", () => {
    const { origins, routes, values, version } = view({});
    expect(new Set(Object.values(origins))).toEqual(new Set(["default"]));
    expect(values).toMatchObject({
      timeout: { totalMs: 30_000 },
      retry: { maxAttempts: 3, budget: { ratio: 0.2 } },
      hedge: false,
      bulkhead: false,
      cache: false,
      balancer: "success-aware-ewma",
      locality: false,
      panicThreshold: 50,
      outlierDetection: { mode: "enforce", consecutive5xx: { count: 5 } },
    });
    expect([routes, version]).toEqual([[], undefined]);
  });

  it("names the layer of each value: preset, service, document, route", () => {
    const { origins, routes, values } = view(
      {
        preset: "aggressive",
        timeout: { totalMs: 2_000 },
        circuit: { openMs: 100 },
        routes: [{ match: { path: "/a" }, hedge: { delayMs: 5 } }],
      },
      { retry: { maxAttempts: 2 }, circuit: { probes: 3 } },
    );
    expect(origins).toMatchObject({
      "timeout.totalMs": "service",
      "timeout.attemptMs": "preset:aggressive",
      "timeout.bodyIdleMs": "default",
      "retry.maxAttempts": "swap:7",
      "retry.baseDelayMs": "preset:aggressive",
      "circuit.openMs": "service",
      "circuit.probes": "swap:7",
      "circuit.failureRatio": "preset:aggressive",
    });
    expect(values["timeout"]).toMatchObject({ totalMs: 2_000, attemptMs: 1_000 });
    expect(routes[0]).toMatchObject({
      match: { path: "/a" },
      values: { hedge: { delayMs: 5 } },
      origins: { "hedge.delayMs": "route", "timeout.totalMs": "service", "retry.maxAttempts": "swap:7" },
    });
  });

  it("calls a value a default again where a later layer made it give way", () => {
    const { origins, values } = view({ preset: "batch", timeout: { totalMs: 500 } });
    expect(values["timeout"]).toMatchObject({ totalMs: 500, attemptMs: 500 });
    expect(origins).toMatchObject({ "timeout.totalMs": "service", "timeout.attemptMs": "default" });
  });

  it("lets what code says give way to a document that contradicts it", () => {
    const code = {
      hedge: { delayMs: 300 },
      retry: { statuses: [503], resume: true },
      bulkhead: { maxConcurrent: 1, maxQueue: 1, queueTimeoutMs: 900 },
    };
    const given = { timeout: { totalMs: 200 }, retry: { on: ["reset"], maxAttempts: 1 } };
    const laid = layService(code, "", { version: "7", given });
    const policy = resolvePolicy(laid.given, "", {}, undefined, given);
    expect(policy.hedge).toMatchObject({ delayMs: 200 });
    expect(policy.retry).toMatchObject({ statuses: [], resume: false });
    expect(policy.limits.bulkhead).toMatchObject({ queueTimeoutMs: 200 });
    const slow = { hedge: { delayMs: 20_000 } };
    const over = layService({ timeout: { attemptMs: 200, totalMs: 500 } }, "", { version: "8", given: slow });
    expect(resolvePolicy(over.given, "", {}, undefined, slow).timeout).toMatchObject({
      attemptMs: 20_000,
      totalMs: 20_000,
    });
  });

  it("shows neither code nor what may be secret", () => {
    const { values } = view({
      balancer: roundRobin.create({}, ""),
      retry: { classify: () => true },
      fallback: { value: { headers: { "x-token": "hush" }, body: "hush" }, run: () => undefined },
      faultInjection: {
        percent: 1,
        abort: { status: 500, body: "hush" },
        match: { headers: { cookie: "hush" } },
      },
    });
    expect(JSON.stringify(values)).not.toContain("hush");
    expect(values).toMatchObject({
      balancer: "[code]",
      retry: { classify: "[code]" },
      fallback: { run: "[code]", value: { body: "[hidden]" } },
    });
  });

  it("can be given again as it is shown, and then means the same", () => {
    const schema = policyJsonSchema();
    const { routes: _routes, ...properties } = asSchema(
      asSchema(asSchema(schema["$defs"])["service"])["properties"],
    );
    // Bodies and headers are hidden, so that they cannot be given again.
    const { fallback: _fallback, faultInjection: _faults, preset: _preset, ...shown } = properties;
    const service = { ...asSchema(asSchema(schema["$defs"])["service"]), properties: shown };
    const caller = { locality: { zone: "zone-a" }, ordinal: { index: 0, total: 2 } };
    fc.assert(
      fc.property(valuesOf(service, new SchemaCheck(schema, true)), (policy) => {
        if (!isPlainObject(policy)) throw new Error("a policy is an object");
        const laid = layService(policy, "");
        const resolved = resolvePolicy(policy, "", caller);
        const { origins, values } = viewPolicy(resolved, laid, undefined);
        const again = resolvePolicy(values, "", caller);
        expect(JSON.parse(JSON.stringify(again, said))).toEqual(JSON.parse(JSON.stringify(resolved, said)));
        const given = new Set(leavesOf(policy, ""));
        for (const [path, origin] of Object.entries(origins)) {
          // What was turned on or off as a whole stands for all of it.
          const isGiven = path
            .split(".")
            .some((_, index, keys) => given.has(keys.slice(0, index + 1).join(".")));
          expect([path, origin === "service"]).toEqual([path, isGiven]);
        }
      }),
      { seed: 6, numRuns: 600 },
    );
  });
});

/** Whether somebody asked for a default is all that differs. */
function said(key: string, value: unknown): unknown {
  return key === "isDefault" ? undefined : value;
}

/** Paths of what is neither an object nor nothing. */
function leavesOf(value: unknown, path: string): readonly string[] {
  if (!isPlainObject(value)) return [path];
  return Object.entries(value).flatMap(([key, own]) => leavesOf(own, path === "" ? key : `${path}.${key}`));
}
