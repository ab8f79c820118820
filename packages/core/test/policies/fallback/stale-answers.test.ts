import { ok } from "node:assert/strict";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { ResolvedStale } from "../../../src/policies/fallback/fallback-policy.ts";
import { resolveFallback } from "../../../src/policies/fallback/resolve-fallback.ts";
import { StaleAnswers } from "../../../src/policies/fallback/stale-answers.ts";
import type { KeptAnswer } from "../../../src/policies/fallback/stale-answers.ts";
import type { KeyedRequest } from "../../../src/policies/request-key.ts";

function answersOf(stale: Partial<ResolvedStale> = {}): StaleAnswers {
  const policy = resolveFallback({ stale: { maxAgeMs: 1_000, ...stale } }, "f");
  if (policy === false || policy.stale === undefined) throw new Error("it is off");
  return new StaleAnswers(policy.stale);
}

const get = (path = "/a", ...headers: string[]): { method: string; path: string; headers: string[] } => ({
  method: "GET",
  path,
  headers,
});

const answer = (text: string, at = 0): KeptAnswer => ({
  status: 200,
  statusText: "OK",
  headers: {},
  body: Buffer.from(text),
  at,
});

describe("the last good answers", () => {
  it("are found for the very same request, until they are too old", () => {
    const answers = answersOf();
    answers.keep(get(), answer("a", 100));
    expect(answers.find(get(), 1_100)?.body.toString()).toBe("a");
    expect(answers.find(get("/b"), 1_100)).toBeUndefined();
    expect(answers.find({ ...get(), method: "POST" }, 1_100)).toBeUndefined();
    expect(answers.find(get("/a", "authorization", "x"), 1_100)).toBeUndefined();
    expect(answers.find(get(), 1_101)).toBeUndefined();
    expect([answers.size, answers.bytes]).toEqual([0, 0]);
  });

  it("make room for later ones, in number and in bytes, the one renewed longest ago first", () => {
    const answers = answersOf({ maxEntries: 2 });
    answers.keep(get("/1"), answer("1"));
    answers.keep(get("/2"), answer("2"));
    answers.keep(get("/1"), answer("one"));
    answers.keep(get("/3"), answer("3"));
    expect(["/1", "/2", "/3"].map((path) => answers.find(get(path), 1)?.body.toString())).toEqual([
      "one",
      undefined,
      "3",
    ]);
    const small = answersOf({ maxBytes: 3_000, maxEntryBytes: 2_000 });
    small.keep(get("/1"), answer("x".repeat(1_500)));
    small.keep(get("/2"), answer("y".repeat(1_500)));
    small.keep(get("/3"), answer("z".repeat(2_001)));
    expect(["/1", "/2", "/3"].map((path) => small.find(get(path), 1)?.body.length)).toEqual([
      undefined,
      1_500,
      undefined,
    ]);
  });

  it.each<[Partial<KeyedRequest>, number, KeptAnswer["headers"], boolean]>([
    [{ method: "POST" }, 200, {}, false],
    [{}, 200, {}, true],
    [{}, 204, {}, true],
    [{}, 206, {}, false],
    [{}, 304, {}, false],
    [{}, 404, {}, false],
    [{}, 200, { "set-cookie": ["a=1"] }, false],
    [{}, 200, { "cache-control": "private, No-Store" }, false],
    [{}, 200, { "cache-control": ["max-age=0", "private"] }, true],
    [{ headers: ["Cache-Control", "no-store"] }, 200, {}, false],
    [{}, 200, { vary: "*" }, false],
    [{}, 200, { vary: "accept, x-plan" }, true],
    [{}, 200, { vary: "x-request-id" }, false],
    [{}, 200, { "content-length": "1048577" }, false],
  ])("are wanted of %j with %i %j: %s", (request, status, headers, isWanted) => {
    expect(answersOf().wants({ ...get(), ...request }, status, headers)).toBe(isWanted);
  });

  it("are told apart by what they vary by, or not kept at all", () => {
    const answers = answersOf({ headers: ["x-tenant"] });
    expect(answers.wants(get(), 200, { vary: "X-Tenant" })).toBe(true);
    expect(answers.wants(get(), 200, { vary: "X-Plan" })).toBe(false);
  });

  it("never exceed their limits, never give one request another's, and forget by age: ten thousand schedules", () => {
    const steps = fc.array(
      fc.record({
        path: fc.constantFrom("/1", "/2", "/3", "/4"),
        user: fc.constantFrom("a", "b"),
        length: fc.nat(600),
        does: fc.constantFrom("keep", "keep", "find", "wait"),
      }),
      { maxLength: 50 },
    );
    const limits = fc.record({
      maxEntries: fc.constantFrom(1, 2, 5),
      maxBytes: fc.constantFrom(600, 1_500, 100_000),
      maxEntryBytes: fc.constantFrom(0, 100, 600),
    });
    const property = fc.property(limits, steps, (limit, list) => {
      const answers = answersOf(limit);
      const model = new Map<string, KeptAnswer>();
      let now = 0;
      for (const { does, length, path, user } of list) {
        const request = get(path, "authorization", user);
        const key = `${user}${path}`;
        if (does === "wait") now += length;
        else if (does === "keep") {
          const kept = answer(`${key} `.padEnd(length, "x"), now);
          answers.keep(request, kept);
          if (kept.body.length <= limit.maxEntryBytes) model.set(key, kept);
        } else {
          const found = answers.find(request, now);
          // It may have made room, but what is there is the last that was kept.
          ok(found === undefined || found === model.get(key));
          ok(found === undefined || now - found.at <= 1_000);
        }
        expect(answers.size).toBeLessThanOrEqual(limit.maxEntries);
        expect(answers.bytes).toBeLessThanOrEqual(limit.maxBytes);
      }
    });
    expect(() => {
      fc.assert(property, { seed: 4, numRuns: 10_000 });
    }).not.toThrow();
  }, 60_000);
});
