import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { codecs } from "../src/index.ts";
import type { InstanceToWrite, ZookeeperCodec } from "../src/index.ts";
import {
  decode,
  dubboNode,
  goMicroNode,
  kratosNode,
  memberNode,
  springNode,
  triName,
} from "./support/written-nodes.ts";

const registeredAt = 1_698_197_224_917;
const instance: InstanceToWrite = {
  service: "orders",
  id: "orders-a-8080",
  host: "10.0.0.1",
  port: 8080,
  scheme: "http",
  weight: 1,
  version: undefined,
  zone: undefined,
  metadata: {},
  status: "up",
  registeredAt,
};

/** Those that are not only read. */
const writing = Object.entries(codecs).filter(([, codec]) => "encode" in codec);

describe("what is written", () => {
  it("is nothing that nobody would read", () => {
    expect(Object.keys(codecs).filter((name) => !writing.some(([each]) => each === name))).toEqual(["dubbo"]);
  });

  const spec =
    '"uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},{"value":"port","variable":true}]}';
  it.each<readonly [keyof typeof codecs, string, string]>([
    [
      "springCloud",
      "orders-a-8080",
      `{"name":"orders","id":"orders-a-8080","address":"10.0.0.1","port":8080,"sslPort":null,"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"orders-a-8080","name":"orders","metadata":{"instance_status":"UP"}},"registrationTimeUTC":1698197224917,"serviceType":"DYNAMIC",${spec}}`,
    ],
    [
      "curator",
      "orders-a-8080",
      `{"name":"orders","id":"orders-a-8080","address":"10.0.0.1","port":8080,"sslPort":null,"payload":null,"registrationTimeUTC":1698197224917,"serviceType":"DYNAMIC",${spec}}`,
    ],
    [
      "dubboInterface",
      "rest%3A%2F%2F10.0.0.1%3A8080%2Forders%3Fapplication%3Dorders%26category%3Dproviders%26dubbo%3D2.0.2%26dynamic%3Dtrue%26interface%3Dorders%26side%3Dprovider%26timestamp%3D1698197224917",
      "10.0.0.1",
    ],
    [
      "serverset",
      "member_",
      '{"serviceEndpoint":{"host":"10.0.0.1","port":8080},"additionalEndpoints":{"http":{"host":"10.0.0.1","port":8080}},"status":"ALIVE"}',
    ],
    [
      "kratos",
      "orders-a-8080",
      '{"id":"orders-a-8080","name":"orders","version":"","metadata":{},"endpoints":["http://10.0.0.1:8080"]}',
    ],
    [
      "goMicro",
      "orders-a-8080",
      '{"name":"orders","version":"","metadata":null,"endpoints":[],"nodes":[{"id":"orders-a-8080","address":"10.0.0.1:8080","metadata":{}}]}',
    ],
    ["hertz", "10.0.0.1:8080", '{"Weight":10,"Tags":{}}'],
    ["text", "orders-a-8080", "10.0.0.1:8080"],
    [
      "json",
      "orders-a-8080",
      '{"host":"10.0.0.1","port":8080,"scheme":"http","weight":1,"health":"healthy","metadata":{}}',
    ],
  ])("for %s is what that framework would write itself", (name, node, data) => {
    expect(codecs[name].encode?.(instance)).toEqual({
      name: node,
      data,
      ...(name === "serverset" ? { isSequential: true } : {}),
    });
  });

  it("says what the format can say of a status, and lists nothing where it has no word for leaving", () => {
    const read = (codec: ZookeeperCodec, status: InstanceToWrite["status"]): string => {
      const written = codec.encode?.({ ...instance, status });
      if (written === undefined) return "-";
      const decoded = decode(
        codec,
        written.isSequential === true ? `${written.name}1` : written.name,
        written.data,
      );
      return Array.isArray(decoded) ? String(decoded[0]?.health) : "unread";
    };
    const all = ["starting", "up", "degraded", "down", "out-of-service"] as const;
    const table = Object.fromEntries(
      writing.map(([name, codec]) => [name, all.map((status) => read(codec, status)).join(" ")]),
    );
    expect(table).toEqual({
      auto: "starting healthy healthy unhealthy draining",
      springCloud: "starting healthy healthy unhealthy draining",
      curator: "draining healthy healthy draining draining",
      serverset: "starting healthy degraded unhealthy draining",
      json: "starting healthy degraded unhealthy draining",
      dubboInterface: "- healthy healthy - -",
      kratos: "- healthy healthy - -",
      goMicro: "- healthy healthy - -",
      hertz: "- healthy healthy - -",
      text: "- healthy healthy - -",
    });
  });

  const word = fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/);
  const anyInstance = fc.record({
    service: word,
    id: word,
    host: fc.oneof(
      fc.ipV4().filter((ip) => !ip.startsWith("0")),
      fc.constant("fd00::1"),
      fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z](\.[a-z]{2,5})?$/),
    ),
    port: fc.integer({ min: 1, max: 65_535 }),
    scheme: fc.constantFrom("http", "https"),
    weight: fc.integer({ min: 1, max: 50 }),
    version: fc.option(word, { nil: undefined }),
    zone: fc.option(word, { nil: undefined }),
    metadata: fc.dictionary(
      word.map((key) => `m-${key}`),
      fc.string({ maxLength: 30 }),
      { maxKeys: 4 },
    ),
    status: fc.constant("up" as const),
    registeredAt: fc.constant(registeredAt),
  });
  /** What a format has no place for. */
  const lost: Readonly<Record<string, readonly string[]>> = {
    curator: ["version", "zone", "weight", "metadata"],
    text: ["version", "zone", "weight", "metadata"],
    dubboInterface: ["zone"],
    serverset: ["weight", "scheme"],
    goMicro: ["scheme"],
    hertz: ["scheme"],
  };

  it.each(writing)("is read back as it was, as %s", (name, codec) => {
    fc.assert(
      fc.property(anyInstance, (given) => {
        const written = codec.encode?.(given);
        if (written === undefined) throw new Error("nothing was written");
        const read = decode(
          codec,
          written.isSequential === true ? `${written.name}0000000001` : written.name,
          written.data,
        );
        const [endpoint] = Array.isArray(read) ? read : [];
        const misses = lost[name] ?? [];
        const has = (field: string): boolean => !misses.includes(field);
        expect(endpoint).toMatchObject({
          port: given.port,
          ...(has("weight") ? { weight: given.weight } : {}),
          ...(has("version") && given.version !== undefined ? { version: given.version } : {}),
          ...(has("zone") && given.zone !== undefined ? { locality: { zone: given.zone } } : {}),
          ...(has("metadata") ? { metadata: given.metadata } : {}),
          ...(has("scheme") && given.scheme === "https" ? { scheme: "https" } : {}),
        });
        expect(endpoint.host.replaceAll(/[[\]]/g, "")).toBe(given.host);
      }),
      { seed: 20_260_422, numRuns: 200 },
    );
  });

  it.each(Object.entries(codecs))("and nonsense is no endpoint and no exception, as %s", (_, codec) => {
    const near = fc.constantFrom(
      springNode,
      dubboNode,
      kratosNode,
      goMicroNode,
      memberNode,
      '{"Weight":1,"Tags":{}}',
    );
    const cut = fc.tuple(near, fc.nat(600)).map(([text, at]) => text.slice(0, at));
    const anyData = fc.oneof(fc.string({ unit: "binary" }), fc.json().map(String), cut);
    const anyName = fc.oneof(
      fc.string(),
      fc.constantFrom(triName, "member_1", "vector_1", "10.0.0.1:80", "a%3A%2F%2F%"),
    );
    fc.assert(
      fc.property(anyName, anyData, (name, data) => {
        const read = decode(codec, name, data);
        const isList = Array.isArray(read);
        expect(isList || read === "ignored" || read === undefined).toBe(true);
        for (const { host, port, weight } of isList ? read : []) {
          expect(host).toMatch(/^[^\s/]+$/);
          expect(Number.isInteger(port) && port >= 1 && port <= 65_535).toBe(true);
          expect(weight).toBeGreaterThanOrEqual(0);
        }
      }),
      { seed: 20_260_423, numRuns: 300 },
    );
  });
});
