import { getEventListeners } from "node:events";

import { describe, expect, it } from "vitest";

import { systemClock } from "../../src/clock.ts";
import type { Clock, TimerHandle } from "../../src/clock.ts";
import type { DirectoryOptions } from "../../src/discovery/directory-options.ts";
import { createDirectory } from "../../src/discovery/directory.ts";
import type { Resolution } from "../../src/discovery/resolution.ts";
import { EventHub } from "../../src/event-hub.ts";
import { seededRandom } from "../../src/random.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { bound, ending, list, record, rig, serving } from "./rig.ts";

describe("what a directory is made of", () => {
  it.for<[string, object, string]>([
    ["directory.initTimeoutMs", { initTimeoutMs: 0 }, "from 1 to 600000, got 0"],
    ["directory.lingerMs", { lingerMs: -1 }, "from 0 to 3600000, got -1"],
    ["directory.debounceMs", { debounceMs: Number.NaN }, "got NaN"],
    ["directory.emptyHoldMs", { emptyHoldMs: Infinity }, "got Infinity"],
    ["directory.maxShrinkRatio", { maxShrinkRatio: 2 }, "from 0 to 1, got 2"],
    ["directory.refreshMinMs", { refreshMinMs: "5" }, 'got "5"'],
    ["directory.maxEndpoints", { maxEndpoints: 1.5 }, "an integer, got 1.5"],
    ["directory.closeTimeoutMs", { closeTimeoutMs: null }, "got null"],
    ["directory.lingerMS", { lingerMS: 1 }, "one of initTimeoutMs"],
  ])("refuses %s out of its range", ([field, options, message]) => {
    const make = (): unknown =>
      createDirectory({
        source: fakeSource(),
        clock: systemClock,
        random: seededRandom(1),
        events: new EventHub(),
        options: options satisfies DirectoryOptions,
      });
    expect(make).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }));
    expect(make).toThrow(message);
  });

  it("takes debounce and hold from the source, and the caller's over both", async () => {
    const { source, directory, clock } = rig({ debounceMs: 5 }, { debounceMs: 1_000, emptyHoldMs: 70 });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", list("a", "b"));
    await clock.advance(5);
    expect(serving(orders)).toBe("a b");
    source.put("orders", []);
    await clock.advance(69);
    expect(serving(orders)).toBe("a b");
    await clock.advance(1);
    expect(serving(orders)).toBe("");
  });

  it("refuses an empty service name, and any after it was closed", async () => {
    const { directory } = rig();
    expect(() => directory.subscribe("")).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG" }));
    await directory.close();
    expect(() => directory.subscribe("orders")).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_CLOSED", service: "orders" }),
    );
  });
});

describe("sharing", () => {
  it("watches once for any number of users of a service, and apart for another service", () => {
    const { source, directory } = rig();
    for (let i = 0; i < 10; i++) directory.subscribe("orders");
    directory.subscribe("users");
    expect(source.watches.map(({ service }) => service)).toEqual(["orders", "users"]);
  });

  it("shares between names that the source gives one key", () => {
    const source = { ...fakeSource(), key: () => "same" };
    const made = createDirectory({
      source,
      clock: systemClock,
      random: seededRandom(1),
      events: new EventHub(),
    });
    made.subscribe("orders");
    made.subscribe("orders-alias");
    expect(source.watches).toHaveLength(1);
  });

  it("keeps an unused watch, with its knowledge, for the linger time and then ends it", async () => {
    const { source, directory, clock } = rig();
    const first = directory.subscribe("orders");
    source.put("orders", list("a"));
    first.close();
    await clock.advance(29_999);
    const second = directory.subscribe("orders");
    expect(serving(second)).toBe("a");
    second.close();
    await clock.advance(30_000);
    expect(source.open).toBe(0);
    expect(directory.dump()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    directory.subscribe("orders");
    expect(source.watches).toHaveLength(2);
  });

  it("ends at once without linger, and stays while another user is left", () => {
    const { source, directory } = rig({ lingerMs: 0 });
    const first = directory.subscribe("orders");
    const second = directory.subscribe("orders");
    first.close();
    first.close();
    expect(source.open).toBe(1);
    second.close();
    expect(source.open).toBe(0);
  });
});

describe("the first answer", () => {
  it("resolves ready() with a list, even an empty one, and with an absent name", async () => {
    const { source, directory } = rig();
    const [orders, empty, nobody] = ["orders", "empty", "nobody"].map((name) => directory.subscribe(name));
    const answers = Promise.all([orders?.ready(), empty?.ready(), nobody?.ready()]);
    source.put("orders", list("a"));
    source.put("empty", []);
    source.delete("nobody");
    expect((await answers).map((answer) => answer?.status)).toEqual(["bound", "bound", "absent"]);
    expect(await orders?.ready()).toBe(orders?.current);
  });

  it("rejects ready() when none comes in time, with the last error, and goes on trying", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    const ready = ending(orders.ready());
    source.fail("orders", { class: "transient", message: "refused" });
    await clock.advance(9_999);
    expect(orders.current.status).toBe("pending");
    await clock.advance(1);
    expect(await ready).toMatchObject({
      error: {
        code: "ERR_PROXYLESS_DISCOVERY",
        service: "orders",
        retryable: true,
        message:
          "no endpoints of orders from fake: no answer within 10000 ms, last error: refused (transient)",
      },
    });
    expect(orders.current).toMatchObject({ status: "failed" });
    await expect(orders.ready()).rejects.toMatchObject({ code: "ERR_PROXYLESS_DISCOVERY" });
    source.put("orders", list("a"));
    expect(await orders.ready()).toMatchObject({ status: "bound", stale: false, version: 1 });
  });

  it.for(["auth", "config"] as const)("rejects ready() at once after an error of class %s", async (kind) => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    const ready = orders.ready();
    source.fail("orders", { class: kind, message: "403", cause: "why" });
    await expect(ready).rejects.toMatchObject({
      message: `no endpoints of orders from fake: 403 (${kind})`,
      retryable: false,
      cause: "why",
    });
    source.put("orders", list("a"));
    expect(serving(orders)).toBe("a");
  });

  it("waits on after a transient error, nonsense, or a suspect nothing", () => {
    const { source, directory, said } = rig();
    const orders = directory.subscribe("orders");
    source.push("orders", "nonsense");
    source.alive("orders");
    source.fail("orders", { class: "transient", message: "reset" });
    source.push("orders", bound([], { trust: "suspect" }));
    expect(said("discovery.recovered")).toEqual([]);
    expect(orders.current.status).toBe("pending");
    source.push("orders", bound(list("a"), { trust: "suspect" }));
    expect(serving(orders)).toBe("a");
  });

  it("ends ready() with the reason of its signal, and leaves the others waiting", async () => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    const abort = new AbortController();
    const impatient = orders.ready({ signal: abort.signal });
    const patient = orders.ready();
    abort.abort(new Error("enough"));
    await expect(impatient).rejects.toThrow("enough");
    const kept = new AbortController();
    const listening = orders.ready({ signal: kept.signal });
    expect(getEventListeners(kept.signal, "abort")).toHaveLength(1);
    await expect(orders.ready({ signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    source.put("orders", list("a"));
    expect(await patient).toMatchObject({ status: "bound" });
    await listening;
    expect(getEventListeners(kept.signal, "abort")).toHaveLength(0);
  });

  it("rejects ready() when the subscription or the directory is closed", async () => {
    const { directory } = rig();
    const one = directory.subscribe("orders");
    const two = directory.subscribe("orders");
    const closed = ending(one.ready());
    one.close();
    expect(await closed).toMatchObject({ error: { code: "ERR_PROXYLESS_CLOSED" } });
    await expect(one.ready()).rejects.toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
    const ended = ending(two.ready());
    await directory.close();
    expect(await ended).toMatchObject({ error: { code: "ERR_PROXYLESS_CLOSED" } });
  });
});

describe("the process", () => {
  it("is kept alive by a ready() that waits, and by nothing else", async () => {
    const inner = new ManualClock();
    const foreground = new Set<TimerHandle>();
    const clock: Clock = {
      now: () => inner.now(),
      wallNow: () => inner.wallNow(),
      setTimer: (fn, ms, arg, background) => {
        const fire = (): void => {
          foreground.delete(timer);
          fn(arg);
        };
        const timer = inner.setTimer(fire, ms, undefined);
        if (background !== true) foreground.add(timer);
        return timer;
      },
      clearTimer: (timer) => {
        foreground.delete(timer);
        inner.clearTimer(timer);
      },
    };
    const source = fakeSource({ silent: true });
    const directory = createDirectory({ source, clock, random: seededRandom(1), events: new EventHub() });
    const orders = directory.subscribe("orders");
    expect(foreground.size).toBe(0);
    const abort = new AbortController();
    const waits = ending(orders.ready({ signal: abort.signal }));
    await inner.advance(4_000);
    expect(foreground.size).toBe(1);
    abort.abort();
    await waits;
    expect(foreground.size).toBe(0);
    const fails = ending(directory.subscribe("orders").ready());
    await inner.advance(5_999);
    expect(foreground.size).toBe(1);
    await inner.advance(1);
    expect(await fails).toMatchObject({ error: { code: "ERR_PROXYLESS_DISCOVERY" } });
    source.put("orders", list("a", "b", "c", "d"));
    source.put("orders", list("a"));
    source.put("orders", list("a", "e"));
    orders.refresh("one");
    orders.refresh("two");
    await inner.advance(20);
    expect(inner.pendingTimers).toBeGreaterThan(0);
    expect(foreground.size).toBe(0);
    await directory.close();
  });
});

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

describe("refresh", () => {
  it("passes the first hint on at once and any number of later ones as one, spread in time", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    const hints = (): readonly string[] => source.watches[0]?.refreshes ?? [];
    orders.refresh("refused");
    for (let i = 0; i < 1_000; i++) orders.refresh(`again ${i}`);
    expect(hints()).toEqual(["refused"]);
    await clock.advance(5_000);
    expect(hints()).toHaveLength(1);
    await clock.advance(1_000);
    expect(hints()).toEqual(["refused", "again 0"]);
    await clock.advance(60_000);
    expect(hints()).toHaveLength(2);
    orders.close();
    orders.refresh("closed");
    expect(hints()).toHaveLength(2);
  });
});

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

  it("does not wait for ever for a source that never lets go", async () => {
    const { directory, clock } = rig({}, { watch: () => ({ done: new Promise<void>(() => {}) }) });
    directory.subscribe("orders");
    let closed = false;
    const closing = directory.close().then(() => (closed = true));
    await clock.advance(4_999);
    expect(closed).toBe(false);
    await clock.advance(1);
    expect(await closing).toBe(true);
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

describe("dump", () => {
  it("shows endpoints, age and counts as plain data, without metadata", async () => {
    const { source, directory, clock } = rig();
    directory.subscribe("orders");
    source.push(
      "orders",
      bound([fakeEndpoint("a", { host: "::1", metadata: { token: "s3cret" } })], { ageMs: 400 }),
    );
    source.fail("orders", { class: "transient", message: "reset" });
    await clock.advance(100);
    expect(JSON.parse(JSON.stringify(directory.dump()))).toEqual([
      {
        service: "orders",
        source: "fake",
        status: "bound",
        version: 1,
        stale: true,
        from: "live",
        ageMs: 500,
        changedMs: 100,
        staleMs: 100,
        error: { class: "transient", message: "reset" },
        holdingEmpty: false,
        users: 1,
        counts: {
          snapshots: 1,
          updates: 1,
          errors: 1,
          resets: 0,
          skipped: 0,
          protected: 0,
          refreshes: 0,
          reopened: 0,
        },
        endpoints: [
          { id: "a", address: "[::1]:8080", health: "healthy", weight: 1, priority: 0, held: false },
        ],
      },
    ]);
  });
});
