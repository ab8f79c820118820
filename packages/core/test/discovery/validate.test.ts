import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { hostProblem } from "../../src/discovery/host.ts";
import type { DirectoryEndpoint } from "../../src/discovery/resolution.ts";
import { isProblem, readEndpoint } from "../../src/discovery/validate-endpoint.ts";
import { readBody, readHead } from "../../src/discovery/validate.ts";
import type { SnapshotHead } from "../../src/discovery/validate.ts";
import { fakeEndpoint } from "../../src/testing/fake-source.ts";

const nothing: readonly DirectoryEndpoint[] = [];

function head(entries: readonly unknown[], patch: Partial<SnapshotHead> = {}): SnapshotHead {
  return {
    kind: "bound",
    entries,
    suspect: false,
    cached: false,
    trouble: undefined,
    unheard: [],
    explicit: false,
    ageMs: 0,
    skipped: 0,
    ...patch,
  };
}

function problemOf(patch: object): string | undefined {
  const read = readEndpoint({ id: "a", host: "10.0.0.1", port: 80, ...patch });
  return isProblem(read) ? read.field : undefined;
}

function known(...endpoints: readonly unknown[]): readonly DirectoryEndpoint[] {
  return readBody(head(endpoints), nothing).endpoints;
}

describe("hostProblem", () => {
  it.for([
    "orders",
    "orders.svc.cluster.local",
    "orders_1.default",
    "a.example.",
    "xn--bcher-kva.example",
    "127.0.0.1",
    "10.255.0.9",
    "::1",
    "fe80::1",
    "2001:db8::5",
    "10-0-0-1.pod",
  ])("accepts %s", (host) => {
    expect(hostProblem(host)).toBeUndefined();
  });

  it.for([
    "",
    " ",
    "a b",
    "a\nb",
    "a\u0000",
    "a/b",
    "user@host",
    "host:80",
    "[::1]",
    "a..b",
    "-a",
    "a-",
    ".a",
    "bücher.example",
    "a".repeat(64),
    "a.".repeat(127),
    ":::1",
    "fe80::1%eth0",
    "1.2.3",
    "256.1.1.1",
    "010.0.0.1",
    "2852039166",
    "0xa9fea9fe",
    "a.0x1",
    "0.0.0.0",
    "0.1.2.3",
    "255.255.255.255",
    "224.0.0.1",
    "::",
    "ff02::1",
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "fd00:ec2::254",
    "fd00:0ec2:0:0:0:0:0:254",
    "metadata.google.internal",
    "Metadata.Google.Internal.",
  ])("refuses %j", (host) => {
    expect(hostProblem(host)).toBeTypeOf("string");
  });
});

describe("readEndpoint", () => {
  it("keeps one copy of a locality and of metadata for all who have the same", () => {
    const read = (id: string): DirectoryEndpoint => {
      const place = { metadata: { team: "a" }, locality: { region: "r", zone: "z" } };
      const endpoint = readEndpoint({ id, host: "10.0.0.1", port: 80, ...place });
      if (isProblem(endpoint)) throw new Error(endpoint.expected);
      return endpoint;
    };
    expect(read("a").locality).toBe(read("b").locality);
    expect(read("a").metadata).toBe(read("b").metadata);
  });

  it("takes nothing over from a locality that it refused", () => {
    const place = (locality: object): unknown =>
      readEndpoint({ id: "a", host: "10.0.0.1", port: 80, locality });
    expect(place({ region: 1 })).toMatchObject({ field: "locality.region" });
    expect(place({})).toHaveProperty("locality", {});
    expect(place({ region: "z" })).toHaveProperty("locality", { region: "z" });
    expect(place({ zone: "z" })).toHaveProperty("locality", { zone: "z" });
  });

  it("fills in what is missing and copies the rest", () => {
    const metadata = { team: "a" };
    const read = readEndpoint({ id: "a", host: "[::1]", port: 80, metadata, locality: { zone: "z" } });
    expect(read).toEqual({
      id: "a",
      host: "::1",
      port: 80,
      weight: 1,
      priority: 0,
      health: "unknown",
      metadata: { team: "a" },
      locality: { zone: "z" },
      held: false,
    });
    metadata.team = "b";
    expect(read).toMatchObject({ metadata: { team: "a" } });
    expect(Object.isFrozen(read)).toBe(true);
  });

  it.for<[string, object]>([
    ["id", { id: 7 }],
    ["id", { id: "" }],
    ["id", { id: "a\r\nb" }],
    ["id", { id: "a".repeat(513) }],
    ["host", { host: null }],
    ["host", { host: "a/b" }],
    ["port", { port: 0 }],
    ["port", { port: 65_536 }],
    ["port", { port: Number.NaN }],
    ["port", { port: 80.5 }],
    ["port", { port: "80" }],
    ["weight", { weight: -1 }],
    ["weight", { weight: Number.NaN }],
    ["weight", { weight: Infinity }],
    ["weight", { weight: null }],
    ["priority", { priority: 1.5 }],
    ["priority", { priority: -1 }],
    ["health", { health: "fine" }],
    ["health", { health: "toString" }],
    ["scheme", { scheme: "ftp" }],
    ["serverName", { serverName: "a b" }],
    ["version", { version: 2 }],
    ["locality", { locality: "zone" }],
    ["locality.zone", { locality: { zone: 1 } }],
    ["metadata", { metadata: [] }],
    ["metadata", { metadata: { a: 1 } }],
    ["metadata", { metadata: JSON.parse('{"__proto__":"x"}') }],
    ["metadata", { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""])) }],
    ["metadata", { metadata: { big: "ü".repeat(8_192) } }],
  ])("finds the fault in %s of %j", ([field, patch]) => {
    expect(problemOf(patch)).toBe(field);
  });

  it("cuts an absurd weight and keeps the limits themselves", () => {
    expect(readEndpoint({ id: "a", host: "h", port: 65_535, weight: 1e300 })).toMatchObject({
      weight: 1_000_000,
      port: 65_535,
    });
    expect(problemOf({ metadata: { k: "a".repeat(16_383) } })).toBeUndefined();
  });

  it("stands an entry whose getters throw", () => {
    const hostile = {
      get id(): string {
        throw new Error("no");
      },
    };
    expect(readEndpoint(hostile)).toMatchObject({ field: "entry" });
  });

  it("never throws, whatever it is given, and what passes is sound", () => {
    const rubbish = fc.anything({ withNullPrototype: true, withBigInt: true });
    const mostly = (good: unknown): fc.Arbitrary<unknown> =>
      fc.oneof({ weight: 8, arbitrary: fc.constant(good) }, rubbish);
    const entry = fc.record(
      {
        id: mostly("a"),
        host: fc.oneof(mostly("10.0.0.1"), fc.string(), fc.ipV4(), fc.ipV6(), fc.domain()),
        port: fc.oneof(mostly(80), fc.integer()),
        weight: fc.oneof(mostly(1), fc.double()),
        priority: mostly(0),
        health: mostly("healthy"),
        metadata: fc.oneof(mostly({ k: "v" }), fc.dictionary(fc.string(), fc.string())),
        locality: mostly({ zone: "z" }),
      },
      { requiredKeys: [] },
    );
    const isSound = (read: DirectoryEndpoint): boolean =>
      hostProblem(read.host) === undefined &&
      read.port >= 1 &&
      read.port <= 65_535 &&
      read.weight >= 0 &&
      read.weight <= 1_000_000 &&
      Number.isInteger(read.priority) &&
      Object.values(read.metadata).every((value) => typeof value === "string") &&
      Object.getPrototypeOf(read.metadata) === Object.prototype;
    let sound = 0;
    const property = fc.property(fc.oneof({ weight: 9, arbitrary: entry }, rubbish), (value) => {
      const read = readEndpoint(value);
      if (isProblem(read)) return true;
      sound++;
      return isSound(read);
    });
    expect(fc.check(property, { seed: 1, numRuns: 1_000 }).failed).toBe(false);
    expect(sound).toBeGreaterThan(20);
  });
});

describe("readHead", () => {
  it.for<[string, unknown]>([
    ["not an object", null],
    ["not an object", "bound"],
    ["kind", { endpoints: [] }],
    ["no array", { kind: "bound", endpoints: { length: 1 } }],
    ["more than the limit of 2", { kind: "bound", endpoints: [1, 2, 3] }],
  ])("refuses with '%s'", ([message, raw]) => {
    expect(readHead(raw, 2)).toContain(message);
  });

  it("takes an unknown trust as suspect and nonsense numbers as none", () => {
    const raw = { kind: "bound", endpoints: [], trust: "sure", ageMs: Number.NaN, skipped: -4 };
    expect(readHead(raw, 2)).toMatchObject({ suspect: true, ageMs: 0, skipped: 0 });
  });

  it("reads no endpoints from an absent answer", () => {
    expect(readHead({ kind: "absent", endpoints: [1], trust: "authoritative" }, 9)).toMatchObject({
      kind: "absent",
      entries: [],
      suspect: false,
    });
  });
});

describe("readBody", () => {
  const ids = (entries: readonly unknown[], before = nothing): string[] =>
    readBody(head(entries), before).endpoints.map(({ id, host, port }) => `${id}@${host}:${port}`);
  const at = (id: string, host: string, patch: object = {}): unknown => ({ id, host, port: 80, ...patch });

  it("skips the bad ones, says why and sorts the good ones", () => {
    const { endpoints, skipped, reason } = readBody(
      head(
        [
          fakeEndpoint("b"),
          null,
          fakeEndpoint("x", { port: 0 }),
          fakeEndpoint("y", { port: 0 }),
          fakeEndpoint("a"),
        ],
        {
          skipped: 5,
        },
      ),
      nothing,
    );
    expect(endpoints.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(skipped).toBe(8);
    expect(reason).toBe(
      "5 × not understood by the source; 2 × port is not an integer from 1 to 65535; 1 × entry is not an object",
    );
  });

  it("keeps the healthier of two entries with one id", () => {
    const pair = [at("a", "h1", { health: "unhealthy" }), at("a", "h2", { health: "healthy" })];
    expect(ids(pair)).toEqual(["a@h2:80"]);
    expect(ids(pair.toReversed())).toEqual(["a@h2:80"]);
  });

  it("keeps the healthier of two entries with one address", () => {
    const pair = [at("a", "h", { health: "draining" }), at("b", "h", { health: "starting" })];
    expect(ids(pair)).toEqual(["b@h:80"]);
    expect(ids(pair.toReversed())).toEqual(["b@h:80"]);
  });

  it("does not depend on the order of the list when duplicates are alike", () => {
    const entries = [at("a", "h2"), at("a", "h1"), at("c", "h3"), at("b", "h3")];
    expect(ids(entries)).toEqual(["a@h1:80", "b@h3:80"]);
    expect(ids(entries.toReversed())).toEqual(["a@h1:80", "b@h3:80"]);
  });

  it("prefers what is already known among duplicates that are alike", () => {
    expect(ids([at("a", "h1"), at("a", "h2")], known(at("a", "h2")))).toEqual(["a@h2:80"]);
    expect(ids([at("a", "h"), at("b", "h")], known(at("b", "h")))).toEqual(["b@h:80"]);
  });

  it("keeps the very object of an endpoint that did not change, wherever the list puts it", () => {
    const before = known(fakeEndpoint("a", { metadata: { k: "v" } }), fakeEndpoint("b"));
    const { endpoints } = readBody(
      head([fakeEndpoint("b", { weight: 2 }), fakeEndpoint("a", { metadata: { k: "v" } })]),
      before,
    );
    expect(endpoints[0]).toBe(before[0]);
    expect(endpoints[1]).not.toBe(before[1]);
  });

  it("sees a change of any field", () => {
    const base = fakeEndpoint("a", { metadata: { k: "v" }, locality: { zone: "z" } });
    const before = known(base);
    for (const patch of [
      { host: "127.9.9.9" },
      { port: 81 },
      { weight: 2 },
      { priority: 1 },
      { health: "degraded" as const },
      { scheme: "https" as const },
      { serverName: "a.example" },
      { version: "2" },
      { locality: { zone: "y" } },
      { locality: { zone: "z", region: "r" } },
      { metadata: { k: "w" } },
      { metadata: {} },
      { metadata: { k: "v", l: "" } },
    ]) {
      expect(readBody(head([{ ...base, ...patch }]), before).endpoints[0]).not.toBe(before[0]);
    }
    expect(readBody(head([structuredClone(base)]), before).endpoints[0]).toBe(before[0]);
  });
});
