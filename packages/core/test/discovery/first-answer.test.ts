import { getEventListeners } from "node:events";

import { describe, expect, it } from "vitest";

import type { Clock, TimerHandle } from "../../src/clock.ts";
import { createDirectory } from "../../src/discovery/directory.ts";
import { EventHub } from "../../src/event-hub.ts";
import { seededRandom } from "../../src/random.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { bound, ending, list, rig, serving } from "./rig.ts";

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
