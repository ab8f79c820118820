import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RequestKeys } from "../../src/policies/request-key.ts";

const all = new RequestKeys(undefined);
const some = new RequestKeys(["x-tenant"]);
const get = (...headers: string[]): { method: string; path: string; headers: string[] } => ({
  method: "GET",
  path: "/a",
  headers,
});

describe("the key of a request", () => {
  it("is the same whatever the order and the case of the headers' names", () => {
    expect(all.of(get("Accept", "x", "x-a", "1"))).toBe(all.of(get("X-A", "1", "accept", "x")));
  });

  it("leaves out what only traces", () => {
    const traced = get("traceparent", "00-1-1-01", "X-B3-TraceId", "1", "x-request-id", "9");
    expect(all.of(traced)).toBe(all.of(get()));
  });

  it("differs by every other header, or by the listed ones alone", () => {
    expect(all.of(get("x-other", "1"))).not.toBe(all.of(get("x-other", "2")));
    expect(some.of(get("x-other", "1"))).toBe(some.of(get("x-other", "2")));
    expect(some.of(get("X-Tenant", "1"))).not.toBe(some.of(get("x-tenant", "2")));
  });

  it.each(["authorization", "cookie", "proxy-authorization", "range", "accept", "if-none-match"])(
    "differs by %s, whatever the list says",
    (name) => {
      for (const keys of [all, some]) {
        expect(keys.of(get(name, "one"))).not.toBe(keys.of(get(name, "two")));
        expect(keys.of(get(name, "one"))).not.toBe(keys.of(get()));
      }
    },
  );

  it("is never shared by two requests of different credentials, whatever bytes they have", () => {
    const text = fc.string({
      maxLength: 12,
      unit: fc.constantFrom(":", "1", "2", "a", "\n", "authorization"),
    });
    const lists = fc.array(fc.tuple(fc.constantFrom("authorization", "cookie", "x-tenant"), text), {
      maxLength: 3,
    });
    const normal = (list: readonly (readonly [string, string])[]): string =>
      JSON.stringify(list.map((pair) => JSON.stringify(pair)).toSorted());
    const property = fc.property(lists, lists, text, text, (a, b, pathA, pathB) => {
      for (const keys of [all, some]) {
        const same =
          keys.of({ method: "GET", path: pathA, headers: a.flat() }) ===
          keys.of({ method: "GET", path: pathB, headers: b.flat() });
        expect(same).toBe(pathA === pathB && normal(a) === normal(b));
      }
    });
    expect(() => {
      fc.assert(property, { seed: 3, numRuns: 5_000 });
    }).not.toThrow();
  });
});
