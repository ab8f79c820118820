import { describe, expect, it } from "vitest";

import { resolveCoalesce } from "../../../src/policies/coalesce/resolve-coalesce.ts";

const defaults = {
  headers: undefined,
  maxBytes: 1_048_576,
  holdMs: 1_000,
  maxWaiters: 1_000,
  maxFlights: 1_000,
};

describe("a coalescing policy", () => {
  it("is none where nothing is given, and all defaults for true or an empty object", () => {
    expect([undefined, false, true, {}].map((input) => resolveCoalesce(input, "coalesce"))).toEqual([
      false,
      false,
      defaults,
      defaults,
    ]);
  });

  it("is laid over the service's, field by field", () => {
    const service = resolveCoalesce({ headers: ["X-Tenant", "x-tenant"], maxBytes: 0 }, "coalesce");
    expect(resolveCoalesce({ holdMs: 5 }, "routes[0].coalesce", service)).toEqual({
      ...defaults,
      headers: ["x-tenant"],
      maxBytes: 0,
      holdMs: 5,
    });
    expect(resolveCoalesce(undefined, "routes[0].coalesce", service)).toBe(service);
  });

  it.each([
    ["yes", 'c must be true, false or an object, got "yes"'],
    [{ ttl: 1 }, "c.ttl must be left out (c takes headers, maxBytes, holdMs, maxWaiters, maxFlights), got 1"],
    [{ headers: "x" }, 'c.headers must be an array of names of headers, got "x"'],
    [{ headers: ["x y"] }, 'c.headers[0] must be the name of a header, got "x y"'],
    [{ maxBytes: -1 }, "c.maxBytes must be a whole number from 0 to 1073741824, got -1"],
    [{ maxBytes: 1.5 }, "c.maxBytes must be a whole number from 0 to 1073741824, got 1.5"],
    [{ holdMs: 3_600_001 }, "c.holdMs must be a number from 0 to 3600000, got 3600001"],
    [{ maxWaiters: 0 }, "c.maxWaiters must be a whole number from 1 to 1000000, got 0"],
    [{ maxFlights: 0 }, "c.maxFlights must be a whole number from 1 to 1000000, got 0"],
  ])("refuses %j", (input, message) => {
    expect(() => resolveCoalesce(input, "c")).toThrow(message);
  });
});
