import { ProxylessError } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { nacos, nacosRegistrar } from "../src/index.ts";

const url = "http://127.0.0.1:8848";

function problem(make: () => unknown): ProxylessError {
  try {
    make();
  } catch (error) {
    if (error instanceof ProxylessError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("the options of a source", () => {
  const bad: readonly [string, object, RegExp][] = [
    ["url", { url: undefined }, /http:\/\/ or https:\/\/ address .*, got undefined/],
    ["url", { url: "http://me:s3cret@x" }, /without credentials/],
    ["url[1]", { url: [url, "nope"] }, /got "nope"/],
    ["namespace", { namespace: "" }, /non-empty/],
    ["group", { group: "a@@b" }, /without @@/],
    ["username", { password: "x" }, /non-empty/],
    ["password", { username: "x" }, /together with username/],
    ["password", { username: "x", password: 7 }, /got "something else"/],
    ["api", { api: "v2" }, /auto, v3, v1, got "v2"/],
    ["clusters", { clusters: [] }, /non-empty array/],
    ["clusters", { clusters: "a,b" }, /letters, digits/],
    ["clusters[1]", { clusters: ["a", ""] }, /non-empty/],
    ["nameSuffix", { nameSuffix: 7 }, /non-empty/],
    ["intervalMs", { intervalMs: 999 }, /from 1000 to 600000, got 999/],
    ["weightBase", { weightBase: 0 }, /from 1/],
    ["maxBodyBytes", { maxBodyBytes: 1 }, /from 1024/],
    ["emptyHoldMs", { emptyHoldMs: -1 }, /from 0/],
    ["tls", { tls: true }, /an object/],
    ["groupName", { groupName: "x" }, /known: url/],
  ];
  it.each(bad)("names %s, its range and what came, for %j", (field, options, message) => {
    const error = problem(() => nacos({ url, ...options }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("s3cret");
  });

  it("have the defaults that the docs give", () => {
    expect(nacos({ url })).toMatchObject({ name: "nacos", emptyHoldMs: 60_000, debounceMs: 0 });
  });

  it("make a key of everything that changes an answer, and of nothing else", () => {
    const key = (options: object): string => nacos({ url, ...options }).key({ service: "a" });
    const same = [{}, { intervalMs: 5000 }, { url: `${url}/nacos` }, { namespace: "public" }].map(key);
    expect(new Set(same).size).toBe(1);
    const who = { username: "a", password: "b" };
    expect(key({ ...who, password: "c" })).toBe(key(who));
    const different = [
      {},
      { url: `${url}/other` },
      { namespace: "b" },
      { group: "b" },
      { username: "a", password: "b" },
      { username: "b", password: "b" },
      { clusters: "c" },
      { nameSuffix: ".http" },
      { weightBase: 2 },
      { api: "v1" },
    ].map(key);
    expect(new Set(different).size).toBe(different.length);
  });
});

describe("the options of a registrar", () => {
  it.each<[string, object]>([
    ["beatMs", { beatMs: 10 }],
    ["clusters", { clusters: "a" }],
  ])("refuse a wrong %s", (field, options) => {
    const error = problem(() => nacosRegistrar({ url, ...options }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
  });

  it.each<[string, object]>([
    ["status", { status: "degraded" }],
    ["service", { service: "g@@a" }],
    ["weight", { weight: 10_001 }],
    ["ephemeral", { ephemeral: "no" }],
    ["cluster", { cluster: "a_b" }],
    ["tags", { tags: [] }],
  ])("refuse an instance with a wrong %s", async (field, more) => {
    const made = nacosRegistrar({ url }).register({ service: "a", host: "10.0.0.1", port: 80, ...more });
    await expect(made).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
  });
});
