import { SourceError, workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decodeHosts } from "../src/host-entry.ts";
import type { HostReading } from "../src/host-entry.ts";
import { readList } from "../src/list-answer.ts";

const usual: HostReading = { service: "a", weightBase: 1, isProtected: false };

/** One instance, as raw JSON text, in an answer of the older API. */
function one(fields: string, reading: Partial<HostReading> = {}): unknown {
  const answer = workAtOnce(readList("service a", `{"hosts":[{${fields}}]}`));
  return workAtOnce(decodeHosts(answer?.hosts ?? [], { ...usual, ...reading })).endpoints[0];
}

const at = '"ip":"10.0.0.1","port":80,"healthy":true';

describe("a list of instances", () => {
  it("is read from the newer API, which tells nothing but the list", () => {
    const answer = workAtOnce(readList("a", '{"code":0,"message":"success","data":[{"ip":"10.0.0.1"}]}'));
    expect(answer).toEqual({
      hosts: [{ ip: "10.0.0.1" }],
      cacheMillis: undefined,
      lastRefTime: undefined,
      isProtected: false,
    });
  });

  it("is read from the older API, with its age and whether it is protected", () => {
    const answer = workAtOnce(
      readList(
        "a",
        '{"name":"G@@a","hosts":[],"cacheMillis":3000,"lastRefTime":17,"reachProtectionThreshold":true,"valid":true}',
      ),
    );
    expect(answer).toEqual({ hosts: [], cacheMillis: 3000, lastRefTime: 17, isProtected: true });
  });

  it("is an error when its code says so", () => {
    expect(
      workAtOnce(readList("a", '{"code":22001,"message":"namespace not exist","data":null}')),
    ).toBeUndefined();
  });

  it.each([
    ["no JSON", "caused: unknown", "is no JSON"],
    ["a cut-off answer", '{"hosts":[{"ip"', "is no JSON"],
    ["no list", '{"code":0,"data":"ok"}', "has no list"],
    ["another JSON", '{"hello":1}', "has no list"],
  ])("is refused as data when it is %s", (_, body, message) => {
    expect(() => workAtOnce(readList("a", body))).toThrow(SourceError);
    expect(() => workAtOnce(readList("a", body))).toThrow(message);
  });
});

describe("an instance", () => {
  it("is read as Nacos writes it", () => {
    expect(
      one(
        '"instanceId":"10.0.0.1#80#HZ#G@@a","ip":"10.0.0.1","port":80,"weight":2.5,"healthy":true,"enabled":true,' +
          '"ephemeral":true,"clusterName":"HZ","serviceName":"G@@a","metadata":{"version":"2","secure":"true"}',
      ),
    ).toEqual({
      id: "10.0.0.1#80#HZ#G@@a",
      host: "10.0.0.1",
      port: 80,
      scheme: "https",
      weight: 2.5,
      priority: 0,
      health: "healthy",
      locality: { zone: "HZ" },
      version: "2",
      metadata: { version: "2", secure: "true" },
    });
  });

  it("is told apart by address and cluster where it has no id", () => {
    expect(one(at)).toMatchObject({ id: "10.0.0.1#80#DEFAULT" });
    expect(one(`${at},"clusterName":"HZ"`)).toMatchObject({ id: "10.0.0.1#80#HZ" });
  });

  it.each([
    ['"healthy":true', "healthy"],
    ['"healthy":false', "unhealthy"],
    ['"healthy":true,"enabled":false', "draining"],
    ['"healthy":false,"enabled":false', "draining"],
    ['"valid":true', "healthy"],
    ['"valid":false', "unhealthy"],
    ['"x":1', "unknown"],
  ])("with %s is %s", (fields, health) => {
    expect(one(`"ip":"10.0.0.1","port":80,${fields}`)).toMatchObject({ health });
  });

  it("is of unknown health where the server protects its service by calling everyone healthy", () => {
    expect(one(at, { isProtected: true })).toMatchObject({ health: "unknown" });
  });

  it("has a weight in proportion to what is normal; what is none counts as 1", () => {
    expect(one(`${at},"weight":50.5`, { weightBase: 100 })).toMatchObject({ weight: 0.505 });
    expect(one(`${at},"weight":0`)).toMatchObject({ weight: 0 });
    for (const weight of ["-1", '"2"', "null", "1e999"]) {
      expect(one(`${at},"weight":${weight}`)).toMatchObject({ weight: 1 });
    }
  });

  it("has the zone of its metadata, else of its cluster", () => {
    expect(one(`${at},"clusterName":"HZ","metadata":{"zone":"z","region":"r"}`)).toMatchObject({
      locality: { zone: "z", region: "r" },
    });
    expect(one(`${at},"clusterName":"DEFAULT"`)).not.toHaveProperty("locality");
  });

  it("has what Kratos and Spring Cloud write in its metadata", () => {
    const metadata =
      '{"kind":"http","version":"v1","preserved.register.source":"SPRING_CLOUD","management.port":8081,"ok":true,"x":null}';
    expect(one(`${at},"metadata":${metadata}`)).toMatchObject({
      version: "v1",
      metadata: {
        kind: "http",
        "preserved.register.source": "SPRING_CLOUD",
        "management.port": "8081",
        ok: "true",
      },
    });
  });

  /** What Kratos registers for one door of a service, under the name of that service and `.` and the scheme. */
  const door = (kind: string): string =>
    `"instanceId":"","ip":"10.0.0.1","port":8443,"weight":100,"healthy":true,"enabled":true,"ephemeral":true,"clusterName":"DEFAULT","serviceName":"DEFAULT_GROUP@@orders.${kind}","metadata":{"kind":"${kind}","version":"v1.2.0"}`;

  it.each(["http", "https"])("of Kratos is an %s door where its service is called so", (kind) => {
    expect(one(door(kind), { service: `orders.${kind}` })).toMatchObject({ scheme: kind, version: "v1.2.0" });
    // Somebody else's word, whatever it is.
    expect(one(door(kind), { service: "orders" })).not.toHaveProperty("scheme");
  });

  it.each(["grpc", "grpcs", "ws"])("of Kratos that speaks %s is left out, and not counted", (kind) => {
    const answer = workAtOnce(readList("a", `{"hosts":[{${door(kind)}}]}`));
    const read = (service: string): ReturnType<typeof decodeHosts> =>
      decodeHosts(answer?.hosts ?? [], { ...usual, service });
    expect(workAtOnce(read(`orders.${kind}`))).toEqual({ endpoints: [], skipped: 0 });
    expect(workAtOnce(read("orders")).endpoints).toHaveLength(1);
  });

  it.each([
    '"port":80',
    '"ip":"","port":80',
    '"ip":"a b","port":80',
    '"ip":"a","port":0',
    '"ip":"a","port":65536',
  ])("without an address is left out and counted: %s", (fields) => {
    const answer = workAtOnce(readList("a", `{"hosts":[{${fields}},7,null,{${at}},{${at}}]}`));
    const { endpoints, skipped } = workAtOnce(decodeHosts(answer?.hosts ?? [], usual));
    expect(endpoints).toHaveLength(1);
    expect(skipped).toBe(4);
  });
});

describe("any JSON at all", () => {
  it("is read, or refused as data, and never anything else", () => {
    const host = fc.record(
      {
        instanceId: fc.jsonValue(),
        ip: fc.oneof(fc.ipV4(), fc.ipV6(), fc.jsonValue()),
        port: fc.oneof(fc.integer(), fc.jsonValue()),
        weight: fc.oneof(fc.double(), fc.jsonValue()),
        healthy: fc.jsonValue(),
        metadata: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const list = fc.oneof(fc.array(fc.oneof(host, fc.jsonValue())), fc.jsonValue());
    fc.assert(
      fc.property(list, fc.boolean(), (hosts, isWrapped) => {
        try {
          const body = JSON.stringify(isWrapped ? { code: 0, data: hosts } : { hosts });
          const answer = workAtOnce(readList("a", body));
          const { endpoints, skipped } = workAtOnce(decodeHosts(answer?.hosts ?? [], usual));
          expect(endpoints.length + skipped).toBe(answer?.hosts.length ?? 0);
          for (const { port, weight } of endpoints) {
            expect(port).toBeGreaterThan(0);
            expect(weight).toBeGreaterThanOrEqual(0);
          }
        } catch (error) {
          if (!(error instanceof SourceError) || error.class !== "data") throw error;
        }
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});
