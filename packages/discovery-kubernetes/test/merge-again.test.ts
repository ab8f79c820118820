import type { Endpoint } from "@proxyless/core";
import { workAtOnce } from "@proxyless/core/discovery";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SliceMerger } from "../src/slice-merger.ts";
import type { Reading } from "../src/slice-merger.ts";
import { SliceStore } from "../src/slice-store.ts";
import { readSlice } from "../src/slice.ts";

const reading: Reading = { port: undefined, family: "prefer-ipv4", zone: "a", nodeName: "n1", hints: true };

interface Pod {
  readonly uid: number;
  readonly isNamed: boolean;
  readonly state: "ready" | "unready" | "going" | "gone";
  readonly zone: string;
  readonly zones: readonly string[];
  readonly nodes: readonly string[];
}

function ready(uid: number, state: Pod["state"] = "ready"): Pod {
  return { uid, isNamed: true, state, zone: "a", zones: [], nodes: [] };
}

/** A slice as the API server tells it; those of the second family list the same pods under other addresses. */
function raw(name: string, pods: readonly Pod[], port = 8080, isSix = false): object {
  return {
    metadata: { name, labels: { "kubernetes.io/service-name": "web" } },
    addressType: isSix ? "IPv6" : "IPv4",
    ports: [{ name: "", port }],
    endpoints: pods.map(({ uid, isNamed, state, zone, zones, nodes }) => ({
      addresses: [isSix ? `fd00::${uid}` : `10.0.0.${uid}`],
      conditions: {
        ready: state === "ready",
        serving: state === "ready" || state === "going",
        terminating: state === "going" || state === "gone",
      },
      ...(isNamed ? { targetRef: { kind: "Pod", uid: `uid-${uid}` } } : {}),
      zone,
      hints: {
        forZones: zones.map((each) => ({ name: each })),
        forNodes: nodes.map((each) => ({ name: each })),
      },
    })),
  };
}

function sorted(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

const pod: fc.Arbitrary<Pod> = fc.record({
  uid: fc.integer({ min: 1, max: 12 }),
  isNamed: fc.boolean(),
  state: fc.constantFrom("ready", "ready", "unready", "going", "gone"),
  zone: fc.constantFrom("a", "b"),
  zones: fc.subarray(["a", "b"]),
  nodes: fc.subarray(["n1", "n2"]),
});

const step = fc.record({
  slice: fc.integer({ min: 0, max: 3 }),
  isGone: fc.nat(5).map((n) => n === 0),
  port: fc.constantFrom(8080, 8080, 8080, 9090),
  isSix: fc.boolean(),
  pods: fc.array(pod, { maxLength: 6 }),
});

describe("merging again after a change", () => {
  it("gives what somebody who never saw the slices before would make of them, and knows who said goodbye", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const store = new SliceStore();
        const merger = new SliceMerger(reading);
        let told: readonly Endpoint[] = [];
        for (const { slice, isGone, port, isSix, pods } of steps) {
          const object = raw(`s-${slice}`, pods, port, isSix);
          if (isGone) store.delete(readSlice(object));
          else store.put(readSlice(object));
          const slices = store.of("web");
          const merged = workAtOnce(merger.merge(slices));
          const { endpoints, skipped } = workAtOnce(new SliceMerger(reading).merge(slices));
          expect(sorted(merged.endpoints)).toEqual(sorted(endpoints));
          expect(merged.skipped).toBe(skipped);
          const ids = new Set(endpoints.map(({ id }) => id));
          const gone = told.filter(({ id }) => !ids.has(id));
          const isGoodbye = ({ health }: Endpoint): boolean => health === "draining" || health === "degraded";
          expect(merged.saidGoodbye).toBe(gone.length > 0 && gone.every(isGoodbye));
          told = endpoints;
        }
      }),
      { seed: 17, numRuns: 2000 },
    );
  });

  it("makes nothing anew that did not change, in the slice that changed as little as in the others", () => {
    const store = new SliceStore();
    const merger = new SliceMerger(reading);
    store.put(readSlice(raw("one", [ready(1), ready(2), ready(3)])));
    store.put(readSlice(raw("two", [ready(4), ready(5)])));
    const before = workAtOnce(merger.merge(store.of("web"))).endpoints;
    // In another order as well.
    store.put(readSlice(raw("one", [ready(3), ready(6), ready(1)])));
    const after = workAtOnce(merger.merge(store.of("web"))).endpoints;
    expect(after.map(({ id }) => id).toSorted()).toEqual(["uid-1", "uid-3", "uid-4", "uid-5", "uid-6"]);
    expect(after.filter((each) => !before.includes(each)).map(({ id }) => id)).toEqual(["uid-6"]);
  });

  it("remembers over a list that makes no sense who was there", () => {
    const store = new SliceStore();
    const merger = new SliceMerger(reading);
    const tell = (...objects: readonly object[]): boolean => {
      store.replace(objects.map(readSlice));
      return workAtOnce(merger.merge(store.of("web"))).saidGoodbye;
    };
    expect(tell(raw("one", [ready(1), ready(2, "going")]))).toBe(false);
    const names = { ...raw("one", [ready(1)]), addressType: "FQDN" };
    expect(() => tell(names)).toThrow(expect.objectContaining({ class: "data" }));
    // The first did not say goodbye before the nonsense, nor after it.
    expect(tell(raw("one", [ready(3)]))).toBe(false);
    expect(tell(raw("one", [ready(3), ready(4, "going")]))).toBe(false);
    expect(() => tell(names)).toThrow(expect.objectContaining({ class: "data" }));
    expect(tell(raw("one", [ready(3)]))).toBe(true);
  });
});
