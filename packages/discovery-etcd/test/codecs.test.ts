import type { Endpoint, Health } from "@proxyless/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { codecs } from "../src/index.ts";
import type { EtcdCodec, EtcdRegistration } from "../src/index.ts";

const reading = { service: "orders" };

function decode(codec: EtcdCodec, value: string | Uint8Array, more = {}): readonly Endpoint[] | "skip" {
  return codec.decode("k", Buffer.from(value), { ...reading, ...more });
}

/** What each framework writes, byte for byte, and what it means. */
const golden: readonly (readonly [string, EtcdCodec, string, Partial<Endpoint>])[] = [
  [
    "etcd's naming/endpoints",
    codecs.grpcNaming,
    '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":null}',
    { host: "10.0.0.1", port: 8080, health: "healthy", weight: 1 },
  ],
  [
    "etcd's naming/endpoints with metadata",
    codecs.grpcNaming,
    '{"Op":0,"Addr":"[2001:db8::1]:8080","Metadata":{"zone":"b","weight":3,"nested":{"a":1}}}',
    {
      host: "2001:db8::1",
      port: 8080,
      weight: 3,
      locality: { zone: "b" },
      metadata: { zone: "b", weight: "3" },
    },
  ],
  [
    "Kratos",
    codecs.kratos,
    '{"id":"orders-1","name":"orders","version":"v1.2","metadata":{"weight":"200"},"endpoints":["grpc://10.0.0.1:9000?isSecure=false","http://10.0.0.1:8000?isSecure=false"]}',
    { host: "10.0.0.1", port: 8000, scheme: "http", version: "v1.2", weight: 2 },
  ],
  [
    "Kratos without metadata, over TLS",
    codecs.kratos,
    '{"id":"orders-1","name":"orders","version":"","metadata":null,"endpoints":["https://orders.internal:8443"]}',
    { host: "orders.internal", port: 8443, scheme: "https", weight: 1 },
  ],
  [
    "Kratos before it had https://",
    codecs.kratos,
    '{"id":"orders-1","name":"orders","version":"","metadata":{},"endpoints":["http://10.0.0.1:8000?isSecure=true"]}',
    { scheme: "https", port: 8000 },
  ],
  [
    "go-micro",
    codecs.goMicro,
    '{"name":"orders","version":"latest","metadata":null,"endpoints":[{"name":"Orders.Get","request":null,"response":null,"metadata":{}}],"nodes":[{"metadata":{"protocol":"http","zone":"a"},"id":"orders-9f","address":"10.0.0.1:8080"}]}',
    { id: "k", host: "10.0.0.1", port: 8080, version: "latest", locality: { zone: "a" } },
  ],
  [
    "go-micro before version 2",
    codecs.goMicro,
    '{"name":"orders","version":"1","metadata":null,"endpoints":[],"nodes":[{"id":"orders-9f","address":"10.0.0.1","port":8080,"metadata":{}}]}',
    { host: "10.0.0.1", port: 8080 },
  ],
  ["go-zero", codecs.goZero, "10.0.0.1:8080", { host: "10.0.0.1", port: 8080, weight: 1 }],
  [
    "Kitex",
    codecs.kitex,
    '{"network":"tcp","address":"10.0.0.1:8888","weight":20,"tags":{"version":"3","zone":"c"}}',
    { host: "10.0.0.1", port: 8888, weight: 2, version: "3", locality: { zone: "c" } },
  ],
  [
    "Kitex with no weight",
    codecs.kitex,
    '{"network":"tcp","address":"10.0.0.1:8888","weight":0,"tags":null}',
    { weight: 1 },
  ],
  [
    "Hertz",
    codecs.hertz,
    '{"network":"tcp","address":"10.0.0.1:8888","weight":10,"tags":{}}',
    { host: "10.0.0.1", port: 8888, weight: 1 },
  ],
  [
    "plain JSON",
    codecs.plain,
    '{"host":"10.0.0.1","port":8080,"weight":0.5,"health":"draining","zone":"a","region":"r","version":"2","scheme":"https","priority":1,"metadata":{"rack":"7"}}',
    {
      weight: 0.5,
      health: "draining",
      locality: { region: "r", zone: "a" },
      version: "2",
      scheme: "https",
      priority: 1,
      metadata: { rack: "7" },
    },
  ],
  [
    "plain JSON with an address",
    codecs.plain,
    '{"address":"10.0.0.1:8080"}',
    { host: "10.0.0.1", port: 8080 },
  ],
  [
    "CoreDNS and SkyDNS",
    codecs.plain,
    '{"host":"10.0.0.1","port":8080,"priority":10,"weight":100,"ttl":60}',
    { host: "10.0.0.1", port: 8080, priority: 10, weight: 100 },
  ],
];

describe("what others write", () => {
  it.each(golden)("as %s is read, by its own codec and by auto", (_, codec, value, expected) => {
    for (const one of [codec, codecs.auto]) {
      const read = decode(one, value);
      expect(read).toHaveLength(1);
      expect(read[0]).toMatchObject(expected);
    }
  });

  it("as go-kit is a URL or an address, and read by auto", () => {
    expect(decode(codecs.auto, "https://orders.internal")).toMatchObject([
      { host: "orders.internal", port: 443, scheme: "https" },
    ]);
    expect(decode(codecs.auto, "10.0.0.1:80\n")).toMatchObject([{ host: "10.0.0.1", port: 80 }]);
  });

  it("for another service is nobody of this one", () => {
    const kratos = '{"id":"x","name":"orders-v2","endpoints":["http://10.0.0.1:8000"]}';
    const goMicro = '{"name":"orders-v2","nodes":[{"id":"x","address":"10.0.0.1:80"}]}';
    expect(decode(codecs.auto, kratos)).toEqual([]);
    expect(decode(codecs.auto, goMicro)).toEqual([]);
  });

  it("as a deletion or without an address is nobody, as etcd's own reader has it", () => {
    expect(decode(codecs.auto, '{"Op":1,"Addr":"10.0.0.1:80","Metadata":null}')).toEqual([]);
    expect(decode(codecs.auto, '{"Op":0,"Addr":"","Metadata":{"service_config":"{}"}}')).toEqual([]);
  });

  it("of several nodes in one value is several endpoints with ids of their own", () => {
    const nodes = [1, 2].map((n) => ({ id: `n${n}`, address: `10.0.0.${n}:80` }));
    const read = decode(codecs.goMicro, JSON.stringify({ name: "orders", nodes: [...nodes, { id: "n3" }] }));
    expect(read).toMatchObject([{ id: "k#n1" }, { id: "k#n2" }]);
  });

  it.each([
    '{"id":"helloworld-9b","name":"orders","version":"v1.2.0","metadata":{"zone":"a"},"endpoints":["grpc://10.0.0.1:9000?isSecure=false"]}',
    '{"id":"helloworld-9b","name":"orders","version":"","metadata":null,"endpoints":["grpcs://[fd00::1]:9000","ws://10.0.0.1:81"]}',
    '{"Op":0,"Addr":"unix:///run/orders.sock","Metadata":null}',
    '{"name":"orders","nodes":[{"id":"n1","address":"grpc://10.0.0.1:9000"}]}',
    '{"network":"tcp","address":"grpc://10.0.0.1:9000","weight":10}',
    '{"url":"grpc://10.0.0.1:9000"}',
    "grpc://10.0.0.1:80",
  ])("%s is somebody, though nobody that HTTP clients could call", (value) => {
    expect(decode(codecs.auto, value)).toEqual([]);
  });

  it("weighs by the base that one gives, instead of the format's own", () => {
    const value = '{"network":"tcp","address":"10.0.0.1:8888","weight":20,"tags":{}}';
    expect(decode(codecs.auto, value, { weightBase: 20 })).toMatchObject([{ weight: 1 }]);
  });

  it.each([
    "",
    "nonsense",
    "10.0.0.1",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "http://",
    "grpc://",
    "{",
    "{}",
    "[1]",
    "null",
    '{"Op":0,"Addr":7}',
    '{"id":"x","name":"orders","endpoints":[]}',
    '{"id":"x","name":"orders","endpoints":["grpc://10.0.0.1:9000","10.0.0.1:80"]}',
    '{"id":"x","name":"orders","endpoints":["grpc://10.0.0.1:9000",7]}',
    '{"name":"orders","nodes":[]}',
    '{"network":"tcp","address":"nowhere"}',
    '{"host":"10.0.0.1"}',
    '{"host":"10.0.0.1","port":"80"}',
    Buffer.from([0xff, 0xfe, 0x00]),
  ])("%j makes no sense", (value) => {
    expect(decode(codecs.auto, value)).toBe("skip");
  });

  it("can be any bytes at all without an exception", () => {
    expect.hasAssertions();
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record({ Op: fc.jsonValue(), Addr: fc.jsonValue(), Metadata: fc.jsonValue() })
        .map((v) => JSON.stringify(v)),
      fc
        .record({ name: fc.jsonValue(), nodes: fc.array(fc.jsonValue()), endpoints: fc.jsonValue() })
        .map((v) => JSON.stringify(v)),
      fc
        .record({ network: fc.string(), address: fc.jsonValue(), tags: fc.jsonValue() })
        .map((v) => JSON.stringify(v)),
    );
    fc.assert(
      fc.property(fc.oneof(text, fc.uint8Array()), (value) => {
        for (const codec of Object.values(codecs)) {
          const read = decode(codec, value);
          const ports = read === "skip" ? [] : read.map(({ port }) => port);
          expect(ports.every((port) => port > 0 && port < 65_536)).toBe(true);
        }
      }),
      { seed: 20_261_120, numRuns: 500 },
    );
  });
});

const instance: EtcdRegistration = {
  service: "orders",
  id: "orders-1",
  host: "10.0.0.1",
  port: 8080,
  scheme: "http",
  weight: 1,
  version: undefined,
  zone: undefined,
  metadata: {},
  health: "healthy",
};
const full: EtcdRegistration = {
  ...instance,
  scheme: "https",
  weight: 3,
  version: "2.1",
  zone: "b",
  metadata: { rack: "7" },
};

describe("what is written", () => {
  it.each([
    [codecs.grpcNaming, instance, "orders-1", '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":null}'],
    [
      codecs.grpcNaming,
      full,
      "orders-1",
      '{"Op":0,"Addr":"10.0.0.1:8080","Metadata":{"rack":"7","version":"2.1","zone":"b","scheme":"https","weight":"3"}}',
    ],
    [
      codecs.kratos,
      instance,
      "orders-1",
      '{"id":"orders-1","name":"orders","version":"","metadata":{},"endpoints":["http://10.0.0.1:8080?isSecure=false"]}',
    ],
    [
      codecs.kratos,
      full,
      "orders-1",
      '{"id":"orders-1","name":"orders","version":"2.1","metadata":{"rack":"7","zone":"b","weight":"300"},"endpoints":["https://10.0.0.1:8080?isSecure=true"]}',
    ],
    [
      codecs.goMicro,
      { ...instance, id: "a/b" },
      "a-b",
      '{"name":"orders","version":"","metadata":null,"endpoints":[],"nodes":[{"id":"a/b","address":"10.0.0.1:8080","metadata":{}}]}',
    ],
    [codecs.goZero, full, "229346057500168498", "10.0.0.1:8080"],
    [
      codecs.kitex,
      full,
      "10.0.0.1:8080",
      '{"network":"tcp","address":"10.0.0.1:8080","weight":30,"tags":{"rack":"7","version":"2.1","zone":"b","scheme":"https"}}',
    ],
    [
      codecs.hertz,
      instance,
      "10.0.0.1:8080",
      '{"network":"tcp","address":"10.0.0.1:8080","weight":10,"tags":{}}',
    ],
    [
      codecs.plain,
      full,
      "orders-1",
      '{"host":"10.0.0.1","port":8080,"scheme":"https","weight":3,"version":"2.1","zone":"b","health":"healthy","metadata":{"rack":"7"}}',
    ],
  ])("by $name is exactly what its readers expect", (codec, given, key, value) => {
    expect(codec.encode?.(given)).toEqual({ key, value });
  });

  it("stands where each framework looks", () => {
    const bases = Object.values(codecs).map(({ name, base }) => [name, base]);
    expect(Object.fromEntries(bases)).toEqual({
      auto: "",
      grpcNaming: "",
      kratos: "/microservices/",
      goMicro: "/micro/registry/",
      goZero: "",
      kitex: "kitex/registry-etcd/",
      hertz: "hertz/registry-etcd/",
      plain: "",
    });
    expect(codecs.goMicro.folder?.("shop/orders")).toBe("shop-orders");
  });

  it("says again what it was told, in every format that has room for it", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9_.-]{1,20}$/).filter((one) => one !== "__proto__");
    const healths: readonly Health[] = ["healthy", "degraded", "unhealthy", "draining", "starting"];
    const registrations = fc.record({
      service: fc.constant("orders"),
      id: word,
      host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
      port: fc.integer({ min: 1, max: 65_535 }),
      scheme: fc.constantFrom("http" as const, "https" as const),
      weight: fc.integer({ min: 1, max: 1000 }),
      version: fc.option(word, { nil: undefined }),
      zone: fc.option(word, { nil: undefined }),
      metadata: fc.dictionary(
        word.map((key) => `x-${key}`),
        fc.string({ maxLength: 20 }),
      ),
      health: fc.constantFrom(...healths),
    });
    const withRoom = [
      codecs.grpcNaming,
      codecs.kratos,
      codecs.goMicro,
      codecs.kitex,
      codecs.hertz,
      codecs.plain,
    ];
    fc.assert(
      fc.property(registrations, fc.constantFrom(...withRoom), (said, codec) => {
        const written = codec.encode?.(said);
        const read = decode(codec, written?.value ?? "");
        const plainHost = said.host.replace(/^\[|\]$/g, "");
        expect(read).toHaveLength(1);
        expect(read).toEqual(decode(codecs.auto, written?.value ?? ""));
        expect(read[0]).toMatchObject({
          port: said.port,
          weight: said.weight,
          health: said.health,
          metadata: said.metadata,
          ...(said.version === undefined ? {} : { version: said.version }),
          ...(said.zone === undefined ? {} : { locality: { zone: said.zone } }),
          ...(said.scheme === "https" ? { scheme: "https" } : {}),
        });
        // A URL writes hosts in lower case and IPv6 in its short form.
        const same = (host: string): string =>
          new URL(`http://${host.includes(":") ? `[${host}]` : host}`).host;
        const [first] = read === "skip" ? [] : read;
        expect(same(first?.host ?? "")).toBe(same(plainHost));
      }),
      { seed: 20_261_120, numRuns: 300 },
    );
  });
});
