import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readSliceLine, readSliceLineAgain } from "../src/slice-line.ts";
import { SliceStore } from "../src/slice-store.ts";
import type { SliceEndpoint } from "../src/slice.ts";

interface Written {
  readonly name?: string;
  readonly type?: string;
  readonly addressType?: string;
  readonly manager?: string;
  readonly metadata?: object;
  readonly indent?: number;
}

function line(endpoints: unknown, written: Written = {}): string {
  const { addressType = "IPv4", indent, manager = "m", metadata, name = "s", type = "MODIFIED" } = written;
  const labels = {
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": manager,
  };
  const object = {
    metadata: { name, resourceVersion: "7", labels, ...metadata },
    addressType,
    endpoints,
    ports: [{ name: "", port: 8080 }],
  };
  return JSON.stringify({ type, object }, undefined, indent);
}

const pod = (n: number, more: object = {}): object => ({
  addresses: [`10.0.0.${n}`],
  targetRef: { kind: "Pod", name: `pod-${n}`, uid: `uid-${n}` },
  ...more,
});

/** What a line says, without how it was written. */
function told(read: () => ReturnType<typeof readSliceLine>): unknown {
  try {
    const { event, slice } = read();
    return { type: event.type, slice: slice === undefined ? undefined : { ...slice, writing: undefined } };
  } catch (error) {
    return String(error);
  }
}

/** A store that has heard these lines. */
function after(...lines: readonly string[]): SliceStore {
  const store = new SliceStore();
  for (const each of lines) store.put(readSliceLineAgain(each, (name) => store.find(name)).slice);
  return store;
}

describe("a line that is held against the one before", () => {
  const endpoint = fc.oneof(
    { weight: 6, arbitrary: fc.nat(30).map((n) => pod(n)) },
    { weight: 2, arbitrary: fc.nat(30).map((n) => pod(n, { conditions: { ready: false } })) },
    { weight: 1, arbitrary: fc.string().map((hostname) => pod(1, { hostname, hints: { forZones: [] } })) },
    { weight: 1, arbitrary: fc.constantFrom({ addresses: ["fd00::1"] }, { addresses: [] }, {}, null, 7, []) },
  );
  const step = fc.record({
    name: fc.constantFrom("s", "s", "t"),
    type: fc.constantFrom("ADDED", "MODIFIED", "MODIFIED", "DELETED", "BOOKMARK"),
    addressType: fc.constantFrom("IPv4", "IPv4", "IPv4", "IPv6", "FQDN"),
    manager: fc.constantFrom("m", "m", "n"),
    metadata: fc.constantFrom(
      {},
      {},
      { annotations: { note: '"endpoints":[{}' } },
      { more: { endpoints: [pod(9)] } },
    ),
    indent: fc.constantFrom(0, 0, 0, 1),
    endpoints: fc.oneof(
      { weight: 9, arbitrary: fc.array(endpoint, { maxLength: 12 }) },
      { weight: 1, arbitrary: fc.constantFrom(null, {}, "x") },
    ),
    cut: fc.nat(60),
  });

  it("says what it says by itself, whatever was before", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const store = new SliceStore();
        for (const { cut, endpoints, ...written } of steps) {
          const whole = line(endpoints, written);
          for (const text of [whole, whole.slice(0, whole.length - cut)]) {
            const find = (name: string): ReturnType<SliceStore["find"]> => store.find(name);
            expect(told(() => readSliceLineAgain(text, find))).toEqual(told(() => readSliceLine(text)));
          }
          const { event, slice } = readSliceLineAgain(whole, (name) => store.find(name));
          if (event.type === "put") store.put(slice);
          else if (event.type === "delete") store.delete(slice);
        }
      }),
      { seed: 5, numRuns: 1000 },
    );
  });

  it("brings the very endpoints that were read before where they are written as they were", () => {
    // What looks like an end and is none, and a text that looks like one and is.
    const odd = [pod(5, { hostname: '"}]' }), pod(6, { hostname: "{\\" })];
    const pods = Array.from({ length: 100 }, (_, n) => pod(n)).toSpliced(5, 2, ...odd);
    const store = after(line(pods));
    const before = store.find("s")?.endpoints ?? [];
    const changed = pods.with(40, pod(40, { conditions: { ready: false } })).toSpliced(70, 1);
    const { slice } = readSliceLineAgain(line([...changed, pod(100)]), (name) => store.find(name));
    const fresh = (slice?.endpoints ?? []).filter((each) => !before.includes(each));
    expect(fresh.map(({ address }: SliceEndpoint) => address)).toEqual(["10.0.0.40", "10.0.0.100"]);
  });

  it("has two endpoints where one is written twice that was there once", () => {
    const store = after(line([pod(1)]));
    const { slice } = readSliceLineAgain(line([pod(1), pod(1)]), (name) => store.find(name));
    expect(new Set(slice?.endpoints).size).toBe(2);
  });

  it("is read anew where the family or the manager of the slice is another one", () => {
    const store = after(line([pod(1)]));
    const other = line([pod(1)], { manager: "n" });
    const { slice } = readSliceLineAgain(other, (name) => store.find(name));
    expect(slice?.endpoints[0]?.metadata["managedBy"]).toBe("n");
    const names = line([pod(1)], { addressType: "FQDN" });
    expect(readSliceLineAgain(names, (name) => store.find(name)).slice).toMatchObject({
      endpoints: [],
      skipped: 1,
    });
  });

  it("keeps no more of what was told than one line of each slice", () => {
    const lines = [line([pod(1), pod(2)]), line([pod(1), pod(3)]), line([pod(1), pod(3), {}])];
    expect(after(...lines.slice(0, 2)).find("s")?.writing?.line).toBe(lines[1]);
    // Of which endpoint a place is would not be known.
    expect(after(...lines).find("s")?.writing).toBeUndefined();
  });
});
