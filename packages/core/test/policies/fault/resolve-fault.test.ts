import { describe, expect, it } from "vitest";

import { resolveFault } from "../../../src/policies/fault/resolve-fault.ts";

describe("a fault policy", () => {
  it("is none where nothing is given, or false", () => {
    expect([resolveFault(undefined, "faultInjection"), resolveFault(false, "faultInjection")]).toEqual([
      false,
      false,
    ]);
  });

  it("is the service's where a route says nothing, and the route's own where it says something", () => {
    const service = resolveFault({ percent: 5, abort: { kind: "reset" } }, "faultInjection");
    expect(resolveFault(undefined, "routes[0].faultInjection", service)).toBe(service);
    expect(resolveFault(false, "routes[0].faultInjection", service)).toBe(false);
  });

  it("gets every default", () => {
    expect(resolveFault({ percent: 0.5, abort: { status: 503 } }, "faultInjection")).toEqual({
      enabled: true,
      position: "attempt",
      percent: 0.5,
      delay: undefined,
      abort: {
        percent: 100,
        with: { status: 503, headers: { "content-length": "0" }, body: "" },
      },
      behaviour: undefined,
      outcome: undefined,
      headers: false,
      match: { methods: undefined, paths: undefined, headers: [], attempts: undefined },
    });
  });

  it("needs no share of its own where each part has one, or where only headers ask", () => {
    const parts = { delay: { percent: 10, fixedMs: 5 }, abort: { percent: 1, status: 500 } };
    expect(resolveFault(parts, "f")).toMatchObject({
      percent: 100,
      delay: { kind: "fixed", percent: 10, ms: 5 },
      abort: { percent: 1 },
    });
    expect(resolveFault({ headers: true }, "f")).toMatchObject({ percent: 100, headers: true });
  });

  it("survives being written as JSON", () => {
    const policy = {
      position: "call",
      percent: 12.5,
      delay: { distribution: "uniform", minMs: 10, maxMs: 20 },
      abort: { percent: 50, status: 429, headers: { "retry-after": "1" }, json: { error: "slow down" } },
      match: { methods: ["get"], paths: ["/orders/*"], headers: { "X-Test": "yes" } },
    };
    const resolved = resolveFault(policy, "f");
    expect(resolveFault(JSON.parse(JSON.stringify(policy)), "f")).toEqual(resolved);
    expect(resolved).toMatchObject({
      match: { methods: ["GET"], paths: ["/orders/*"], headers: [["x-test", "yes"]] },
    });
  });

  const delayOf = (delay: object): object => ({ percent: 1, delay });
  it.each([
    [true, "f must be false or an object, got true"],
    [{ chance: 1 }, /^f\.chance must be left out \(f takes enabled, position,/],
    [{}, "f must be given at least one of delay, abort, behaviour, outcome and headers, got an object"],
    [
      { percent: 5 },
      "f must be given at least one of delay, abort, behaviour, outcome and headers, got an object",
    ],
    [{ abort: { kind: "reset" } }, "f.percent must be given, a number from 0 to 100, got undefined"],
    [{ behaviour: () => {} }, "f.percent must be given, a number from 0 to 100, got undefined"],
    [{ percent: 100.1, headers: true }, "f.percent must be a number from 0 to 100, got 100.1"],
    [{ percent: Number.NaN, headers: true }, "f.percent must be a number from 0 to 100, got NaN"],
    [{ percent: 1, headers: "yes" }, 'f.headers must be true or false, got "yes"'],
    [
      { percent: 1, headers: true, position: "outside" },
      'f.position must be "attempt" or "call", got "outside"',
    ],
    [{ percent: 1, headers: true, enabled: 1 }, "f.enabled must be true, false or a function, got 1"],
    [{ percent: 1, behaviour: "x" }, 'f.behaviour must be a function, got "x"'],
    [{ percent: 1, outcome: {} }, "f.outcome must be a function, got an object"],
    [
      { percent: 1, outcome: () => undefined, abort: { status: 500 } },
      "f.outcome must be left out where f.abort is given, got a function",
    ],
    [{ percent: 1, abort: {} }, "f.abort must be given a status or a kind, got an object"],
    [
      { percent: 1, abort: { status: 100 } },
      "f.abort.status must be a whole number from 200 to 599, got 100",
    ],
    [
      { percent: 1, abort: { kind: "explode" } },
      'f.abort.kind must be "reset", "refuse" or "timeout", got "explode"',
    ],
    [
      { percent: 1, abort: { kind: "reset", status: 500 } },
      "f.abort.status must be left out where f.abort.kind is given, got 500",
    ],
    [delayOf({}), "f.delay must be given fixedMs or a distribution, got an object"],
    [delayOf({ fixedMs: -1 }), "f.delay.fixedMs must be a number from 0 to 2147483647, got -1"],
    [
      delayOf({ fixedMs: 1, maxMs: 2 }),
      "f.delay.maxMs must be left out (f.delay takes percent, fixedMs), got 2",
    ],
    [
      delayOf({ distribution: "pareto" }),
      'f.delay.distribution must be "uniform", "normal" or "exponential", got "pareto"',
    ],
    [
      delayOf({ distribution: "uniform", minMs: 5 }),
      "f.delay.maxMs must be given, in milliseconds, got undefined",
    ],
    [
      delayOf({ distribution: "uniform", minMs: 5, maxMs: 4 }),
      "f.delay.maxMs must be at least f.delay.minMs (5), got 4",
    ],
    [
      delayOf({ distribution: "normal", meanMs: 5 }),
      "f.delay.deviationMs must be given, in milliseconds, got undefined",
    ],
    [
      delayOf({ distribution: "exponential", meanMs: 0 }),
      "f.delay.meanMs must be a number above 0 and at most 2147483647, got 0",
    ],
    [
      { percent: 1, headers: true, match: { methods: [] } },
      "f.match.methods must be left out, or at least one, got an array of 0",
    ],
    [
      { percent: 1, headers: true, match: { paths: ["/a*b"] } },
      'f.match.paths[0] must be a path, or its beginning and an asterisk, got "/a*b"',
    ],
    [
      { percent: 1, headers: true, match: { headers: { x: 1 } } },
      "f.match.headers.x must be a value, as a string, got 1",
    ],
    [
      { percent: 1, headers: true, match: { attempts: [0] } },
      "f.match.attempts[0] must be a whole number from 1 to 10, got 0",
    ],
    [
      { percent: 1, headers: true, position: "call", match: { attempts: [1] } },
      'f.match.attempts must be left out with position "call", got an array of 1',
    ],
  ])("refuses case %#", (input, message) => {
    expect(() => resolveFault(input, "f")).toThrow(message);
  });
});
