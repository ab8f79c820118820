import type { Endpoint } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Answer } from "../src/answers.ts";
import { consulKv, consulQuery } from "../src/index.ts";
import { kvCodecs } from "../src/kv-codecs.ts";
import type { ConsulKvCodec, ConsulKvCodecName, ConsulKvEndpoint } from "../src/kv-codecs.ts";
import { KvQuestion } from "../src/kv-question.ts";
import { resolveWatch } from "../src/watch-options.ts";

const url = "http://127.0.0.1:8500";

function decode(name: ConsulKvCodecName, value: string, key = "a"): readonly ConsulKvEndpoint[] | undefined {
  return kvCodecs[name].decode({ key, value });
}

/** Reads an answer with these keys and values. */
function read(
  entries: readonly object[],
  {
    prefix = "up/web/",
    codec = kvCodecs.json,
    datacenter,
  }: { prefix?: string; codec?: ConsulKvCodec; datacenter?: string } = {},
): Answer {
  const settings = { ...resolveWatch({ url }, "stale"), codec, weightBase: 1 };
  const headers = { "x-consul-index": "42" };
  return new KvQuestion(prefix, datacenter, settings).read({
    status: 200,
    headers,
    body: JSON.stringify(entries),
    pieces: [],
  });
}

function readOrFail(
  entries: readonly object[],
  codec: ConsulKvCodec,
): { endpoints: readonly Endpoint[]; trouble: string | undefined } {
  try {
    return { endpoints: read(entries, { codec }).snapshot.endpoints, trouble: undefined };
  } catch (error) {
    return { endpoints: [], trouble: error instanceof SourceError ? error.class : String(error) };
  }
}

function pair(Key: string, value: string | null): object {
  return {
    LockIndex: 0,
    Key,
    Flags: 0,
    Value: value === null ? null : Buffer.from(value).toString("base64"),
  };
}

describe("the JSON codec", () => {
  it.each([
    ["10.0.0.1:80", [{ host: "10.0.0.1", port: 80 }]],
    ['"[::1]:80"\n', [{ host: "::1", port: 80 }]],
    ['{"host":"fd00::1","port":"80"}', [{ host: "fd00::1", port: 80 }]],
    [
      '{"address":"a.example:443","scheme":"https","weight":"3","priority":1,"version":"2","region":"eu","zone":"z"}',
      [
        {
          host: "a.example",
          port: 443,
          scheme: "https",
          weight: 3,
          priority: 1,
          version: "2",
          locality: { region: "eu", zone: "z" },
        },
      ],
    ],
    [
      '[{"host":"a","port":1,"metadata":{"k":"v","n":1}},"b:2"]',
      [
        { host: "a", port: 1, metadata: { k: "v" } },
        { host: "b", port: 2 },
      ],
    ],
    ["[]", []],
  ])("reads %s", (value, expected) => {
    expect(decode("json", value)).toEqual(expected);
  });

  it.each([
    "",
    "nonsense",
    "{",
    "7",
    '{"host":"a"}',
    '{"host":"a","port":0}',
    '{"host":"a","port":1,"weight":-1}',
    '{"host":"a","port":1,"health":"fine"}',
    "null",
    '["a:1",null]',
  ])("refuses %s", (value) => {
    expect(() => decode("json", value)).toThrow(Error);
  });

  it("reads back every endpoint that is written as JSON", () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
    const endpoint = fc.record(
      {
        host: fc.oneof(fc.ipV4(), fc.domain()),
        port: fc.integer({ min: 1, max: 65_535 }),
        id: word,
        weight: fc.nat(1000),
        priority: fc.nat(9),
        health: fc.constantFrom("healthy", "degraded", "unhealthy", "draining", "starting", "unknown"),
        scheme: fc.constantFrom("http", "https"),
        serverName: word,
        version: word,
        locality: fc.record({ region: word, zone: word }),
        metadata: fc.dictionary(word, word),
      },
      { requiredKeys: ["host", "port"] },
    );
    fc.assert(
      fc.property(fc.array(endpoint, { minLength: 1 }), (endpoints) => {
        expect(decode("json", JSON.stringify(endpoints))).toEqual(endpoints);
      }),
      { seed: 19 },
    );
  });
});

describe("the APISIX codec", () => {
  it.each([
    [
      "172.26.0.7:80",
      ' {"weight": 1, "max_fails": 2, "fail_timeout": 1}',
      { host: "172.26.0.7", port: 80, weight: 1 },
    ],
    ["127.0.0.1:30511", "", { host: "127.0.0.1", port: 30_511 }],
    ["oneteam/hello/127.0.0.1:80", '{"weight": "120"}', { host: "127.0.0.1", port: 80, weight: 120 }],
  ])("reads %s = %s", (key, value, expected) => {
    expect(decode("apisix", value, key)).toEqual([expected]);
  });

  it.each([
    ["nowhere", "{}"],
    ["127.0.0.1:99999", "{}"],
    ["127.0.0.1:80", "{"],
    ["127.0.0.1:80", "[]"],
    ["127.0.0.1:80", '{"weight": "heavy"}'],
  ])("refuses %s = %s", (key, value) => {
    expect(() => decode("apisix", value, key)).toThrow(Error);
  });
});

describe("a tree of keys", () => {
  it("names instances by their keys, and by their address where a key has several", () => {
    const entries = [
      pair("up/web/a", '["h:1","h:2"]'),
      pair("up/web/b", '{"host":"h","port":3,"id":"mine"}'),
    ];
    const ids = (answer: Answer): string[] => answer.snapshot.endpoints.map(({ id }) => id);
    expect(ids(read(entries))).toEqual(["up/web/a#h:1", "up/web/a#h:2", "mine"]);
  });

  it("skips and counts what is bad or there twice, and passes over what is no entry", () => {
    const { snapshot } = read([
      pair("up/web/", null),
      pair("up/web/a", "h:1"),
      pair("up/web/b", null),
      pair("up/web/c", '{"host":"h","port":2,"id":"up/web/a"}'),
      { Key: 7 },
      pair("up/other/x", "h:9"),
    ]);
    expect(snapshot).toMatchObject({ kind: "bound", skipped: 3, revision: "42" });
    expect(snapshot.endpoints).toHaveLength(1);
  });

  it("lets a codec pass over an entry without counting it as bad", () => {
    const codec: ConsulKvCodec = {
      name: "c",
      decode: ({ key }) => (key === "a" ? [{ host: "h", port: 1 }] : undefined),
    };
    const { snapshot } = read([pair("up/web/a", ""), pair("up/web/meta", "")], { codec });
    expect(snapshot.endpoints).toHaveLength(1);
    expect(snapshot.skipped).toBeUndefined();
  });

  it.each([["{"], ['{"a":1}'], ["null"]])("calls an answer that is %s bad data", (body) => {
    const question = new KvQuestion("up/web/", undefined, {
      ...resolveWatch({ url }, "stale"),
      codec: kvCodecs.json,
      weightBase: 1,
    });
    expect(() => question.read({ status: 200, headers: {}, body, pieces: [] })).toThrow(
      /key up\/web\/: Consul's answer is no/,
    );
  });

  it("throws nothing but bad data, whatever an answer holds", () => {
    const value = fc.oneof(fc.json(), fc.string(), fc.constant("127.0.0.1:80"));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), value)),
        fc.constantFrom("json", "apisix"),
        (entries, name) => {
          const listed = entries.map(([key, text]) => pair(`up/web/${key}`, text));
          const codec = name === "json" ? kvCodecs.json : kvCodecs.apisix;
          const { endpoints, trouble } = readOrFail(listed, codec);
          expect(endpoints.every(({ host, port }) => host !== "" && port > 0)).toBe(true);
          expect([undefined, "data"]).toContain(trouble);
        },
      ),
      { seed: 23, numRuns: 300 },
    );
  });

  it("puts the key safely into the path", () => {
    const settings = { ...resolveWatch({ url }, "stale"), codec: kvCodecs.json, weightBase: 1 };
    const path = new KvQuestion("up/a b?c/", "dc2", settings).path({ mode: "stale", index: "7" });
    expect(path).toBe("/v1/kv/up/a%20b%3Fc/?recurse&dc=dc2&stale&index=7&wait=30000ms");
  });
});

describe("the options of the other sources", () => {
  it.each([
    ["prefix", { prefix: "upstreams/" }, /\{service\} in it/],
    ["prefix", { prefix: undefined }, /non-empty/],
    ["codec", { codec: "yaml" }, /json, apisix or an object/],
    ["codec", { codec: { name: "x" } }, /json, apisix or an object/],
    ["mode", { mode: "cached" }, /stale, default, consistent/],
    ["weightBase", { weightBase: 0 }, /from 1/],
    ["datacenter[1]", { datacenter: ["dc1", "dc1"] }, /given once/],
    ["tags", { tags: "blue" }, /absent/],
  ])("name %s, its range and what came: %j", (field, options, message) => {
    expect(() => consulKv({ url, prefix: "{service}/", ...(options as object) })).toThrow(
      expect.objectContaining({
        code: "ERR_PROXYLESS_CONFIG",
        field,
        message: expect.stringMatching(message),
      }),
    );
  });

  it.each([
    ["intervalMs", { intervalMs: 10 }, /from 100 to 600000/],
    ["query", { query: "a/b" }, /without a slash/],
    ["limit", { limit: 0 }, /from 1 to 10000/],
    ["near", { near: "" }, /non-empty/],
    ["datacenter", { datacenter: ["a"] }, /non-empty string/],
    ["waitMs", { waitMs: 1000 }, /absent/],
  ])("name %s of a query: %j", (field, options, message) => {
    expect(() => consulQuery({ url, ...(options as object) })).toThrow(
      expect.objectContaining({
        code: "ERR_PROXYLESS_CONFIG",
        field,
        message: expect.stringMatching(message),
      }),
    );
  });

  it("have keys that tell apart what is answered differently", () => {
    const target = { service: "web" };
    const keys = [
      consulKv({ url, prefix: "a/{service}/" }),
      consulKv({ url, prefix: "b/{service}/" }),
      consulKv({ url, prefix: "a/{service}/", codec: "apisix" }),
      consulKv({ url, prefix: "a/{service}/", datacenter: "dc2" }),
      consulQuery({ url }),
      consulQuery({ url, near: "_agent" }),
      consulQuery({ url, intervalMs: 500 }),
    ].map((source) => source.key(target));
    expect(new Set(keys).size).toBe(keys.length);
    expect(consulKv({ url, prefix: "a/{service}/" }).key(target)).toBe(keys[0]);
  });
});
