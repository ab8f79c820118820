import type { Endpoint } from "@proxyless/core";
import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SliceMerger } from "../src/slice-merger.ts";
import type { Merged, Reading } from "../src/slice-merger.ts";
import { readSlice } from "../src/slice.ts";
import type { Slice } from "../src/slice.ts";

const plain: Reading = {
  port: undefined,
  family: "prefer-ipv4",
  zone: undefined,
  nodeName: undefined,
  hints: true,
};

/** By somebody who never saw them before. */
function mergeSlices(slices: readonly Slice[], reading: Reading): Merged {
  return workAtOnce(new SliceMerger(reading).merge(slices));
}

interface Pod {
  readonly ip: string;
  readonly uid?: string | undefined;
  readonly ready?: boolean;
  readonly terminating?: boolean;
  readonly zone?: string;
  readonly forZones?: readonly string[];
  readonly forNodes?: readonly string[];
}

function slice(name: string, pods: readonly Pod[], more: object = {}): Slice {
  const named = (names: readonly string[] | undefined): object[] =>
    (names ?? []).map((each) => ({ name: each }));
  const read = readSlice({
    metadata: { name, labels: { "kubernetes.io/service-name": "web" } },
    addressType: pods[0]?.ip.includes(":") === true ? "IPv6" : "IPv4",
    ports: [{ name: "", port: 8080 }],
    endpoints: pods.map(({ ip, uid, ready = true, terminating = false, zone, forZones, forNodes }) => ({
      addresses: [ip],
      conditions: { ready: ready && !terminating, serving: ready, terminating },
      ...(uid === undefined ? {} : { targetRef: { kind: "Pod", uid } }),
      zone,
      hints: { forZones: named(forZones), forNodes: named(forNodes) },
    })),
    ...more,
  });
  if (read === undefined) throw new Error("not a slice");
  return read;
}

function addresses(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(({ host, port }) => `${host}:${port}`);
}

describe("bug 4, one slice at a time: merging the slices of a service", () => {
  it("takes a pod that moves from one slice to another once, as ready as anybody says", () => {
    const slices = [
      slice("a", [{ ip: "10.0.0.1", uid: "one", ready: false }]),
      slice("b", [
        { ip: "10.0.0.1", uid: "one" },
        { ip: "10.0.0.2", uid: "two" },
      ]),
      slice("c", [{ ip: "10.0.0.1", uid: "one", terminating: true }]),
    ];
    const { endpoints } = mergeSlices(slices, plain);
    expect(endpoints.map(({ id, health }) => `${id} ${health}`)).toEqual(["one healthy", "two healthy"]);
  });

  it("takes a pod of two families at the preferred address, and the other where it has no other", () => {
    const slices = [
      slice("v4", [
        { ip: "10.0.0.1", uid: "both" },
        { ip: "10.0.0.2", uid: "four" },
      ]),
      slice("v6", [
        { ip: "fd00::1", uid: "both" },
        { ip: "fd00::3", uid: "six" },
      ]),
    ];
    const at = (family: Reading["family"]): readonly string[] =>
      addresses(mergeSlices(slices, { ...plain, family }).endpoints);
    expect(at("prefer-ipv4")).toEqual(["10.0.0.1:8080", "10.0.0.2:8080", "fd00::3:8080"]);
    expect(at("prefer-ipv6")).toEqual(["10.0.0.2:8080", "fd00::1:8080", "fd00::3:8080"]);
    expect(at("ipv4")).toEqual(["10.0.0.1:8080", "10.0.0.2:8080"]);
    expect(at("ipv6")).toEqual(["fd00::1:8080", "fd00::3:8080"]);
  });

  it("takes one family of endpoints that nobody can tell apart", () => {
    const slices = [slice("v4", [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }]), slice("v6", [{ ip: "fd00::1" }])];
    expect(addresses(mergeSlices(slices, plain).endpoints)).toEqual(["10.0.0.1:8080", "10.0.0.2:8080"]);
    expect(mergeSlices(slices.slice(1), plain).endpoints.map(({ id }) => id)).toEqual(["[fd00::1]:8080"]);
  });

  it("chooses a port by its name once for all, and its number slice by slice", () => {
    const slices = [
      slice("old", [{ ip: "10.0.0.1", uid: "1" }], {
        ports: [
          { name: "http", port: 80 },
          { name: "admin", port: 9000 },
        ],
      }),
      slice("new", [{ ip: "10.0.0.2", uid: "2" }], {
        ports: [
          { name: "admin", port: 9001 },
          { name: "http", port: 8080 },
        ],
      }),
      slice("odd", [{ ip: "10.0.0.3", uid: "3" }], { ports: [{ name: "admin", port: 9000 }] }),
    ];
    const at = (port: Reading["port"]): readonly string[] =>
      addresses(mergeSlices(slices, { ...plain, port }).endpoints);
    expect(at("http")).toEqual(["10.0.0.1:80", "10.0.0.2:8080"]);
    expect(at(undefined)).toEqual(at("http"));
    expect(at("admin")).toEqual(["10.0.0.1:9000", "10.0.0.2:9001", "10.0.0.3:9000"]);
    expect(at(9000)).toEqual(["10.0.0.1:9000", "10.0.0.3:9000"]);
    expect(() => at("grpc")).toThrow("no port grpc; its slices have the ports http, admin");
    expect(() => at(1)).toThrow("no port 1");
  });

  it("asks which port is meant where there are several and none is usual", () => {
    const ports = [
      { name: "grpc", port: 1 },
      { name: "admin", port: 2 },
    ];
    const slices = [slice("a", [{ ip: "10.0.0.1" }], { ports })];
    expect(() => mergeSlices(slices, plain)).toThrow(/ports grpc, admin; say which one/);
    expect(() => mergeSlices(slices, plain)).toThrow(expect.objectContaining({ class: "config" }));
    // Where nobody is there yet, nothing has to be decided.
    expect(mergeSlices([slice("a", [], { ports })], plain).endpoints).toEqual([]);
  });

  it("takes the number that is asked for where a slice leaves it to the caller", () => {
    for (const ports of [null, [{ name: "any", port: null }]]) {
      const slices = [slice("a", [{ ip: "10.0.0.1" }], { ports })];
      expect(addresses(mergeSlices(slices, { ...plain, port: 7000 }).endpoints)).toEqual(["10.0.0.1:7000"]);
      expect(() => mergeSlices(slices, plain)).toThrow("none of 1 endpoints in 1 slices is usable");
    }
  });

  it("reads the scheme from the application protocol, else from the name of the port", () => {
    const scheme = (port: object): string | undefined =>
      mergeSlices([slice("a", [{ ip: "10.0.0.1" }], { ports: [{ port: 80, ...port }] })], plain).endpoints[0]
        ?.scheme;
    expect(scheme({ appProtocol: "https" })).toBe("https");
    expect(scheme({ appProtocol: "HTTPS", name: "http" })).toBe("https");
    expect(scheme({ appProtocol: "http", name: "https" })).toBe("http");
    expect(scheme({ appProtocol: "kubernetes.io/h2c" })).toBe("http");
    expect(scheme({ name: "https" })).toBe("https");
    expect(scheme({ name: "https-web" })).toBe("https");
    expect(scheme({ name: "http" })).toBeUndefined();
    expect(scheme({ appProtocol: "grpc" })).toBeUndefined();
  });

  it("calls those who terminate and still serve when nobody is ready", () => {
    const going: Pod = { ip: "10.0.0.1", uid: "going", terminating: true };
    const states = (slices: readonly Slice[]): readonly string[] =>
      mergeSlices(slices, plain).endpoints.map(({ id, health }) => `${id} ${health}`);
    expect(states([slice("a", [going, { ip: "10.0.0.2", uid: "new" }])])).toEqual([
      "going draining",
      "new healthy",
    ]);
    expect(states([slice("a", [going, { ip: "10.0.0.2", uid: "new", ready: false }])])).toEqual([
      "going degraded",
      "new unhealthy",
    ]);
  });

  it("never gives an empty list where there is something that it does not understand", () => {
    const names = slice("a", [{ ip: "10.0.0.1" }], { addressType: "FQDN" });
    expect(() => mergeSlices([names], plain)).toThrow(expect.objectContaining({ class: "data" }));
    expect(mergeSlices([names, slice("b", [{ ip: "10.0.0.1" }])], plain)).toMatchObject({ skipped: 1 });
    expect(mergeSlices([], plain)).toEqual({ endpoints: [], skipped: 0, saidGoodbye: false });
  });

  it("gives the same list for the same slices in any order of their pods, with unique ids", () => {
    const pod = fc.record({
      ip: fc.integer({ min: 1, max: 40 }).map((n) => `10.0.0.${n}`),
      uid: fc.option(fc.integer({ min: 1, max: 20 }).map(String), { nil: undefined }),
      ready: fc.boolean(),
      terminating: fc.boolean(),
    });
    const groups = fc.array(fc.array(pod, { maxLength: 12 }), { maxLength: 6 });
    fc.assert(
      fc.property(groups, (all) => {
        const made = (each: (pods: (typeof all)[number]) => (typeof all)[number]): readonly Endpoint[] =>
          mergeSlices(
            all.map((pods, i) => slice(`s-${i}`, each(pods))),
            plain,
          ).endpoints;
        const sorted = (list: readonly Endpoint[]): readonly string[] =>
          list.map(({ id, health }) => `${id} ${health}`).toSorted();
        const endpoints = made((pods) => pods);
        expect(new Set(endpoints.map(({ id }) => id)).size).toBe(endpoints.length);
        expect(sorted(made((pods) => pods.toReversed()))).toEqual(sorted(endpoints));
        const uids = new Set(all.flat().flatMap(({ uid }) => uid ?? []));
        expect(endpoints.filter(({ id }) => uids.has(id))).toHaveLength(uids.size);
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});

describe("topology hints", () => {
  const own = { ...plain, zone: "a", nodeName: "n1" };
  const at = (endpoints: readonly Endpoint[]): readonly string[] =>
    endpoints.map(({ id, priority, locality }) => `${id} ${priority} ${locality?.zone ?? "-"}`);

  it("put those first that are meant for our zone, and count a borrowed one as ours", () => {
    const slices = [
      slice("s", [
        { ip: "10.0.0.1", uid: "near", zone: "a", forZones: ["a"] },
        { ip: "10.0.0.2", uid: "borrowed", zone: "b", forZones: ["a", "b"] },
        { ip: "10.0.0.3", uid: "far", zone: "b", forZones: ["b"] },
      ]),
    ];
    const { endpoints } = mergeSlices(slices, own);
    expect(at(endpoints)).toEqual(["near 0 a", "borrowed 0 a", "far 1 b"]);
    expect(endpoints[1]?.metadata["zone"]).toBe("b");
    expect(at(mergeSlices(slices, { ...own, hints: false }).endpoints)).toEqual([
      "near 0 a",
      "borrowed 0 b",
      "far 0 b",
    ]);
    expect(at(mergeSlices(slices, plain).endpoints)).toEqual(["near 0 a", "borrowed 0 b", "far 0 b"]);
  });

  it("put those of our node before those of our zone", () => {
    const slices = [
      slice("s", [
        { ip: "10.0.0.1", uid: "node", zone: "a", forZones: ["a"], forNodes: ["n1"] },
        { ip: "10.0.0.2", uid: "zone", zone: "a", forZones: ["a"], forNodes: ["n2"] },
        { ip: "10.0.0.3", uid: "far", zone: "b", forZones: ["b"], forNodes: ["n3"] },
      ]),
    ];
    expect(at(mergeSlices(slices, own).endpoints)).toEqual(["node 0 a", "zone 1 a", "far 2 b"]);
  });

  it("are followed only if every ready endpoint has them and one is for us, and never leave anybody out", () => {
    const pod = fc.record({
      uid: fc.integer({ min: 1, max: 30 }).map(String),
      ready: fc.boolean(),
      zone: fc.constantFrom("a", "b", "c"),
      forZones: fc.subarray(["a", "b", "c"]),
    });
    fc.assert(
      fc.property(fc.uniqueArray(pod, { selector: ({ uid }) => uid, minLength: 1 }), (all) => {
        const slices = [
          slice(
            "s",
            all.map((each) => ({ ...each, ip: `10.0.0.${each.uid}` })),
          ),
        ];
        const { endpoints } = mergeSlices(slices, own);
        expect(endpoints.map(({ id }) => id).toSorted()).toEqual(all.map(({ uid }) => uid).toSorted());
        const ready = all.filter((each) => each.ready);
        const isUsable =
          ready.every(({ forZones }) => forZones.length > 0) &&
          ready.some(({ forZones }) => forZones.includes("a"));
        for (const { id, priority } of endpoints) {
          const isOurs = all.find(({ uid }) => uid === id)?.forZones.includes("a") === true;
          expect(priority).toBe(isUsable && !isOurs ? 1 : 0);
        }
        // Whoever is called first can be called: the best priority has somebody who is ready, where anybody is.
        const isBestUsable = endpoints.some(({ priority, health }) => priority === 0 && health === "healthy");
        expect(isBestUsable).toBe(ready.length > 0);
      }),
      { seed: 13, numRuns: 1000 },
    );
  });
});
