import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { codecs } from "../src/index.ts";
import type { DecodeContext, InstanceToWrite, ZookeeperCodec } from "../src/index.ts";

const plain: DecodeContext = { service: "orders", endpointName: undefined, weightBase: undefined };
const registeredAt = 1_698_197_224_917;

function decode(
  codec: ZookeeperCodec,
  name: string,
  data: string,
  context: Partial<DecodeContext> = {},
): unknown {
  return codec.decode({ name, data: Buffer.from(data) }, { ...plain, ...context });
}

const springNode =
  '{"name":"cloud-provider-payment","id":"585ddd0b-7d30-4225-afda-758f05b75c8f","address":"192.168.0.106","port":8004,"sslPort":null,"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"application-1","name":"cloud-provider-payment","metadata":{"instance_status":"UP","zone":"z1"}},"registrationTimeUTC":1698197224917,"serviceType":"DYNAMIC","uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},{"value":"port","variable":true}]}}';
const dubboNode =
  '{"name":"provider","id":"169.254.48.63:20880","address":"10.0.0.63","port":20880,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"10.0.0.63:20880","name":"provider","metadata":{"dubbo.endpoints":"[{\\"port\\":20880,\\"protocol\\":\\"dubbo\\"},{\\"port\\":50051,\\"protocol\\":\\"tri\\"}]","dubbo.metadata.revision":"f82a9a864c1312de23931f28cdff177b","dubbo.metadata.storage-type":"local","timestamp":"1674997954786"}},"registrationTimeUTC":1674997956090,"serviceType":"DYNAMIC","uriSpec":null}';
const triName =
  "tri%3A%2F%2F192.168.1.7%3A50051%2Forg.apache.dubbo.demo.TripleService%3Fanyhost%3Dtrue%26application%3Ddemo-provider%26deprecated%3Dfalse%26dubbo%3D2.0.2%26dynamic%3Dtrue%26group%3Dg1%26interface%3Dorg.apache.dubbo.demo.TripleService%26methods%3Dhello%26side%3Dprovider%26timestamp%3D1666705770994%26version%3D1.0.0%26weight%3D200";
const kratosNode =
  '{"id":"h-1","name":"orders","version":"v1","metadata":{"zone":"a"},"endpoints":["grpc://10.0.0.4:9000?isSecure=false","http://10.0.0.4:8000?isSecure=false"]}';
const goMicroNode =
  '{"name":"orders","version":"latest","metadata":null,"endpoints":[{"name":"Orders.Get","request":null}],"nodes":[{"id":"orders-77","address":"10.0.0.5:41231","metadata":{"protocol":"mucp","registry":"zookeeper"}}]}';
const memberNode =
  '{"serviceEndpoint":{"host":"10.0.0.6","port":1000},"additionalEndpoints":{"http":{"host":"10.0.0.6","port":8080}},"status":"ALIVE","shard":42}';

describe("point 24, what other frameworks write", () => {
  it.each<readonly [string, ZookeeperCodec, string, string, object]>([
    [
      "Spring Cloud",
      codecs.springCloud,
      "585ddd0b",
      springNode,
      { id: "585ddd0b", host: "192.168.0.106", port: 8004, health: "healthy", locality: { zone: "z1" } },
    ],
    [
      "Spring Cloud out of service",
      codecs.springCloud,
      "x",
      springNode.replace('"UP"', '"OUT_OF_SERVICE"'),
      { health: "draining" },
    ],
    [
      "Spring Cloud without a status",
      codecs.springCloud,
      "x",
      springNode.replace('"instance_status":"UP",', ""),
      { health: "healthy" },
    ],
    [
      "Spring Cloud over TLS",
      codecs.springCloud,
      "x",
      springNode.replace('"sslPort":null', '"sslPort":8443'),
      { port: 8443, scheme: "https" },
    ],
    [
      "Curator that is not enabled",
      codecs.curator,
      "x",
      springNode.replace(/\}$/, ',"enabled":false}'),
      { health: "draining" },
    ],
    [
      "Curator without a payload",
      codecs.curator,
      "c",
      '{"name":"a","id":"c","address":"db.internal","port":5000,"sslPort":null,"payload":null,"registrationTimeUTC":1,"serviceType":"DYNAMIC","uriSpec":null}',
      { host: "db.internal", port: 5000, metadata: {} },
    ],
    [
      "Curator with a URI written out",
      codecs.curator,
      "c",
      '{"name":"a","id":"c","address":"h","port":null,"sslPort":null,"payload":null,"registrationTimeUTC":1,"serviceType":"STATIC","uriSpec":{"parts":[{"value":"https://h.example:9443","variable":false}]}}',
      { host: "h.example", port: 9443, scheme: "https" },
    ],
    [
      "Curator with a payload of its own",
      codecs.curator,
      "c",
      '{"name":"a","id":"c","address":"h","port":1,"payload":{"@class":"com.example.Details","version":"7","nested":{"a":1}},"serviceType":"PERMANENT"}',
      { version: "7", metadata: { version: "7" } },
    ],
    [
      "Dubbo's applications: the first port that speaks HTTP",
      codecs.dubbo,
      "d",
      dubboNode,
      { host: "10.0.0.63", port: 50051, weight: 1 },
    ],
    [
      "Dubbo's interfaces",
      codecs.dubboInterface,
      triName,
      "",
      {
        id: "tri://192.168.1.7:50051/g1:1.0.0",
        host: "192.168.1.7",
        port: 50051,
        weight: 2,
        version: "1.0.0",
      },
    ],
    [
      "Dubbo's interfaces, disabled",
      codecs.dubboInterface,
      `${triName}%26disabled%3Dtrue`,
      "",
      { health: "draining" },
    ],
    [
      "a serverset's member",
      codecs.serverset,
      "member_0000000001",
      memberNode,
      { id: "member_0000000001", host: "10.0.0.6", port: 1000, health: "healthy", metadata: { shard: "42" } },
    ],
    [
      "a serverset's member that stops",
      codecs.serverset,
      "member_1",
      memberNode.replace("ALIVE", "STOPPING"),
      { health: "draining" },
    ],
    [
      "a serverset's member that starts",
      codecs.serverset,
      "member_1",
      memberNode.replace("ALIVE", "STARTING"),
      { health: "starting" },
    ],
    [
      "a serverset's member that warns",
      codecs.serverset,
      "member_1",
      memberNode.replace("ALIVE", "WARNING"),
      { health: "degraded" },
    ],
    [
      "Kratos: the URL of HTTP",
      codecs.kratos,
      "h-1",
      kratosNode,
      { id: "h-1", host: "10.0.0.4", port: 8000, scheme: "http", version: "v1" },
    ],
    [
      "Kratos over TLS, as it says it in a parameter",
      codecs.kratos,
      "h-1",
      kratosNode.replaceAll("isSecure=false", "isSecure=true"),
      { scheme: "https" },
    ],
    [
      "Kratos over TLS, as it says it in the scheme",
      codecs.kratos,
      "h-1",
      '{"id":"a","name":"b","endpoints":["https://10.0.0.4:8443"]}',
      { scheme: "https", port: 8443 },
    ],
    [
      "go-micro: the address of the node, not its methods",
      codecs.goMicro,
      "orders-77",
      goMicroNode,
      {
        id: "orders-77",
        host: "10.0.0.5",
        port: 41231,
        version: "latest",
        metadata: { protocol: "mucp", registry: "zookeeper" },
      },
    ],
    [
      "go-micro's first version",
      codecs.goMicro,
      "n",
      '{"name":"o","nodes":[{"id":"n","address":"10.0.0.5","port":80}]}',
      { host: "10.0.0.5", port: 80 },
    ],
    [
      "Hertz",
      codecs.hertz,
      "10.0.0.7:8888",
      '{"Weight":20,"Tags":{"cluster":"blue"}}',
      { id: "10.0.0.7:8888", host: "10.0.0.7", port: 8888, weight: 2, metadata: { cluster: "blue" } },
    ],
    [
      "Hertz without weight and tags",
      codecs.hertz,
      "[::1]:8888",
      '{"Weight":0,"Tags":null}',
      { host: "::1", port: 8888, weight: 1 },
    ],
    [
      "go-kit's strings",
      codecs.text,
      "_c_3cfc2c5f7b7c4f9d8e8a-0000000003",
      "10.0.0.8:8080",
      { host: "10.0.0.8", port: 8080 },
    ],
    [
      "go-kit's URLs",
      codecs.text,
      "n",
      "https://orders.internal",
      { host: "orders.internal", port: 443, scheme: "https" },
    ],
    [
      "an address as a name",
      codecs.text,
      "10.0.0.9:80",
      "",
      { id: "10.0.0.9:80", host: "10.0.0.9", port: 80 },
    ],
    [
      "plain JSON",
      codecs.json,
      "n",
      '{"host":"::1","port":81,"scheme":"https","weight":3,"zone":"b","health":"degraded"}',
      { host: "::1", port: 81, scheme: "https", weight: 3, locality: { zone: "b" }, health: "degraded" },
    ],
    [
      "plain JSON with an address",
      codecs.json,
      "n",
      '{"address":"10.0.0.1:82","version":"9"}',
      { host: "10.0.0.1", port: 82, version: "9" },
    ],
  ])("%s", (_, codec, name, data, expected) => {
    expect(decode(codec, name, data)).toEqual([expect.objectContaining(expected)]);
    // Each of them looks like nothing else.
    expect(decode(codecs.auto, name, data)).toEqual([expect.objectContaining(expected)]);
  });

  it("is left out without a fault where it is no instance that HTTP clients could call", () => {
    expect(decode(codecs.dubboInterface, triName.replace("tri", "dubbo"), "")).toBe("ignored");
    expect(decode(codecs.dubbo, "d", dubboNode.replace("tri", "grpc"))).toBe("ignored");
    expect(decode(codecs.serverset, "vector_0000000001", '{"vector":[]}')).toBe("ignored");
    expect(decode(codecs.kratos, "k", '{"endpoints":["grpc://10.0.0.4:9000"]}')).toBe("ignored");
  });

  it("uses the endpoint that was asked for, and a weight base of one's own", () => {
    expect(decode(codecs.serverset, "member_1", memberNode, { endpointName: "http" })).toMatchObject([
      { port: 8080 },
    ]);
    expect(decode(codecs.serverset, "member_1", memberNode, { endpointName: "admin" })).toMatchObject([
      { port: 1000 },
    ]);
    expect(decode(codecs.hertz, "10.0.0.7:1", '{"Weight":20}', { weightBase: 100 })).toMatchObject([
      { weight: 0.2 },
    ]);
  });

  it("weighs the members of a serverset by every rule that selects them", () => {
    const names = ["member_0000000001", "member_0000000002", "member_0000000003"];
    const nodes = names.map((name, i) => {
      const data = Buffer.from(memberNode.replaceAll("10.0.0.6", `10.0.0.${i}`).replace("42", String(i)));
      const endpoints = codecs.serverset.decode({ name, data }, plain);
      return { node: { name, data }, endpoints: Array.isArray(endpoints) ? endpoints : [] };
    });
    const vector = (name: string, rules: unknown): (typeof nodes)[number] => ({
      node: { name, data: Buffer.from(JSON.stringify({ vector: rules })) },
      endpoints: [],
    });
    const arranged = codecs.serverset.arrange?.(
      [
        ...nodes,
        vector("vector_0000000009", [
          { select: "inet=10.0.0.0:1000", weight: 0.5, priority: 1 },
          { select: "member=member_0000000002", weight: 3 },
          { select: "nonsense", weight: 9 },
        ]),
        vector("vector_0000000010", [
          { select: "inet=10.0.0.0:1000", weight: 0.5 },
          { select: "shard=2", weight: 0 },
        ]),
        vector("vector_0000000011", "none"),
      ],
      plain,
    );
    expect(arranged?.map(({ weight }) => weight)).toEqual([0.25, 3, 0]);
  });
});

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

describe("what is written", () => {
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
      "dubbo",
      "10.0.0.1:8080",
      '{"name":"orders","id":"10.0.0.1:8080","address":"10.0.0.1","port":8080,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"10.0.0.1:8080","name":"orders","metadata":{"dubbo.endpoints":"[{\\"port\\":8080,\\"protocol\\":\\"rest\\"}]","dubbo.metadata.storage-type":"local"}},"registrationTimeUTC":1698197224917,"serviceType":"DYNAMIC","uriSpec":null}',
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
      Object.entries(codecs).map(([name, codec]) => [
        name,
        all.map((status) => read(codec, status)).join(" "),
      ]),
    );
    expect(table).toEqual({
      auto: "starting healthy healthy unhealthy draining",
      springCloud: "starting healthy healthy unhealthy draining",
      curator: "draining healthy healthy draining draining",
      serverset: "starting healthy degraded unhealthy draining",
      json: "starting healthy degraded unhealthy draining",
      dubbo: "- healthy healthy - -",
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
    dubbo: ["zone", "weight"],
    dubboInterface: ["zone"],
    serverset: ["weight", "scheme"],
    goMicro: ["scheme"],
    hertz: ["scheme"],
  };

  it.each(Object.entries(codecs))("is read back as it was, as %s", (name, codec) => {
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
