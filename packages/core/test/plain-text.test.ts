import { assert, property, string } from "fast-check";
import { describe, expect, it } from "vitest";

import { plainText } from "../src/plain-text.ts";

describe("text of somebody else's making", () => {
  it.each([
    ["authorization: Bearer s3cr3t.s3cr3t-s3cr3t", "authorization: …"],
    ["Proxy-Authorization: Basic dXNlcjpzM2NyM3Q=", "Proxy-Authorization: …"],
    ['{"authorization":"Bearer s3cr3t"}', '{"authorization":…}'],
    ["cookie: a=s3cr3t", "cookie: …"],
    ["X-Consul-Token: s3cr3t was refused", "X-Consul-Token: …"],
    ["bearer s3cr3t== is too old", "bearer … is too old"],
    ["GET http://user:s3cr3t@consul:8500/v1/health: 403", "GET http://…@consul:8500/v1/health: 403"],
    ["GET /v1/kv/x?token=s3cr3t&dc=1 failed", "GET /v1/kv/x?… failed"],
    ["https://host?key=s3cr3t", "https://host?…"],
    ["password=s3cr3t user=root", "password=… user=root"],
    ["client_secret: 's3cr3t'", "client_secret: '…'"],
    ["first\r\nlevel=error\u2028second\u001b[31m", "first level=error second [31m"],
  ])("%j", (given, plain) => {
    expect(plainText(given)).toBe(plain);
  });

  it("of the mesh's own making is left as it is", () => {
    for (const text of [
      "endpoint 10.0.0.3:80 of orders ejected for 30 s: 5 consecutive 5xx",
      "connect ECONNREFUSED 127.0.0.1:8500",
      "policy.retry.maxAttempts must be a whole number from 1 to 10, got 0",
    ]) {
      expect(plainText(text)).toBe(text);
    }
  });

  it("is one bounded line, whatever it was", () => {
    assert(
      property(string({ unit: "binary", maxLength: 5000 }), (text) => {
        const plain = plainText(text);
        expect(plain.length).toBeLessThanOrEqual(2100);
        // oxlint-disable-next-line no-control-regex -- they are what is looked for
        expect(plain).not.toMatch(/[\u0000-\u001f\u007f\u2028\u2029]/);
      }),
    );
    expect(plainText("x".repeat(100_000)).length).toBe(2001);
  });
});
