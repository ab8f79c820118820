import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { hashKeyOf, resolveHashOn } from "../../src/balancers/hash-key.ts";
import type { HashOnPolicy } from "../../src/balancers/hash-key.ts";
import type { PickContext, PickRequest } from "../../src/balancers/picker.ts";
import { emptyHash, xxhash64 } from "../../src/xxhash64.ts";
import { pickContext } from "../support/balancing.ts";

function contextOf(request: Partial<PickRequest>, hashKey?: string): PickContext {
  return pickContext({ request: { method: "GET", path: "/", headers: [], ...request }, hashKey });
}

function bits({ hi, lo }: { hi: number; lo: number }): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** What is hashed of a request, as a number; undefined where nothing is. */
function hashed(hashOn: readonly HashOnPolicy[], context: PickContext): bigint | undefined {
  const hash = emptyHash();
  return hashKeyOf(resolveHashOn(hashOn, "hashOn"), context, hash) ? bits(hash) : undefined;
}

function hashOf(text: string): bigint {
  const hash = emptyHash();
  xxhash64(text, hash);
  return bits(hash);
}

describe("a part of a request to hash on", () => {
  const cases: readonly (readonly [string, HashOnPolicy, Partial<PickRequest>, string | undefined])[] = [
    ["a header", { header: "X-User" }, { headers: ["a", "b", "x-user", "ann"] }, "ann"],
    ["a header in another case", { header: "x-user" }, { headers: ["X-USER", "ann"] }, "ann"],
    [
      "a header that came twice",
      { header: "x-user" },
      { headers: ["x-user", "ann", "X-User", "bob"] },
      "ann,bob",
    ],
    ["an empty header", { header: "x-user" }, { headers: ["x-user", ""] }, undefined],
    [
      "a value that looks like the header's name",
      { header: "x-user" },
      { headers: ["a", "x-user", "b", "c"] },
      undefined,
    ],
    ["a cookie among others", { cookie: "sid" }, { headers: ["cookie", "a=1; sid=s1; b=2"] }, "s1"],
    [
      "a cookie whose name ends another's",
      { cookie: "sid" },
      { headers: ["cookie", "xsid=no; sid=s1"] },
      "s1",
    ],
    [
      "a cookie whose name begins another's",
      { cookie: "sid" },
      { headers: ["cookie", "side=no"] },
      undefined,
    ],
    [
      "a cookie in the second header",
      { cookie: "sid" },
      { headers: ["cookie", "a=1", "Cookie", "sid=s1"] },
      "s1",
    ],
    ["an empty cookie", { cookie: "sid" }, { headers: ["cookie", "sid="] }, undefined],
    ["a cookie header of rubbish", { cookie: "sid" }, { headers: ["cookie", ";;=;sid;  ; ="] }, undefined],
    ["a query parameter", { query: "id" }, { path: "/a?x=1&id=42&y=2" }, "42"],
    ["the first of two query parameters", { query: "id" }, { path: "/a?id=1&id=2" }, "1"],
    ["a query parameter in another encoding", { query: "id" }, { path: "/a?id=a%20b%2fc" }, "a b/c"],
    ["a query parameter with pluses", { query: "id" }, { path: "/a?id=a+b%2Fc" }, "a b/c"],
    ["a query parameter that is not encoded well", { query: "id" }, { path: "/a?id=%zz" }, "%zz"],
    ["a path that has the parameter's name", { query: "id" }, { path: "/id=42" }, undefined],
    ["a query without the parameter", { query: "id" }, { path: "/a?x=id&id" }, undefined],
    ["a path parameter", { pathParameter: "id" }, { path: "/orders/42", template: "/orders/{id}" }, "42"],
    [
      "a path parameter before a query",
      { pathParameter: "id" },
      { path: "/orders/42?a=/b", template: "/orders/{id}" },
      "42",
    ],
    [
      "a path parameter in the middle",
      { pathParameter: "id" },
      { path: "/v1/orders/a%2Fb/lines/7", template: "/v1/orders/{id}/lines/{line}" },
      "a/b",
    ],
    [
      "a path parameter with a verb",
      { pathParameter: "id" },
      { path: "/orders/42:cancel", template: "/orders/{id}:cancel" },
      "42",
    ],
    [
      "a path parameter with an ending",
      { pathParameter: "id" },
      { path: "/f/x42.json", template: "/f/x{id}.json" },
      "42",
    ],
    [
      "a template without the parameter",
      { pathParameter: "id" },
      { path: "/orders/42", template: "/orders/{key}" },
      undefined,
    ],
    ["a call without a template", { pathParameter: "id" }, { path: "/orders/42" }, undefined],
    [
      "a path that does not fit its template",
      { pathParameter: "id" },
      { path: "/orders?x=/42", template: "/orders/{id}" },
      undefined,
    ],
    [
      "a path shorter than its template",
      { pathParameter: "id" },
      { path: "/", template: "/a/b/c/{id}" },
      undefined,
    ],
  ];
  it.each(cases)("%s", (_, policy, request, expected) => {
    expect(hashed([policy], contextOf(request))).toBe(expected === undefined ? undefined : hashOf(expected));
  });

  it("never fails, whatever a request looks like", () => {
    const policies = [{ header: "h" }, { cookie: "c" }, { query: "q" }, { pathParameter: "p" }];
    const text = fc.string({
      unit: fc.constantFrom("/", "?", "&", "=", ";", "%", "{", "}", "p", "q", "c", "h", " "),
    });
    fc.assert(
      fc.property(text, text, fc.array(text), (path, template, others) => {
        const headers = [...others, "cookie", path];
        expect(hashed(policies, contextOf({ path, template, headers }))).not.toBe(0n);
      }),
      { seed: 8, numRuns: 2_000 },
    );
  });
});

describe("several parts to hash on", () => {
  const request = { path: "/orders?tenant=t1", headers: ["x-user", "ann", "x-team", "red"] };
  const user = { header: "x-user" };
  const tenant = { query: "tenant" };
  const missing = { cookie: "sid" };

  function combined(...texts: readonly string[]): bigint {
    return texts.map(hashOf).reduce((hash, next) => BigInt.asUintN(64, (hash << 1n) | (hash >> 63n)) ^ next);
  }

  it("are combined in their order, and those that are missing left out", () => {
    expect(hashed([user, tenant], contextOf(request))).toBe(combined("ann", "t1"));
    expect(hashed([tenant, user], contextOf(request))).toBe(combined("t1", "ann"));
    expect(hashed([missing, user, missing, tenant], contextOf(request))).toBe(combined("ann", "t1"));
    expect(hashed([user, tenant, { header: "x-team" }], contextOf(request))).toBe(
      combined("ann", "t1", "red"),
    );
  });

  it("end with a terminal one as soon as there is something", () => {
    expect(hashed([{ ...user, terminal: true }, tenant], contextOf(request))).toBe(hashOf("ann"));
    expect(hashed([user, { ...missing, terminal: true }, tenant], contextOf(request))).toBe(hashOf("ann"));
    expect(hashed([{ ...missing, terminal: true }, tenant], contextOf(request))).toBe(hashOf("t1"));
  });

  it("give way to the call's own key, unless that is empty", () => {
    expect(hashed([user, tenant], contextOf(request, "order-42"))).toBe(hashOf("order-42"));
    expect(hashed([user], contextOf(request, ""))).toBe(hashOf("ann"));
    expect(hashed([], contextOf(request))).toBeUndefined();
  });
});

describe("resolveHashOn", () => {
  it.each([
    [
      "header: x-user",
      'hashOn must be an array of objects with a header, cookie, query or pathParameter, got "header: x-user"',
    ],
    [[{}], "hashOn[0] must be an object with one of header, cookie, query, pathParameter, got an object"],
    [
      [{ header: "a", cookie: "b" }],
      "hashOn[0] must be an object with one of header, cookie, query, pathParameter, got an object",
    ],
    [[{ header: "a" }, { header: "a b" }], 'hashOn[1].header must be the name of a header, got "a b"'],
    [[{ cookie: "a;b" }], 'hashOn[0].cookie must be the name of a cookie, got "a;b"'],
    [[{ query: "" }], 'hashOn[0].query must be a name of 1 to 256 characters without any of &=#{}/, got ""'],
    [
      [{ pathParameter: "{id}" }],
      'hashOn[0].pathParameter must be a name of 1 to 256 characters without any of &=#{}/, got "{id}"',
    ],
    [[{ header: "a", terminal: "yes" }], 'hashOn[0].terminal must be true or false, got "yes"'],
    [
      [{ headr: "a" }],
      'hashOn[0].headr must be left out (hashOn[0] takes header, cookie, query, pathParameter, terminal), got "a"',
    ],
    [
      Array.from({ length: 17 }, () => ({ header: "a" })),
      "hashOn must be an array of at most 16, got an array of 17",
    ],
  ])("refuses %j", (input, message) => {
    expect(() => resolveHashOn(input, "hashOn")).toThrow(message);
  });
});
