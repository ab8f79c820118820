import { describe, expect, it } from "vitest";

import { codecs } from "../src/index.ts";
import type { ZookeeperCodec } from "../src/index.ts";
import {
  decode,
  dubboNode,
  goMicroNode,
  kratosNode,
  memberNode,
  plain,
  springNode,
  triName,
} from "./support/written-nodes.ts";

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
  });

  it.each([
    '{"id":"h-1","name":"orders","version":"v1","metadata":{"zone":"a"},"endpoints":["grpc://10.0.0.4:9000?isSecure=false"]}',
    '{"id":"h-1","name":"orders","version":"","metadata":null,"endpoints":["grpcs://[fd00::1]:9000","ws://10.0.0.4:81"]}',
    '{"name":"orders","nodes":[{"id":"n1","address":"grpc://10.0.0.4:9000"}]}',
    '{"host":"grpc://10.0.0.4:9000"}',
    "grpc://10.0.0.4:9000",
  ])("is left out without a fault where it has URLs, and none of HTTP: %s", (data) => {
    expect(decode(codecs.auto, "k", data)).toBe("ignored");
  });

  it.each([
    '{"endpoints":[]}',
    '{"endpoints":["nonsense"]}',
    '{"endpoints":["grpc://10.0.0.4:9000",7]}',
    '{"nodes":[{"id":"n1"}]}',
    '{"host":"nowhere"}',
  ])("makes no sense where it has neither: %s", (data) => {
    expect(decode(codecs.auto, "k", data)).toBeUndefined();
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
