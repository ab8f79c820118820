import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { emptyHash, xxhash53, xxhash64 } from "../src/xxhash64.ts";

function hex(text: string, seed?: number): string {
  const hash = emptyHash();
  xxhash64(text, hash, seed);
  return [hash.hi, hash.lo].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

describe("xxhash64", () => {
  // From the test suites of xxHash, python-xxhash and cespare/xxhash.
  it.each([
    ["", 0, "ef46db3751d8e999"],
    ["", 1, "d5afba1336a3be4b"],
    ["a", 0, "d24ec4f1a98c6e5b"],
    ["as", 0, "1c330fb2d66be179"],
    ["asd", 0, "631c37ce72a97393"],
    ["asdf", 0, "415872f599cea71e"],
    ["abc", 0, "44bc2cf5ad770999"],
    ["xxhash", 0, "32dd38952c4bc720"],
    ["xxhash", 20_141_025, "b559b98d844e0635"],
    ["Nobody inspects the spammish repetition", 0, "fbcea83c8a378bf1"],
    ["Call me Ishmael. Some years ago--never mind how long precisely-", 0, "02a2e85470d6fd96"],
  ])("of %j with seed %i is what others make of it", (text, seed, expected) => {
    expect(hex(text, seed)).toBe(expected);
  });

  it("agrees with the specification, followed to the letter, on texts of all kinds and lengths", () => {
    const texts = fc.oneof(
      fc.string({ maxLength: 100 }),
      fc.string({ unit: "binary", maxLength: 100 }),
      // Halves of surrogate pairs alone are no UTF-8: both make U+FFFD of them.
      fc.array(fc.nat(0xffff), { maxLength: 80 }).map((codes) => String.fromCharCode(...codes)),
    );
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (text, seed) => {
        expect(hex(text, seed)).toBe(reference(text, BigInt(seed)).toString(16).padStart(16, "0"));
      }),
      { seed: 5, numRuns: 1_000 },
    );
  });

  it("takes texts longer than what it lays aside for them, and short ones after them", () => {
    for (const length of [340, 1_024, 22_000, 1_000_000, 10]) {
      const text = "ä".repeat(length);
      expect(hex(text)).toBe(reference(text, 0n).toString(16).padStart(16, "0"));
    }
  });
});

describe("xxhash53", () => {
  it("is the upper 53 bits", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (text, seed) => {
        expect(xxhash53(text, seed)).toBe(Number(BigInt(`0x${hex(text, seed)}`) >> 11n));
      }),
      { seed: 6, numRuns: 200 },
    );
  });
});

const primes = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;

function cut(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotated(value: bigint, bits: bigint): bigint {
  return cut((value << bits) | (value >> (64n - bits)));
}

function round(sum: bigint, input: bigint): bigint {
  return cut(rotated(cut(sum + input * primes[1]), 31n) * primes[0]);
}

function reference(text: string, seed: bigint): bigint {
  const [p1, p2, p3, p4, p5] = primes;
  const bytes = Buffer.from(text);
  let at = 0;
  let hash = cut(seed + p5);
  if (bytes.length >= 32) {
    const lanes = [cut(seed + p1 + p2), cut(seed + p2), seed, cut(seed - p1)];
    for (; at + 32 <= bytes.length; at += 32) {
      for (const [i, lane] of lanes.entries()) lanes[i] = round(lane, bytes.readBigUInt64LE(at + i * 8));
    }
    hash = cut(lanes.reduce((sum, lane, i) => sum + rotated(lane, [1n, 7n, 12n, 18n][i] ?? 0n), 0n));
    for (const lane of lanes) hash = cut((hash ^ round(0n, lane)) * p1 + p4);
  }
  hash = cut(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) {
    hash = cut(rotated(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * p1 + p4);
  }
  if (at + 4 <= bytes.length) {
    hash = cut(rotated(hash ^ cut(BigInt(bytes.readUInt32LE(at)) * p1), 23n) * p2 + p3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = cut(rotated(hash ^ cut(BigInt(bytes.readUInt8(at)) * p5), 11n) * p1);
  hash = cut((hash ^ (hash >> 33n)) * p2);
  hash = cut((hash ^ (hash >> 29n)) * p3);
  return hash ^ (hash >> 32n);
}
