import { deflateSync } from "node:zlib";

import type { Endpoint } from "@proxyless/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeEntries } from "../src/health-entry.ts";
import type { EntryReading } from "../src/health-entry.ts";
import { entry } from "./support/fake-consul.ts";

function decode(raw: object, reading: Partial<EntryReading> = {}): Endpoint {
  const decoded = decodeEntries([raw], { weightBase: 1, ...reading });
  const [endpoint] = decoded?.endpoints ?? [];
  if (endpoint === undefined) throw new Error("the entry was skipped");
  return endpoint;
}

function packed(prefix: string, content: string): string {
  return prefix + deflateSync(content).toString("hex");
}

describe("what other frameworks register", () => {
  it("reads a plain registration", () => {
    const raw = entry("web-1", {
      service: {
        Tags: ["blue", "canary"],
        Meta: { version: "1.2.3", team: "a" },
        Weights: { Passing: 3, Warning: 1 },
      },
      node: { Meta: { availability_zone: "eu-1a" } },
    });
    expect(decode(raw)).toEqual({
      id: "dc1/n1/web-1",
      host: "10.0.0.2",
      port: 8080,
      weight: 3,
      priority: 0,
      health: "healthy",
      version: "1.2.3",
      locality: { region: "dc1", zone: "eu-1a" },
      metadata: { version: "1.2.3", team: "a", tags: "blue,canary" },
    });
  });

  it("reads Spring Cloud: secure and zone in the metadata, id app-port", () => {
    const raw = entry("orders-8443", {
      service: { Port: 8443, Meta: { secure: "true", zone: "z1", group: "g" } },
    });
    expect(decode(raw)).toMatchObject({
      id: "dc1/n1/orders-8443",
      scheme: "https",
      locality: { zone: "z1" },
      metadata: { group: "g" },
    });
    expect(decode(entry("a", { service: { Meta: { secure: "false" } } })).scheme).toBe("http");
  });

  it("reads Kratos: the URL in a tagged address, the version in a tag", () => {
    const raw = entry("helloworld", {
      service: {
        Address: "10.1.1.1",
        Port: 9000,
        Tags: ["version=v1.0.0"],
        Meta: { user: "x" },
        TaggedAddresses: {
          grpc: { Address: "grpc://10.1.1.1:9000?isSecure=false", Port: 9000 },
          http: { Address: "http://10.1.1.1:8000?isSecure=false", Port: 8000 },
          lan_ipv4: { Address: "10.1.1.1", Port: 9000 },
        },
      },
    });
    expect(decode(raw)).toMatchObject({
      host: "10.1.1.1",
      port: 8000,
      scheme: "http",
      version: "v1.0.0",
      metadata: { user: "x", version: "v1.0.0" },
    });
  });

  it("reads a secure Kratos URL, and one with an IPv6 address", () => {
    const at = (url: string): Endpoint =>
      decode(entry("k", { service: { TaggedAddresses: { http: { Address: url, Port: 0 } } } }));
    expect(at("http://10.0.0.9:8000?isSecure=true")).toMatchObject({ scheme: "https", port: 8000 });
    expect(at("http://[fd00::9]:8000")).toMatchObject({ host: "fd00::9", scheme: "http" });
  });

  it.each([
    [
      "a Kratos that speaks gRPC alone",
      { grpc: { Address: "grpc://10.1.1.1:9000", Port: 9000 } },
      "10.1.1.1",
    ],
    [
      "one that does over TLS, as old versions wrote it",
      {
        grpc: { Address: "grpc://10.1.1.1:9000?isSecure=true", Port: 9000 },
        lan_ipv4: { Address: "10.1.1.1" },
      },
      "10.1.1.1",
    ],
    ["an address that is such a URL", {}, "grpc://10.1.1.1:9000"],
  ])("leaves out %s, and does not count it", (_, TaggedAddresses, Address) => {
    const raw = entry("helloworld", { service: { Address, Port: 9000, TaggedAddresses } });
    const decoded = decodeEntries([raw, entry("web-1")], { weightBase: 1 });
    expect(decoded?.endpoints.map(({ id }) => id)).toEqual(["dc1/n1/web-1"]);
    expect([decoded?.skipped, decoded?.ignored]).toEqual([0, 1]);
  });

  it("counts a Kratos whose HTTP URL is none, and takes other people's URLs for no more than they are", () => {
    const at = (TaggedAddresses: object): ReturnType<typeof decodeEntries> =>
      decodeEntries([entry("a", { service: { TaggedAddresses } })], { weightBase: 1 });
    expect(at({ http: { Address: "http://", Port: 0 } })?.skipped).toBe(1);
    expect(at({ database: { Address: "postgres://10.0.0.9:5432", Port: 5432 } })?.endpoints).toHaveLength(1);
  });

  it("reads Kitex and Hertz: tags key:value, both weights alike, 10 as normal", () => {
    const raw = entry("svc:10.0.0.5:8888", {
      service: { Tags: ["env:prod", "cluster:a"], Weights: { Passing: 20, Warning: 20 } },
    });
    expect(decode(raw, { weightBase: 10 })).toMatchObject({
      weight: 2,
      metadata: { env: "prod", cluster: "a" },
    });
  });

  it("reads go-micro: version and metadata packed into tags", () => {
    const raw = entry("greeter-1", {
      service: {
        Tags: [
          packed("t-", '{"protocol":"http","__proto__":"x"}'),
          packed("e-", '{"name":"Greeter.Hello"}'),
          packed("v-", "2.1.0"),
          "t-deadbeefdeadbeefdeadbeef",
        ],
      },
    });
    expect(decode(raw)).toMatchObject({ version: "2.1.0", metadata: { protocol: "http" } });
    expect(Object.keys(decode(raw).metadata)).toEqual(["protocol"]);
  });

  it("does not unpack a tag into more than a few kilobytes", () => {
    const raw = entry("bomb", { service: { Tags: [packed("v-", "x".repeat(10_000_000))] } });
    expect(decode(raw).version).toBeUndefined();
  });

  it("reads the scheme from fabio's and Traefik's tags", () => {
    const scheme = (...tags: string[]): unknown => decode(entry("a", { service: { Tags: tags } })).scheme;
    expect(scheme("urlprefix-example.com/ proto=https weight=0.2")).toBe("https");
    expect(scheme("urlprefix-/api proto=http")).toBe("http");
    expect(scheme("urlprefix-/api proto=grpc")).toBeUndefined();
    expect(scheme("traefik.enable=true", "traefik.http.services.a.loadbalancer.server.scheme=https")).toBe(
      "https",
    );
    expect(
      decode(entry("a", { service: { Tags: ["urlprefix-/x", "traefik.enable=true"] } })).metadata,
    ).toEqual({});
  });
});

describe("an entry's health", () => {
  const check = (Status: string, CheckID = "c"): object => ({ CheckID, Status });

  it.each([
    [[check("passing")], "healthy"],
    [[], "healthy"],
    [[check("passing"), check("warning")], "degraded"],
    [[check("warning"), check("critical")], "unhealthy"],
    [[check("critical", "serfHealth")], "unhealthy"],
    [[check("critical"), check("critical", "_node_maintenance")], "draining"],
    [[check("critical", "_service_maintenance:web-1"), check("passing")], "draining"],
    [[check("sideways")], "unknown"],
    [undefined, "unknown"],
  ])("reads %j as %s", (checks, health) => {
    expect(decode({ ...entry("a"), Checks: checks }).health).toBe(health);
  });

  it("chooses the weight that goes with it", () => {
    const service = { Weights: { Passing: 10, Warning: 2 } };
    expect(decode(entry("a", { service, checks: [check("warning")] })).weight).toBe(2);
    expect(decode(entry("a", { service, checks: [check("critical")] })).weight).toBe(10);
    expect(decode(entry("a", { service: { Weights: undefined } })).weight).toBe(1);
  });
});

describe("an entry's place", () => {
  it("falls back to the node's address", () => {
    expect(decode(entry("a", { service: { Address: "" } })).host).toBe("10.0.0.1");
  });

  it("uses the tagged address that is asked for, in either spelling, and the plain one without it", () => {
    const service = {
      TaggedAddresses: { wan: { Address: "1.2.3.4", Port: 80 }, lan: { address: "h.example", port: 81 } },
    };
    expect(decode(entry("a", { service }), { addressTag: "wan" })).toMatchObject({
      host: "1.2.3.4",
      port: 80,
    });
    expect(decode(entry("a", { service }), { addressTag: "lan" })).toMatchObject({
      host: "h.example",
      port: 81,
    });
    expect(decode(entry("a", { service }), { addressTag: "none" })).toMatchObject({ host: "10.0.0.2" });
  });

  it("finds the zone under the key that is given, or where Consul itself puts it", () => {
    const zone = (service: object, zoneKey?: string): unknown =>
      decode(entry("a", { service, node: { Meta: { rack: "r9" } } }), { zoneKey }).locality;
    expect(zone({ Meta: { rack: "r1" } }, "rack")).toEqual({ region: "dc1", zone: "r1" });
    expect(zone({}, "rack")).toEqual({ region: "dc1", zone: "r9" });
    expect(zone({ Locality: { Region: "eu", Zone: "eu-1" } })).toEqual({ region: "eu", zone: "eu-1" });
  });

  it("tells instances with the same id on two nodes, partitions and namespaces apart", () => {
    const ids = [
      entry("a"),
      entry("a", { node: { Node: "n2" } }),
      entry("a", { service: { Namespace: "ns2", Partition: "default" } }),
      entry("a", { service: { Partition: "p2" } }),
    ].map((raw) => decode(raw).id);
    expect(ids).toEqual(["dc1/n1/a", "dc1/n2/a", "dc1/ns2/n1/a", "dc1/p2/n1/a"]);
  });
});

describe("a list with bad entries", () => {
  it.each([
    ["no node", { ...entry("a"), Node: null }],
    ["no id", entry("")],
    ["port 0", entry("a", { service: { Port: 0 } })],
    ["port null", entry("a", { service: { Port: null } })],
    ["a port too high", entry("a", { service: { Port: 70_000 } })],
    ["a host with a path", entry("a", { service: { Address: "evil/../x" } })],
    ["a host with a line break", entry("a", { service: { Address: "a\r\nb" } })],
    ["no address at all", entry("a", { service: { Address: "" }, node: { Address: "" } })],
    ["a repeated identity", entry("good")],
    ["a number", 7],
  ])("skips and counts an entry with %s, and keeps the others", (_, bad) => {
    const decoded = decodeEntries([entry("good"), bad, entry("fine")], { weightBase: 1 });
    expect(decoded?.endpoints.map(({ id }) => id)).toEqual(["dc1/n1/good", "dc1/n1/fine"]);
    expect(decoded?.skipped).toBe(1);
  });

  it("keeps metadata within what an endpoint may carry", () => {
    const Meta = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, "v"]));
    const Tags = Array.from({ length: 50 }, (_, i) => `t${i}=v`).concat("plain");
    expect(Object.keys(decode(entry("a", { service: { Meta, Tags } })).metadata).length).toBeLessThanOrEqual(
      64,
    );
  });

  it("throws at no JSON, and gives only endpoints that have a place", () => {
    const field = fc.oneof(
      fc.json().map((text): unknown => JSON.parse(text)),
      fc.string(),
      fc.integer(),
    );
    const loose = fc.record(
      {
        Node: fc.record(
          { Node: field, Address: field, Datacenter: field, Meta: field },
          { requiredKeys: [] },
        ),
        Service: fc.record(
          {
            ID: field,
            Address: field,
            Port: field,
            Tags: field,
            Meta: field,
            Weights: field,
            TaggedAddresses: field,
          },
          { requiredKeys: [] },
        ),
        Checks: field,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(loose, field)), (list) => {
        const decoded = decodeEntries(list, { weightBase: 1 });
        for (const { host, port, weight } of decoded?.endpoints ?? []) {
          expect(host).not.toBe("");
          expect(port).toBeGreaterThan(0);
          expect(weight).toBeGreaterThanOrEqual(0);
        }
        const { endpoints = [], ignored = 0, skipped = 0 } = decoded ?? {};
        expect(endpoints.length + ignored + skipped).toBe(list.length);
      }),
      { seed: 7, numRuns: 300 },
    );
    expect(decodeEntries({ a: 1 }, { weightBase: 1 })).toBeUndefined();
  });
});
