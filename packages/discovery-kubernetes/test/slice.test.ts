import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readSlice } from "../src/slice.ts";

const labels = { "kubernetes.io/service-name": "web" };

function slice(more: object = {}): object {
  return {
    metadata: { name: "web-1", labels },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: [{ addresses: ["10.0.0.1"] }],
    ...more,
  };
}

function health(conditions: unknown): string | undefined {
  return readSlice(slice({ endpoints: [{ addresses: ["10.0.0.1"], conditions }] }))?.endpoints[0]?.health;
}

describe("reading an EndpointSlice", () => {
  it("takes conditions that are not said as the API means them", () => {
    expect(health(undefined)).toBe("healthy");
    expect(health(null)).toBe("healthy");
    expect(health({})).toBe("healthy");
    expect(health({ ready: null, serving: null, terminating: null })).toBe("healthy");
    expect(health({ ready: true })).toBe("healthy");
    expect(health({ ready: false })).toBe("unhealthy");
    expect(health({ ready: false, serving: false, terminating: false })).toBe("unhealthy");
    expect(health({ ready: false, serving: true, terminating: true })).toBe("draining");
    // A service with publishNotReadyAddresses calls everybody ready.
    expect(health({ ready: true, serving: true, terminating: true })).toBe("draining");
    expect(health({ ready: false, serving: false, terminating: true })).toBe("unhealthy");
    expect(health({ ready: false, terminating: true })).toBe("unhealthy");
  });

  it("reads what says where an endpoint is and what it belongs to", () => {
    const read = readSlice(
      slice({
        metadata: { name: "web-1", labels: { ...labels, "endpointslice.kubernetes.io/managed-by": "me" } },
        endpoints: [
          {
            addresses: ["10.0.0.1", "10.0.0.2"],
            hostname: "web-0",
            nodeName: "node-1",
            zone: "a",
            hints: { forZones: [{ name: "a" }, { name: "b" }], forNodes: [{ name: "node-1" }] },
            targetRef: { kind: "Pod", name: "web-0", namespace: "shop", uid: "1234" },
          },
        ],
      }),
    );
    expect(read?.endpoints).toEqual([
      {
        identity: "1234",
        address: "10.0.0.1",
        family: 4,
        health: "healthy",
        zone: "a",
        region: undefined,
        node: "node-1",
        hintedZones: ["a", "b"],
        hintedNodes: ["node-1"],
        metadata: { pod: "web-0", namespace: "shop", node: "node-1", hostname: "web-0", managedBy: "me" },
      },
    ]);
  });

  it("reads v1beta1, which has zone and node in a topology", () => {
    const topology = {
      "kubernetes.io/hostname": "node-1",
      "topology.kubernetes.io/zone": "a",
      "topology.kubernetes.io/region": "eu",
    };
    const [endpoint] =
      readSlice(slice({ endpoints: [{ addresses: ["10.0.0.1"], topology }] }))?.endpoints ?? [];
    expect(endpoint).toMatchObject({ zone: "a", region: "eu", node: "node-1" });
  });

  it("takes lists that Go writes as null for empty ones", () => {
    expect(readSlice(slice({ endpoints: null, ports: null }))).toMatchObject({
      endpoints: [],
      ports: [],
      skipped: 0,
    });
  });

  it("leaves out and counts what is no address of the slice's type", () => {
    const endpoints = [
      { addresses: ["10.0.0.1"] },
      { addresses: [] },
      { addresses: ["web.example"] },
      { addresses: ["fd00::1"] },
      { addresses: "10.0.0.2" },
      {},
      null,
      "10.0.0.3",
    ];
    expect(readSlice(slice({ endpoints }))).toMatchObject({
      endpoints: [{ address: "10.0.0.1" }],
      skipped: 7,
    });
    expect(
      readSlice(slice({ addressType: "FQDN", endpoints: [{ addresses: ["web.example"] }] })),
    ).toMatchObject({
      endpoints: [],
      skipped: 1,
    });
    expect(readSlice(slice({ endpoints: "nonsense" }))).toMatchObject({ endpoints: [], skipped: 1 });
  });

  it("leaves out ports that are not TCP, and numbers that are none", () => {
    const ports = [
      { name: "dns", port: 53, protocol: "UDP" },
      { name: "http", port: 80 },
      { name: "bad", port: 70_000, protocol: "TCP" },
      { name: "any", port: null, protocol: "TCP" },
      null,
    ];
    expect(readSlice(slice({ ports }))?.ports).toEqual([
      { name: "http", port: 80, appProtocol: undefined },
      { name: "any", port: undefined, appProtocol: undefined },
    ]);
  });

  it("knows nothing of an object without a name or a service", () => {
    for (const raw of [
      undefined,
      null,
      1,
      "x",
      [],
      {},
      { metadata: {} },
      { metadata: { name: "a" } },
      { metadata: { name: "", labels } },
    ]) {
      expect(readSlice(raw)).toBeUndefined();
    }
  });

  it("stands any JSON, and accounts for every endpoint", () => {
    const endpoint = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          addresses: fc.oneof(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), fc.jsonValue()),
          conditions: fc.oneof(
            fc.dictionary(fc.constantFrom("ready", "serving", "terminating"), fc.jsonValue()),
            fc.jsonValue(),
          ),
          targetRef: fc.oneof(
            fc.dictionary(fc.constantFrom("uid", "name", "kind", "namespace"), fc.jsonValue()),
            fc.jsonValue(),
          ),
          hints: fc.jsonValue(),
          zone: fc.jsonValue(),
          nodeName: fc.jsonValue(),
          topology: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    );
    const any = fc.record({
      metadata: fc.oneof(fc.constant({ name: "web-1", labels }), fc.jsonValue()),
      addressType: fc.oneof(fc.constantFrom("IPv4", "IPv6", "FQDN"), fc.jsonValue()),
      ports: fc.oneof(
        fc.array(fc.oneof(fc.record({ name: fc.string(), port: fc.integer() }), fc.jsonValue())),
        fc.jsonValue(),
      ),
      endpoints: fc.oneof(fc.array(endpoint), fc.jsonValue()),
    });
    fc.assert(
      fc.property(any, (raw) => {
        const read = readSlice(raw);
        if (read === undefined) return;
        const listed: unknown = raw.endpoints ?? [];
        expect(read.endpoints.length + read.skipped).toBe(Array.isArray(listed) ? listed.length : 1);
        for (const { family, health: state } of read.endpoints) {
          expect([4, 6]).toContain(family);
          expect(["healthy", "unhealthy", "draining"]).toContain(state);
        }
      }),
      { seed: 7, numRuns: 1000 },
    );
  });
});
