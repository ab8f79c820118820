import { describe, expect, it } from "vitest";

import { bound, list, record, rig, serving } from "./rig.ts";

describe("close", () => {
  it("ends every watch, waits for the source, closes it once, and leaves nothing behind", async () => {
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { source, directory, clock } = rig({}, { watch: () => ({ done }) });
    const orders = directory.subscribe("orders");
    const lines = record(orders);
    source.put("orders", list("a", "b", "c"));
    source.put("orders", list("a"));
    orders.refresh("one");
    orders.refresh("two");
    let closed = false;
    const closing = directory.close().then(() => (closed = true));
    expect(source.watches[0]?.signal.aborted).toBe(true);
    await clock.advance(0);
    expect(closed).toBe(false);
    finish();
    await closing;
    await directory.close();
    expect(source.closed).toBe(1);
    expect(clock.pendingTimers).toBe(0);
    expect(lines).toHaveLength(1);
  });

  it("is followed by silence, whatever the source goes on saying", async () => {
    const { source, directory, clock, events } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    const lines = record(orders);
    await directory.close();
    const before = events.length;
    const sink = source.watches[0]?.sink;
    sink?.snapshot(bound(list("b")));
    sink?.alive();
    sink?.error({ class: "auth", message: "late" });
    await clock.advance(60_000);
    expect(lines).toHaveLength(1);
    expect(events).toHaveLength(before);
    expect(serving(orders)).toBe("a");
  });

  it("does not wait for ever for a source that never lets go, and closes it all the same, once", async () => {
    const { directory, clock, source } = rig({}, { watch: () => ({ done: new Promise<void>(() => {}) }) });
    directory.subscribe("orders");
    let closed = false;
    const closing = directory.close().then(() => (closed = true));
    await clock.advance(4_999);
    expect(closed).toBe(false);
    await clock.advance(1);
    expect(await closing).toBe(true);
    expect(source.closed).toBe(1);
    await directory.close();
    expect(source.closed).toBe(1);
  });

  it("closes a source once that lets go after it was not waited for any more", async () => {
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { directory, clock, source } = rig({}, { watch: () => ({ done }) });
    directory.subscribe("orders");
    const closing = directory.close();
    await clock.advance(5_000);
    await closing;
    finish();
    await clock.advance(0);
    expect(source.closed).toBe(1);
  });

  it("waits for watches that ended by themselves just before", async () => {
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { directory, clock } = rig({ lingerMs: 0 }, { watch: () => ({ done }) });
    directory.subscribe("orders").close();
    let closed = false;
    const closing = directory.close().then(() => (closed = true));
    await clock.advance(10);
    expect(closed).toBe(false);
    finish();
    await closing;
  });

  it("may be called by a listener", async () => {
    const { source, directory, clock } = rig();
    const lines: string[] = [];
    directory.subscribe("orders").onChange(() => {
      void directory.close();
    });
    directory.subscribe("orders").onChange(({ status }) => lines.push(status));
    source.put("orders", list("a"));
    await directory.close();
    expect(lines).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("leaves nothing behind when a listener calls it between two snapshots, or before a hint", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.push("orders", bound(list("a", "b"), { trust: "suspect" }));
    orders.onChange((resolution) => {
      if (resolution.status === "bound" && resolution.version === 2) void directory.close();
    });
    source.put("orders", list("a", "c"));
    await directory.close();
    expect(clock.pendingTimers).toBe(0);

    const other = rig();
    other.directory.subscribe("orders");
    other.source.put("orders", list("a"));
    other.source.put("orders", []);
    other.source.put("orders", list("a"));
    other.hub.on("discovery.protected", () => void other.directory.close());
    other.source.put("orders", []);
    await other.directory.close();
    expect(other.clock.pendingTimers).toBe(0);
  });
});
