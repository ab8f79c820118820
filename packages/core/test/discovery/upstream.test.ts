import { describe, expect, it } from "vitest";

import type { Snapshot, WatchHandle } from "../../src/discovery/source.ts";
import type { FakeWatch } from "../../src/testing/fake-source.ts";
import { bound, ending, list, rig, serving, untyped } from "./rig.ts";

describe("a source that breaks its contract", () => {
  it("may throw from watch(): ready() fails at once, and it is tried again with growing gaps", async () => {
    const times: number[] = [];
    const made = rig(
      {},
      {
        watch: ({ context }) => {
          times.push(context.clock.now());
          if (times.length < 6) throw new Error("not today");
          return { done: new Promise(() => {}) };
        },
      },
    );
    const { source, directory, clock, said } = made;
    const orders = directory.subscribe("orders");
    expect(await ending(orders.ready())).toMatchObject({
      error: {
        code: "ERR_PROXYLESS_DISCOVERY",
        message: expect.stringContaining("threw from watch(): not today"),
      },
    });
    await clock.advance(60_000);
    expect(times).toHaveLength(6);
    expect(times[1]).toBeLessThanOrEqual(1_000);
    expect(times[1]).toBeGreaterThanOrEqual(100);
    expect(said("discovery.error")[0]).toMatchObject({ class: "config" });
    source.put("orders", list("a"));
    expect(serving(orders)).toBe("a");
    expect(directory.dump()[0]?.counts.reopened).toBe(5);
  });

  it("may end its watch unasked: it is opened again and the last good list stays", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.watches[0]?.end();
    await clock.advance(1_000);
    expect(source.watches).toHaveLength(2);
    expect(source.watches[0]?.signal.aborted).toBe(true);
    expect(said("discovery.error")[0]).toMatchObject({
      class: "transient",
      message: "the source ended its watch unasked",
    });
    expect(serving(orders)).toBe("a");
    expect(orders.current).toMatchObject({ stale: true });
    source.put("orders", list("a"));
    source.watches[0]?.sink.snapshot(bound(list("ghost")));
    await clock.advance(20);
    expect(serving(orders)).toBe("a");
    expect(orders.current).toMatchObject({ stale: false });
  });

  it("is not reopened once it is no longer needed", async () => {
    const { source, directory, clock } = rig();
    directory.subscribe("orders");
    source.watches[0]?.end();
    await clock.advance(0);
    await directory.close();
    await clock.advance(60_000);
    expect(source.watches).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is waited for until every watch of it has let go, also those that were given up before", async () => {
    const ends: (() => void)[] = [];
    const watch = (): WatchHandle => ({ done: new Promise((resolve) => ends.push(resolve)) });
    const { source, directory, clock } = rig({}, { aliveEveryMs: 1_000, watch });
    directory.subscribe("orders");
    await clock.advance(4_000);
    expect(source.watches).toHaveLength(2);
    let closed = false;
    const closing = directory.close().then(() => (closed = true));
    ends[1]?.();
    await clock.advance(0);
    expect(closed).toBe(false);
    ends[0]?.();
    await closing;
    expect(source.closed).toBe(1);
  });

  it("may answer before watch() returns", async () => {
    const watch = ({ sink }: FakeWatch): WatchHandle => {
      sink.snapshot(bound(list("a")));
      return { done: Promise.resolve(new Promise<void>(() => {})) };
    };
    const { directory } = rig({}, { watch });
    const orders = directory.subscribe("orders");
    expect(serving(orders)).toBe("a");
  });

  it.for<[string, string]>([
    ["null", "null"],
    ["a number", "7"],
    ["no done", "{}"],
    ["a done that is no promise", '{"done":1,"refresh":2}'],
  ])("may return %s instead of a handle", async ([, json]) => {
    const { source, directory, clock } = rig({}, { watch: () => JSON.parse(json) });
    const orders = directory.subscribe("orders");
    orders.refresh("try");
    source.put("orders", list("a"));
    expect(serving(orders)).toBe("a");
    await directory.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("may return a done that rejects", async () => {
    const { source, directory } = rig({}, { watch: () => ({ done: Promise.reject(new Error("unclean")) }) });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    expect(serving(orders)).toBe("a");
    await directory.close();
  });

  it("may return a promise of its handle, even one that rejects", async () => {
    let opened = 0;
    const watch = (): WatchHandle => {
      const good = { done: new Promise<void>(() => {}) };
      const handle = opened++ === 0 ? Promise.reject(new Error("async trouble")) : Promise.resolve(good);
      return untyped(handle);
    };
    const { source, directory, clock, said } = rig({}, { watch });
    const orders = directory.subscribe("orders");
    await clock.advance(1_000);
    expect(said("discovery.error")).toEqual([
      expect.objectContaining({ class: "config", message: "the source threw from watch(): async trouble" }),
    ]);
    await clock.advance(60_000);
    expect(opened).toBe(2);
    source.put("orders", list("a"));
    expect(serving(orders)).toBe("a");
  });

  it("may throw from refresh(), or reject", async () => {
    let calls = 0;
    const refresh = (): void => {
      if (++calls === 1) throw new Error("no");
      return untyped(Promise.reject(new Error("no")));
    };
    const { directory, clock } = rig({}, { watch: () => ({ refresh, done: new Promise(() => {}) }) });
    const orders = directory.subscribe("orders");
    orders.refresh("one");
    await clock.advance(6_000);
    orders.refresh("two");
    await clock.advance(6_000);
    expect(calls).toBe(2);
  });

  it("may give a snapshot that cannot be read", () => {
    const { source, directory, said } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    const hostile: Snapshot = {
      kind: "bound",
      trust: "authoritative",
      get endpoints(): never {
        throw new Error("trap");
      },
    };
    source.push("orders", hostile);
    source.push(
      "orders",
      bound(
        new Proxy([], {
          get: () => {
            throw new Error("trap");
          },
        }),
      ),
    );
    expect(serving(orders)).toBe("a");
    expect(said("discovery.error")).toEqual([expect.objectContaining({ class: "data" })]);
  });

  it("may answer a refresh hint before the hint returns", async () => {
    const watch = ({ sink }: FakeWatch): WatchHandle => ({
      refresh: () => {
        sink.snapshot(bound(list("b")));
      },
      done: new Promise(() => {}),
    });
    const { source, directory } = rig({}, { watch });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", []);
    expect(serving(orders)).toBe("b");
  });

  it("may have a key() that throws or returns nonsense", () => {
    const { source, directory } = rig();
    source.key = () => {
      throw new Error("no");
    };
    expect(directory.subscribe("orders").current.status).toBe("pending");
    source.key = () => JSON.parse("{}");
    expect(directory.subscribe("orders").current.status).toBe("pending");
    expect(source.watches).toHaveLength(1);
  });

  it("may fail to close", async () => {
    const { source, directory } = rig();
    source.close = () => Promise.reject(new Error("stuck"));
    await expect(directory.close()).resolves.toBeUndefined();
  });
});
