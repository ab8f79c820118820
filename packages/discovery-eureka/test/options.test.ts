import { ProxylessError } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { eureka, eurekaRegistrar } from "../src/index.ts";

const url = "http://127.0.0.1:8761/eureka";

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
    ["url", { url: "http://me:s3cret@x/eureka" }, /without credentials/],
    ["url", { url: [] }, /non-empty array/],
    ["url", { zones: { a: url } }, /absent when zones/],
    ["zone", { zone: "a" }, /absent without zones/],
    ["zone", { url: undefined, zones: { a: url }, zone: "b" }, /one of zones \(a\)/],
    ["zones", { url: undefined, zones: {} }, /non-empty/],
    ["zones.a", { url: undefined, zones: { a: "nope" } }, /got "nope"/],
    ["zones[1]", { url: undefined, zones: { a: url, b: "https://x" } }, /http:\/\/ like/],
    ["user", { user: "a:b", password: "c" }, /without a colon/],
    ["user", { password: "c" }, /together with password/],
    ["password", { user: "a" }, /together with user/],
    ["password", { user: "a", password: 7 }, /got "something else"/],
    ["headers", { headers: { authorization: "x" } }, /none of .*authorization/],
    ["headers", { headers: { "a b": "x" } }, /names of headers/],
    ["headers.x", { headers: { x: "a\r\nb: c" } }, /printable ASCII, got "something else"/],
    ["tls", { tls: true }, /an object/],
    ["requestTimeoutMs", { requestTimeoutMs: 1 }, /from 100/],
    ["mode", { mode: "all" }, /auto, app, vip, svip, delta, got "all"/],
    ["deltaAbove", { deltaAbove: -1 }, /from 0/],
    ["intervalMs", { intervalMs: 999 }, /from 1000 to 600000, got 999/],
    ["preferIp", { preferIp: "yes" }, /true or false/],
    ["secure", { secure: true }, /auto, never, always/],
    ["weightBase", { weightBase: 0 }, /from 1/],
    ["maxBodyBytes", { maxBodyBytes: 1 }, /from 1024/],
    ["emptyHoldMs", { emptyHoldMs: -1 }, /from 0/],
    ["interval", { interval: 5 }, /known: url/],
  ];
  it.each(bad)("names %s, its range and what came, for %j", (field, options, message) => {
    const error = problem(() => eureka({ url, ...options }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("s3cret");
  });

  it("have the defaults that the docs give", () => {
    expect(eureka({ url })).toMatchObject({ name: "eureka", emptyHoldMs: 300_000, debounceMs: 0 });
  });

  it("make a key of everything that changes an answer, and of nothing else", () => {
    const key = (options: object): string => eureka({ url, ...options }).key({ service: "a" });
    const same = [{}, { intervalMs: 5000 }, { mode: "delta" }, { emptyHoldMs: 0 }].map(key);
    expect(new Set(same).size).toBe(1);
    const who = { user: "a", password: "b", headers: { "x-token": "c" } };
    expect(key({ ...who, password: "d", headers: { "x-token": "e" } })).toBe(key(who));
    const different = [
      {},
      { url: `${url}/v2` },
      { user: "a", password: "b" },
      { user: "b", password: "b" },
      { headers: { "x-token": "c" } },
      { headers: { "x-namespace": "b" } },
      { mode: "vip" },
      { mode: "svip" },
      { preferIp: false },
      { secure: "never" },
      { weightBase: 2 },
    ].map(key);
    expect(new Set(different).size).toBe(different.length);
  });
});

describe("the options of a registrar", () => {
  const bad: readonly [string, object, RegExp][] = [
    ["renewalMs", { renewalMs: 500 }, /from 1000/],
    ["renewalMs", { renewalMs: 1500 }, /whole seconds/],
    ["leaseMs", { leaseMs: 30_000 }, /more than renewalMs \(30000\)/],
    ["mode", { mode: "app" }, /known: url/],
  ];
  it.each(bad)("names %s, its range and what came, for %j", (field, options, message) => {
    const error = problem(() => eurekaRegistrar({ url, ...options }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
    expect(error.message).toMatch(message);
  });

  it.each<[string, object]>([
    ["status", { status: "degraded" }],
    ["vipAddress", { vipAddress: "" }],
    ["homePageUrl", { homePageUrl: "nowhere" }],
    ["hostName", { hostName: 7 }],
    ["tags", { tags: [] }],
  ])("refuse an instance with a wrong %s", async (field, more) => {
    const made = eurekaRegistrar({ url }).register({ service: "a", host: "10.0.0.1", port: 80, ...more });
    await expect(made).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
  });
});
