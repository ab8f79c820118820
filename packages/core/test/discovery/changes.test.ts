import { describe, expect, it } from "vitest";

import type { Resolution } from "../../src/discovery/resolution.ts";
import { fakeEndpoint } from "../../src/testing/fake-source.ts";
import { bound, list, record, rig, serving } from "./rig.ts";

describe("changes", () => {
  it("replays what is known to a new listener before onChange returns", () => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    expect(record(orders)).toEqual([]);
    source.put("orders", list("b", "a"));
    expect(record(orders)).toEqual(["bound +a +b"]);
  });

  it("tells what came, changed and went, and counts the version up", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    const lines = record(orders);
    source.put("orders", list("a", "b", "c"));
    source.put("orders", [fakeEndpoint("b", { metadata: { k: "v" } }), ...list("c", "d")]);
    await clock.advance(20);
    expect(lines).toEqual(["bound +a +b +c", "bound +d ~b -a"]);
    expect(orders.current).toMatchObject({ version: 2 });
    expect(said("discovery.updated").at(-1)).toMatchObject({
      added: 1,
      updated: 1,
      removed: 1,
      endpoints: 3,
    });
  });

  it("tells nobody of a list that did not change, but counts it as a sign of life", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    const lines = record(orders);
    source.put("orders", list("a", "b"));
    await clock.advance(5_000);
    expect(directory.dump()[0]).toMatchObject({ ageMs: 5_000, changedMs: 5_000 });
    source.push("orders", bound(structuredClone(list("b", "a"))));
    await clock.advance(20);
    expect(lines).toHaveLength(1);
    expect(said()).toHaveLength(1);
    expect(orders.current).toMatchObject({ version: 1 });
    expect(directory.dump()[0]).toMatchObject({ ageMs: 0, changedMs: 5_020 });
  });

  it("stops telling whoever left", () => {
    const { source, directory } = rig({ debounceMs: 0 });
    const orders = directory.subscribe("orders");
    const seen: string[] = [];
    const stop = orders.onChange(({ status }) => seen.push(status));
    source.put("orders", list("a"));
    stop();
    source.put("orders", list("b"));
    expect(seen).toEqual(["bound"]);
    orders.close();
    expect(orders.onChange(() => seen.push("late"))).toBeTypeOf("function");
    expect(seen).toEqual(["bound"]);
  });

  it("tells everybody everything in order when a listener causes the next change", () => {
    const { source, directory } = rig({ debounceMs: 0 });
    const one = directory.subscribe("orders");
    const two = directory.subscribe("orders");
    let late: string[] = [];
    one.onChange((resolution: Resolution) => {
      if (resolution.status === "bound" && resolution.version === 1) {
        source.put("orders", list("a", "b"));
        late = record(directory.subscribe("orders"));
      }
    });
    const lines = record(two);
    source.put("orders", list("a"));
    expect(lines).toEqual(["bound +a", "bound +b"]);
    expect(late).toEqual(["bound +a +b"]);
  });

  it("isolates a listener that throws, and lets its error surface", async () => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const surfaced = new Promise((resolve) => process.once("uncaughtException", resolve));
    orders.onChange(() => {
      throw new Error("listener broke");
    });
    const lines = record(orders);
    source.put("orders", list("a"));
    const error = await surfaced;
    for (const listener of listeners) process.on("uncaughtException", listener);
    expect(error).toMatchObject({ message: "listener broke" });
    expect(lines).toEqual(["bound +a"]);
  });
});

describe("debounce", () => {
  it("collects additions and improvements for 20 ms and tells them once", async () => {
    const { source, directory, clock } = rig();
    const lines = record(directory.subscribe("orders"));
    source.put("orders", [fakeEndpoint("a", { health: "starting" })]);
    source.put("orders", list("a"));
    await clock.advance(10);
    source.put("orders", list("a", "b"));
    await clock.advance(5);
    source.put("orders", list("a", "b", "c"));
    expect(lines).toHaveLength(1);
    await clock.advance(5);
    expect(lines).toEqual(["bound +a", "bound +b +c ~a"]);
  });

  it("does not delay the first list, nor the first after an empty one", () => {
    const { source, directory } = rig({ emptyHoldMs: 0 });
    const lines = record(directory.subscribe("orders"));
    source.put("orders", list("a"));
    source.put("orders", []);
    source.put("orders", list("b"));
    source.delete("orders");
    source.put("orders", list("c"));
    expect(lines).toEqual(["bound +a", "bound -a", "bound +b", "absent -b", "bound +c"]);
  });

  it.for<[string, object]>([
    ["a drain", { health: "draining" }],
    ["worse health", { health: "degraded" }],
    ["a weight of nothing", { weight: 0 }],
  ])("does not delay %s, with whatever waited before it", ([, patch]) => {
    const { source, directory, clock } = rig();
    const lines = record(directory.subscribe("orders"));
    source.put("orders", list("a"));
    source.put("orders", list("a", "b"));
    source.put("orders", [fakeEndpoint("a", patch), ...list("b")]);
    expect(lines).toEqual(["bound +a", "bound +b ~a"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not delay removals that were asked for", () => {
    const { source, directory } = rig();
    const lines = record(directory.subscribe("orders"));
    source.put("orders", list("a", "b"));
    source.push("orders", bound(list("a"), { explicitRemovals: true }));
    expect(lines).toEqual(["bound +a +b", "bound -b"]);
  });

  it("takes in what waits before an error", () => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", list("a", "b"));
    source.fail("orders", { class: "transient", message: "reset" });
    expect(serving(orders)).toBe("a b");
    expect(orders.current).toMatchObject({ stale: true });
  });
});
