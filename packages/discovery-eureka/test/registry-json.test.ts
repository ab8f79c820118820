import { SourceError, workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { InstanceReading } from "../src/instance-record.ts";
import { readRegistry } from "../src/registry-json.ts";
import type { RegistryAnswer } from "../src/registry-json.ts";

const usual: InstanceReading = { preferIp: true, secure: "auto", weightBase: 1 };

function read(body: string, reading: Partial<InstanceReading> = {}): RegistryAnswer {
  return workAtOnce(readRegistry("service a", body, { ...usual, ...reading }));
}

/** One instance, as raw JSON text, in the answer of `/apps/A`. */
function one(fields: string, reading: Partial<InstanceReading> = {}): unknown {
  const answer = read(`{"application":{"name":"A","instance":[{"instanceId":"i",${fields}}]}}`, reading);
  return answer.records[0]?.endpoint;
}

const at = '"ipAddr":"10.0.0.1","hostName":"h.internal"';
const plain = `${at},"port":{"$":80,"@enabled":"true"}`;

describe("the JSON of a registry", () => {
  it("is read as newer servers write it", () => {
    const answer = read(
      '{"applications":{"versions__delta":"1","apps__hashcode":"DOWN_1_UP_1_","application":[{"name":"A","instance":[' +
        `{"instanceId":"1","app":"A","status":"UP",${plain}},{"instanceId":"2","app":"A","status":"DOWN",${plain}}]}]}}`,
    );
    expect(answer.hashCode).toBe("DOWN_1_UP_1_");
    expect(answer.records.map(({ app, id, status }) => [app, id, status])).toEqual([
      ["A", "1", "UP"],
      ["A", "2", "DOWN"],
    ]);
    expect(answer.records[0]?.endpoint).toEqual({
      id: "A/1",
      host: "10.0.0.1",
      port: 80,
      scheme: "http",
      weight: 1,
      priority: 0,
      health: "healthy",
      metadata: {},
    });
  });

  it.each([
    [
      "an application that is no list",
      `{"applications":{"application":{"name":"A","instance":[{"instanceId":"i",${plain}}]}}}`,
    ],
    [
      "an instance that is no list",
      `{"applications":{"application":[{"name":"A","instance":{"instanceId":"i",${plain}}}]}}`,
    ],
    [
      "neither a list",
      `{"applications":{"application":{"name":"A","instance":{"instanceId":"i",${plain}}}}}`,
    ],
    ["one application", `{"application":{"name":"A","instance":{"instanceId":"i",${plain}}}}`],
    [
      "an instance without its application's name",
      `{"application":{"name":"a","instance":[{"instanceId":"i",${plain}}]}}`,
    ],
    [
      "single underscores",
      `{"applications":{"apps_hashcode":"","application":{"name":"A","instance":[{"instanceId":"i",${plain}}]}}}`,
    ],
  ])("is read with %s", (_, body) => {
    expect(read(body).records.map(({ app, id, endpoint }) => [app, id, endpoint?.port])).toEqual([
      ["A", "i", 80],
    ]);
  });

  it.each([
    ["no applications", '{"applications":{"apps__hashcode":""}}'],
    ["an empty list", '{"applications":{"application":[]}}'],
    ["an empty text", '{"applications":{"application":""}}'],
    ["an application without instances", '{"applications":{"application":[{"name":"A"}]}}'],
  ])("is empty with %s", (_, body) => {
    expect(read(body)).toMatchObject({ records: [], unreadable: 0 });
  });

  it.each([
    ["XML", "<applications><versions__delta>1</versions__delta></applications>", "is XML"],
    ["a cut-off answer", '{"applications":{"application":[{"na', "is no JSON"],
    ["another JSON", '{"hello":1}', "has no applications"],
    ["a list", "[]", "has no applications"],
  ])("is refused as data when it is %s", (_, body, message) => {
    expect(() => read(body)).toThrow(SourceError);
    expect(() => read(body)).toThrow(message);
  });

  it("counts what nobody can make out, and keeps the rest", () => {
    const answer = read(`{"application":{"name":"A","instance":[7,null,{},{"instanceId":"i",${plain}}]}}`);
    expect(answer.unreadable).toBe(3);
    expect(answer.records).toHaveLength(1);
  });
});

describe("an instance", () => {
  it.each([
    ["text", '"true"', true],
    ["a boolean", "true", true],
    ["text in capitals", '"True"', true],
    ["false", "false", false],
    ["false as text", '"false"', false],
  ])("has a port whose switch is %s", (_, enabled, isUsed) => {
    const endpoint = one(`${at},"port":{"$":80,"@enabled":${enabled}}`);
    expect(endpoint !== undefined).toBe(isUsed);
  });

  it.each([
    ["a number as text", '{"$":"80","@enabled":"true"}'],
    ["no switch", '{"$":80}'],
    ["a bare number", "80"],
  ])("has a port that is %s", (_, port) => {
    expect(one(`${at},"port":${port}`)).toMatchObject({ port: 80, scheme: "http" });
  });

  it.each(["0", "65536", "-1", "8.5", '"x"', "null", "{}", "[]"])("has no port in %s", (port) => {
    expect(one(`${at},"port":{"$":${port},"@enabled":"true"}`)).toBeUndefined();
  });

  it("has its secure port where that is enabled, and the name that TLS has to verify", () => {
    const both = `${plain},"securePort":{"$":443,"@enabled":"true"}`;
    const secure = { host: "10.0.0.1", port: 443, scheme: "https", serverName: "h.internal" };
    expect(one(both)).toMatchObject(secure);
    expect(one(both, { secure: "never" })).toMatchObject({ port: 80, scheme: "http" });
    expect(one(both, { secure: "always" })).toMatchObject(secure);
    expect(one(`${plain},"securePort":{"$":443,"@enabled":"false"}`)).toMatchObject({ port: 80 });
    expect(one(plain, { secure: "always" })).toBeUndefined();
    expect(one(both, { preferIp: false })).toMatchObject({ host: "h.internal", port: 443 });
    expect(one(both, { preferIp: false })).not.toHaveProperty("serverName");
  });

  it("has the host that there is", () => {
    expect(one('"hostName":"h","port":80')).toMatchObject({ host: "h" });
    expect(one('"ipAddr":"10.0.0.1","port":80', { preferIp: false })).toMatchObject({ host: "10.0.0.1" });
    expect(one('"ipAddr":"[::1]","port":80')).toMatchObject({ host: "::1" });
    expect(one('"ipAddr":"a b","hostName":"","port":80')).toBeUndefined();
  });

  it.each([
    ['"status":"UP"', "healthy"],
    ['"status":"DOWN"', "unhealthy"],
    ['"status":"STARTING"', "starting"],
    ['"status":"OUT_OF_SERVICE"', "draining"],
    ['"status":"UNKNOWN"', "unknown"],
    ['"status":"SLEEPY"', "unknown"],
    ['"x":1', "unknown"],
    ['"status":"UP","overriddenStatus":"OUT_OF_SERVICE"', "draining"],
    ['"status":"UP","overriddenstatus":"OUT_OF_SERVICE"', "draining"],
    ['"status":"UP","overriddenStatus":"UNKNOWN","overriddenstatus":"DOWN"', "healthy"],
    ['"status":"OUT_OF_SERVICE","overriddenStatus":"UP"', "healthy"],
    ['"status":"DOWN","overriddenStatus":"UP"', "unhealthy"],
    ['"status":"STARTING","overriddenStatus":"UP"', "starting"],
  ])("with %s is %s", (status, health) => {
    expect(one(`${plain},${status}`)).toMatchObject({ health });
  });

  it.each([
    ['{"@class":"java.util.Collections$EmptyMap"}', {}],
    ['{"@class":"java.util.HashMap","a":"b"}', { a: "b" }],
    ['{"a":1,"b":true,"c":null,"d":{},"__proto__":"x"}', { a: "1", b: "true" }],
    ["null", {}],
    ['"text"', {}],
  ])("has the metadata of %s", (metadata, expected) => {
    expect(one(`${plain},"metadata":${metadata}`)).toHaveProperty("metadata", expected);
  });

  it("has weight, version, zone and region of its metadata, as Spring Cloud writes them", () => {
    const metadata =
      '"metadata":{"weight":"50","version":"2","zone":"z1","region":"r1","management.port":"80"}';
    expect(one(`${plain},${metadata}`, { weightBase: 10 })).toMatchObject({
      weight: 5,
      version: "2",
      locality: { zone: "z1", region: "r1" },
      metadata: { "management.port": "80" },
    });
    for (const weight of ["-1", "heavy", "", "Infinity"]) {
      expect(one(`${plain},"metadata":{"weight":"${weight}"}`)).toMatchObject({ weight: 1 });
    }
    expect(one(`${plain},"metadata":{"weight":0}`)).toMatchObject({ weight: 0 });
  });

  it("has the zone of its cloud, and its identity where it has no other", () => {
    const cloud =
      '"dataCenterInfo":{"@class":"com.netflix.appinfo.AmazonInfo","name":"Amazon","metadata":{"availability-zone":"eu-1a","instance-id":"i-7"}}';
    const { records } = read(`{"application":{"name":"A","instance":{${plain},${cloud}}}}`);
    expect(records[0]).toMatchObject({ id: "i-7", endpoint: { id: "A/i-7", locality: { zone: "eu-1a" } } });
    expect(read(`{"application":{"name":"A","instance":{${plain}}}}`).records[0]?.id).toBe("h.internal");
  });

  it("has time stamps that are numbers or text", () => {
    const stamps = ['"1700000000000"', "1700000000000", '"soon"'].map(
      (stamp) =>
        read(`{"application":{"name":"A","instance":{${plain},"lastUpdatedTimestamp":${stamp}}}}`).records[0]
          ?.updatedAt,
    );
    expect(stamps).toEqual([1_700_000_000_000, 1_700_000_000_000, undefined]);
  });
});

describe("any JSON at all", () => {
  it("is read, or refused as data, and never anything else", () => {
    const shape = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.jsonValue(),
        tie("app"),
        fc.array(tie("app"), { maxLength: 3 }),
      ),
      app: fc.record({
        name: fc.string(),
        instance: fc.oneof(tie("instance"), fc.array(tie("instance"), { maxLength: 3 })),
      }),
      instance: fc.record(
        {
          instanceId: fc.oneof(fc.string(), fc.jsonValue()),
          ipAddr: fc.oneof(fc.ipV4(), fc.jsonValue()),
          port: fc.oneof(fc.record({ $: fc.jsonValue(), "@enabled": fc.jsonValue() }), fc.jsonValue()),
          status: fc.jsonValue(),
          metadata: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
        },
        { requiredKeys: [] },
      ),
    }));
    fc.assert(
      fc.property(shape.any, fc.boolean(), (value, isOne) => {
        const body = JSON.stringify(
          isOne ? { application: value } : { applications: { application: value } },
        );
        try {
          for (const { endpoint } of read(body).records) {
            if (endpoint === undefined) continue;
            expect(endpoint.port).toBeGreaterThan(0);
            expect(endpoint.weight).toBeGreaterThanOrEqual(0);
          }
        } catch (error) {
          if (!(error instanceof SourceError) || error.class !== "data") throw error;
        }
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});
