import { describe, expect, it } from "vitest";

import { ProxylessError } from "../../../src/errors.ts";
import type { Phase } from "../../../src/errors.ts";
import {
  fallsBackOnError,
  fallsBackOnStatus,
  wasNeverSent,
} from "../../../src/policies/fallback/falls-back.ts";
import { resolveFallback } from "../../../src/policies/fallback/resolve-fallback.ts";

const value = { json: [] };

describe("a fallback policy", () => {
  it("is none where nothing is given, or false, and a route's own replaces the service's", () => {
    const service = resolveFallback({ value }, "fallback");
    expect(resolveFallback(undefined, "f")).toBe(false);
    expect(resolveFallback(undefined, "f", service)).toBe(service);
    expect(resolveFallback(false, "f", service)).toBe(false);
    expect(resolveFallback({ service: "backup" }, "f", service)).toMatchObject({
      value: undefined,
      service: "backup",
    });
  });

  it("gets every default", () => {
    expect(resolveFallback({ value, stale: { maxAgeMs: 60_000 } }, "f")).toEqual({
      statuses: undefined,
      errors: undefined,
      stale: {
        maxAgeMs: 60_000,
        maxEntries: 1_000,
        maxBytes: 33_554_432,
        maxEntryBytes: 1_048_576,
        headers: undefined,
      },
      service: undefined,
      run: undefined,
      value: {
        status: 200,
        headers: { "content-type": "application/json", "content-length": "2" },
        body: "[]",
      },
      timeoutMs: undefined,
    });
  });

  it.each([
    [true, "f must be false or an object, got true"],
    [{}, "f must be given at least one of stale, service, run and value, got an object"],
    [{ values: 1 }, "f.values must be left out (f takes on, stale, service, run, value, timeoutMs), got 1"],
    [{ value: { status: 99 } }, "f.value.status must be a whole number from 200 to 599, got 99"],
    [{ run: "x" }, 'f.run must be a function, got "x"'],
    [{ service: "" }, 'f.service must be the name of another service, got ""'],
    [{ service: "orders" }, 'f.service must be the name of another service, got "orders"'],
    [{ stale: {} }, "f.stale.maxAgeMs must be given, in milliseconds, got undefined"],
    [{ stale: { maxAgeMs: 0 } }, "f.stale.maxAgeMs must be a number from 1 to 2147483647, got 0"],
    [
      { stale: { maxAgeMs: 1, maxEntries: 0 } },
      "f.stale.maxEntries must be a whole number from 1 to 1000000, got 0",
    ],
    [
      { value, timeoutMs: 5 },
      "f.timeoutMs must be left out without a service or a function to wait for, got 5",
    ],
    [{ service: "b", timeoutMs: 0 }, "f.timeoutMs must be a number from 1 to 2147483647, got 0"],
    [{ value, on: { statuses: [399] } }, "f.on.statuses[0] must be a whole number from 400 to 599, got 399"],
    [
      { value, on: { errors: ["ECONNRESET"] } },
      'f.on.errors[0] must be the code of a ProxylessError, got "ECONNRESET"',
    ],
    [{ value, on: [500] }, "f.on must be an object, got an array of 1"],
  ])("refuses %j", (input, message) => {
    expect(() => resolveFallback(input, "f", false, "orders")).toThrow(message);
  });
});

describe("what something else is answered instead of", () => {
  const standard = resolveFallback({ value }, "f");
  const chosen = resolveFallback(
    { value, on: { statuses: [404, 429], errors: ["ERR_PROXYLESS_RESET"] } },
    "f",
  );

  it("is every status from 500 on, or those that were chosen", () => {
    const outcomes = [200, 404, 429, 500, 503, 599].map((status) =>
      [standard, chosen].map((policy) => policy !== false && fallsBackOnStatus(policy, status)),
    );
    expect(outcomes).toEqual([
      [false, false],
      [false, true],
      [false, true],
      [true, false],
      [true, false],
      [true, false],
    ]);
  });

  it("is every error that is not the caller's own doing, or those that were chosen", () => {
    const errors = [
      new ProxylessError("ERR_PROXYLESS_RESET", "x"),
      new ProxylessError("ERR_PROXYLESS_CIRCUIT_OPEN", "x"),
      new ProxylessError("ERR_PROXYLESS_TIMEOUT", "x"),
      new ProxylessError("ERR_PROXYLESS_REQUEST", "x"),
      new ProxylessError("ERR_PROXYLESS_UNKNOWN_SERVICE", "x"),
      new ProxylessError("ERR_PROXYLESS_CLOSED", "x"),
      new DOMException("aborted", "AbortError"),
      undefined,
    ];
    const outcomes = [standard, chosen].map((policy) =>
      errors.map((error) => policy !== false && fallsBackOnError(policy, error)),
    );
    expect(outcomes).toEqual([
      [true, true, true, false, false, false, false, false],
      [true, false, false, false, false, false, false, false],
    ]);
  });

  it("knows what was never sent", () => {
    const of = (phase: Phase | undefined, ...attempts: Phase[]): boolean =>
      wasNeverSent(
        new ProxylessError("ERR_PROXYLESS_TIMEOUT", "x", {
          phase,
          attempts: attempts.map((one, i) => ({ number: i + 1, endpoint: "a:1", phase: one, durationMs: 1 })),
        }),
      );
    expect([
      of(undefined),
      of("connect"),
      of("connect", "connect"),
      of("connect", "sent"),
      of("sent", "sent"),
    ]).toEqual([true, true, true, false, false]);
  });
});
