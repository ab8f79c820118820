import { describe, expect, it } from "vitest";

import { resolveCache } from "../../../src/policies/cache/resolve-cache.ts";

const defaults = { type: "private", maxEntries: 1_000, maxBytes: 33_554_432, maxEntryBytes: 1_048_576 };

describe("a cache policy", () => {
  it("is none where nothing is given, and all defaults for true or an empty object", () => {
    expect([undefined, false, true, {}].map((input) => resolveCache(input, "cache"))).toEqual([
      false,
      false,
      defaults,
      defaults,
    ]);
  });

  it("is laid over the service's, field by field", () => {
    const service = resolveCache({ type: "shared", maxEntries: 5 }, "cache");
    expect(resolveCache({ maxEntryBytes: 0 }, "c", service)).toEqual({
      ...defaults,
      type: "shared",
      maxEntries: 5,
      maxEntryBytes: 0,
    });
    expect(resolveCache(undefined, "c", service)).toBe(service);
    expect(resolveCache(false, "c", service)).toBe(false);
  });

  it.each([
    [1, "c must be true, false or an object, got 1"],
    [{ ttl: 1 }, "c.ttl must be left out (c takes type, maxEntries, maxBytes, maxEntryBytes), got 1"],
    [{ type: "public" }, 'c.type must be "private" or "shared", got "public"'],
    [{ maxEntries: 0 }, "c.maxEntries must be a whole number from 1 to 1000000, got 0"],
    [{ maxBytes: 0.5 }, "c.maxBytes must be a whole number from 1 to 1099511627776, got 0.5"],
    [{ maxEntryBytes: -1 }, "c.maxEntryBytes must be a whole number from 0 to 1073741824, got -1"],
  ])("refuses %j", (input, message) => {
    expect(() => resolveCache(input, "c")).toThrow(message);
  });
});
