import { describe, expect, it } from "vitest";

import { workAtOnce } from "../../src/discovery/slices.ts";
import type { Endpoint, Snapshot } from "../../src/discovery/source.ts";
import { LastSnapshot } from "../../src/registry/last-snapshot.ts";
import { fakeEndpoint } from "../../src/testing/fake-source.ts";

function some(...ids: readonly string[]): Endpoint[] {
  return ids.map((id) => fakeEndpoint(id, { metadata: { of: id }, locality: { zone: "a" } }));
}

function bound(endpoints: readonly Endpoint[], patch: Partial<Snapshot> = {}): Snapshot {
  return { kind: "bound", endpoints, trust: "authoritative", ...patch };
}

describe("what is told of a poll", () => {
  it("is nothing where all is as before, and the first answer even if it lists nobody", () => {
    const last = new LastSnapshot();
    const next = (snapshot: Snapshot): Snapshot | undefined => workAtOnce(last.next(snapshot));
    expect(next(bound([]))).toEqual(bound([]));
    expect(next(bound([]))).toBeUndefined();
    expect(next(bound(some("a", "b")))).toEqual(bound(some("a", "b")));
    expect(next(bound(some("a", "b")))).toBeUndefined();
    expect(next(bound(some("b", "a")))).toEqual(bound(some("b", "a")));
  });

  it.each<[string, Snapshot]>([
    ["its kind", { kind: "absent", endpoints: [], trust: "authoritative" }],
    ["its trust", bound(some("a", "b"), { trust: "suspect" })],
    ["what was left out", bound(some("a", "b"), { skipped: 1 })],
    ["somebody who came", bound(some("a", "b", "c"))],
    ["somebody who went", bound(some("a"))],
    ["a label", bound([...some("a"), fakeEndpoint("b", { metadata: { of: "x" }, locality: { zone: "a" } })])],
    ["a zone", bound([...some("a"), fakeEndpoint("b", { metadata: { of: "b" }, locality: { zone: "b" } })])],
  ])("is new for %s", (_, snapshot) => {
    const last = new LastSnapshot();
    workAtOnce(last.next(bound(some("a", "b"))));
    expect(workAtOnce(last.next(snapshot))).toEqual(snapshot);
    expect(workAtOnce(last.next(snapshot))).toBeUndefined();
  });

  it("has the very objects of before for those who stayed, wherever they are in the list", () => {
    const last = new LastSnapshot();
    const [a, b] = workAtOnce(last.next(bound(some("a", "b"))))!.endpoints;
    const next = workAtOnce(last.next(bound(some("c", "b", "a"))))!.endpoints;
    expect(next[1]).toBe(b);
    expect(next[2]).toBe(a);
  });
});
