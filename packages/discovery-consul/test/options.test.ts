import { ProxylessError } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { consul, consulRegistrar } from "../src/index.ts";

const url = "http://127.0.0.1:8500";

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
    ["url", { url: undefined }, /^url must be an http:\/\/ or https:\/\/ address .*, got undefined/],
    ["url", { url: "127.0.0.1:8500" }, /got "127\.0\.0\.1:8500"/],
    ["url", { url: "ftp://x" }, /http/],
    ["url", { url: "http://x/?token=1" }, /without credentials, query/],
    ["url", { url: [] }, /non-empty array/],
    ["url[1]", { url: [url, "nope"] }, /got "nope"/],
    ["url[1]", { url: ["https://x", url] }, /https:\/\/ like url\[0\], got "http:/],
    ["token", { token: "a b" }, /printable ASCII/],
    ["token", { token: "a\r\nx: y" }, /printable ASCII/],
    ["token", { token: "" }, /printable ASCII/],
    ["tokenFile", { token: "a", tokenFile: "/b" }, /absent when token/],
    ["tls", { tls: true }, /an object, got true/],
    ["url", { tls: {} }, /https:\/\/ when tls is given/],
    ["tls.ca", { url: "https://x", tls: { ca: "hello" } }, /PEM/],
    ["tls.key", { url: "https://x", tls: { cert: "-----BEGIN CERTIFICATE-----" } }, /tls\.cert and tls\.key/],
    ["tls.rejectUnauthorised", { url: "https://x", tls: { rejectUnauthorised: false } }, /known: ca/],
    ["tls.rejectUnauthorized", { url: "https://x", tls: { rejectUnauthorized: 0 } }, /true or false, got 0/],
    ["datacenter", { datacenter: "" }, /non-empty/],
    ["filter", { filter: 7 }, /got 7/],
    ["tags", { tags: 7 }, /a tag or an array/],
    ["tags[1]", { tags: ["a", ""] }, /non-empty/],
    ["mode", { mode: "fast" }, /stale, default, consistent, cached, got "fast"/],
    ["waitMs", { waitMs: 999 }, /from 1000 to 600000, got 999/],
    ["waitMs", { waitMs: "30s" }, /got "30s"/],
    ["requestTimeoutMs", { requestTimeoutMs: 0 }, /from 100/],
    ["maxConcurrentWatches", { maxConcurrentWatches: 200 }, /from 1 to 150/],
    ["overflowPollMs", { overflowPollMs: 1.5 }, /whole number/],
    ["maxBodyBytes", { maxBodyBytes: 1 }, /from 1024/],
    ["weightBase", { weightBase: 0 }, /from 1 to 65535/],
    ["emptyHoldMs", { emptyHoldMs: -1 }, /from 0/],
    ["waitMS", { waitMS: 5000 }, /known: token/],
  ];

  it.each(bad)("names %s, its range and what came, for %j", (field, options, message) => {
    const error = problem(() => consul({ url, ...options }));
    expect(error).toMatchObject({ code: "ERR_PROXYLESS_CONFIG", field });
    expect(error.message).toMatch(message);
  });

  it("keeps secrets out of its errors", () => {
    expect(problem(() => consul({ url: "http://me:s3cret@x" })).message).not.toContain("s3cret");
    expect(problem(() => consul({ url, token: "s3cret token" })).message).not.toContain("s3cret");
  });

  it("names its defaults by what it does: sixty seconds of empty hold", () => {
    expect(consul({ url }).emptyHoldMs).toBe(60_000);
  });
});

describe("the options of a registration", () => {
  const base = { service: "web", port: 8080, host: "10.0.0.1" };
  const bad: readonly [string, object, RegExp][] = [
    ["service", { service: "" }, /non-empty/],
    ["port", { port: 0 }, /from 1 to 65535, got 0/],
    ["port", { port: undefined }, /got undefined/],
    ["host", { host: "0.0.0.0" }, /not a wildcard, got "0\.0\.0\.0"/],
    ["host", { host: "::" }, /not a wildcard/],
    ["host", { host: "a/b" }, /host name or an IP/],
    ["weight", { weight: 0 }, /from 1 to 65535/],
    ["metadata", { metadata: { "a b": "x" } }, /letters, digits/],
    ["metadata.a", { metadata: { a: 1 } }, /string of at most 512/],
    [
      "metadata",
      { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])) },
      /64 keys/,
    ],
    ["tags[0]", { tags: [""] }, /non-empty/],
    ["check.ttlMs", { check: { ttlMs: 1000 } }, /from 3000/],
    ["check.http", { check: { http: "nope", intervalMs: 1000 } }, /http:\/\//],
    ["check.intervalMs", { check: { http: "http://x" } }, /from 1000/],
    ["check.interval", { check: { http: "http://x", interval: 5 } }, /known: http/],
    ["deregisterCriticalAfterMs", { deregisterCriticalAfterMs: 1000 }, /from 60000/],
    ["startTimeoutMs", { startTimeoutMs: -1 }, /from 0/],
    ["onStateChange", { onStateChange: 1 }, /a function, got 1/],
    ["ttl", { ttl: 5 }, /known: service/],
  ];

  it.each(bad)("names %s, its range and what came, for %j", async (field, options, message) => {
    const registrar = consulRegistrar({ url });
    const made = registrar.register({ ...base, ...options });
    await expect(made).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CONFIG",
      field,
      message: expect.stringMatching(message),
    });
  });

  it("takes one agent's address only, because an instance lives with one agent", () => {
    // @ts-expect-error the options are wrong on purpose
    expect(problem(() => consulRegistrar({ url: [url, url] })).field).toBe("url");
  });
});
