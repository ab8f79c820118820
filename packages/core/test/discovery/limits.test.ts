import { describe, expect, it } from "vitest";

import { memorySource } from "../../src/discovery/memory-source.ts";
import type { Endpoint } from "../../src/discovery/source.ts";
import { fakeEndpoint } from "../../src/testing/fake-source.ts";
import { bound, list, record, rig, rigFor, serving } from "./rig.ts";

const transient = { class: "transient", message: "reset" } as const;

function many(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, i) =>
    fakeEndpoint(`e${i}`, { host: `10.0.${i >> 8}.${i & 255}` }),
  );
}

describe("a source that promised to speak", () => {
  it("is asked after twice its interval of silence, and opened again after three times", async () => {
    const { clock, directory, said, source } = rig({}, { aliveEveryMs: 1_000 });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    await clock.advance(1_999);
    expect(source.watches[0]?.refreshes).toEqual([]);
    await clock.advance(1);
    expect(source.watches[0]?.refreshes).toEqual(["silent"]);
    await clock.advance(1_000);
    expect(source.watches[0]?.signal.aborted).toBe(true);
    expect(said("discovery.error")).toEqual([
      expect.objectContaining({ class: "transient", message: "the source said nothing for 3000 ms" }),
    ]);
    expect(orders.current).toMatchObject({ stale: true });
    expect(serving(orders)).toBe("a");
    await clock.advance(1_000);
    expect(source.watches).toHaveLength(2);
    expect(directory.dump()[0]?.counts.reopened).toBe(1);
  });

  it.for(["alive", "snapshot", "error"])("is left alone as long as it says anything: %s", async (what) => {
    const { clock, directory, source } = rig({}, { aliveEveryMs: 1_000 });
    directory.subscribe("orders");
    for (let i = 0; i < 20; i++) {
      await clock.advance(1_500);
      if (what === "alive") source.alive("orders");
      else if (what === "snapshot") source.put("orders", list("a"));
      else source.fail("orders", transient);
    }
    expect(source.watches).toHaveLength(1);
    expect(source.watches[0]?.refreshes).toEqual([]);
  });

  it("is asked first each time, however often it was silent for a while", async () => {
    const { clock, directory, source } = rig({}, { aliveEveryMs: 1_000 });
    directory.subscribe("orders");
    for (let i = 0; i < 5; i++) {
      await clock.advance(2_500);
      source.alive("orders");
    }
    expect(source.watches).toHaveLength(1);
    expect(source.watches[0]?.refreshes.length).toBeGreaterThan(1);
  });

  it("leaves no timer when it is closed, and one without a promise has none", async () => {
    const promised = rig({ lingerMs: 0, initTimeoutMs: 1 }, { aliveEveryMs: 1_000 });
    promised.directory.subscribe("orders").close();
    expect(promised.clock.pendingTimers).toBe(0);
    const silent = rig();
    silent.directory.subscribe("orders");
    silent.source.put("orders", list("a"));
    await silent.clock.advance(3_600_000);
    expect(silent.clock.pendingTimers).toBe(0);
    expect(silent.source.watches).toHaveLength(1);
  });
});

describe("endpoints that nobody confirms", () => {
  it("are served for ever by default", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.fail("orders", transient);
    await clock.advance(86_400_000);
    expect(serving(orders)).toBe("a");
  });

  it("are taken away after maxStaleMs of trouble, counted from their last confirmation", async () => {
    const { clock, directory, source } = rig({ maxStaleMs: 60_000 });
    const orders = directory.subscribe("orders");
    const lines = record(orders);
    source.put("orders", list("a", "b"));
    await clock.advance(40_000);
    source.fail("orders", transient);
    await clock.advance(19_999);
    expect(serving(orders)).toBe("a b");
    await clock.advance(1);
    expect(lines.at(-1)).toBe("failed -a -b");
    expect(orders.current).toMatchObject({
      error: { class: "transient", message: "not confirmed for 60000 ms, last error: reset" },
    });
    await expect(orders.ready()).rejects.toMatchObject({ code: "ERR_PROXYLESS_DISCOVERY" });
    source.put("orders", list("b"));
    expect(serving(orders)).toBe("b");
    expect(clock.pendingTimers).toBe(0);
  });

  it("get no younger when the source confirms a list that could not be used", async () => {
    const { clock, directory, source } = rig({ maxStaleMs: 60_000 });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    await clock.advance(10_000);
    source.push("orders", "nonsense");
    await clock.advance(20_000);
    source.alive("orders");
    expect(directory.dump()[0]).toMatchObject({ ageMs: 30_000, stale: true });
    await clock.advance(29_999);
    expect(serving(orders)).toBe("a");
    await clock.advance(1);
    expect(orders.current.status).toBe("failed");
  });

  it("stay when the source confirms them in time, and without trouble however long it is silent", async () => {
    const { clock, directory, source } = rig({}, { maxStaleMs: 60_000 });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    await clock.advance(600_000);
    expect(serving(orders)).toBe("a");
    source.alive("orders");
    source.fail("orders", transient);
    await clock.advance(59_000);
    source.alive("orders");
    await clock.advance(600_000);
    expect(serving(orders)).toBe("a");
  });
});

describe("an answer that makes no sense", () => {
  it("takes the endpoints away where that is asked for, and transient trouble never does", () => {
    const { directory, source } = rig({ onDataError: "drop" });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.fail("orders", transient);
    expect(serving(orders)).toBe("a");
    source.push("orders", "nonsense");
    expect(orders.current).toMatchObject({ status: "failed", error: { class: "data" } });
    source.alive("orders");
    expect(orders.current.status).toBe("failed");
    source.put("orders", list("a"));
    expect(serving(orders)).toBe("a");
  });
});

describe("the pace of a long list", () => {
  it("collects changes for 20 ms per thousand endpoints after a change, however urgent they are", async () => {
    const { clock, directory, source } = rig({ debounceMs: 0 });
    const all = many(5_000);
    const lines = record(directory.subscribe("orders"));
    source.put("orders", all);
    await clock.advance(0);
    const steps = lines.length;
    source.put("orders", all.with(1, { ...all[1]!, health: "unhealthy" }));
    source.put("orders", all.with(2, { ...all[2]!, weight: 0 }));
    await clock.advance(99);
    expect(lines).toHaveLength(steps);
    await clock.advance(1);
    expect(lines.slice(steps)).toEqual(["bound ~e2"]);
    await clock.advance(100);
    source.put("orders", all);
    await clock.advance(0);
    expect(lines.slice(steps)).toEqual(["bound ~e2", "bound ~e2"]);
  });

  it("is taken in in turns of its own: one to read it, one to tell it, and the newest wins", async () => {
    const { clock, directory, source } = rig({ debounceMs: 0 });
    const all = many(5_000);
    const lines = record(directory.subscribe("orders"));
    source.put("orders", all);
    await clock.advance(100);
    const steps = lines.length;
    source.put("orders", all.with(1, { ...all[1]!, health: "unhealthy" }));
    source.put("orders", all.with(2, { ...all[2]!, weight: 0 }));
    expect(lines).toHaveLength(steps);
    await clock.advance(0);
    expect(lines.slice(steps)).toEqual(["bound ~e2"]);
  });

  it("is told however fast its source talks", async () => {
    const { clock, directory, source } = rig({ debounceMs: 0 });
    const all = many(3_000);
    const lines = record(directory.subscribe("orders"));
    source.put("orders", all);
    await clock.advance(0);
    const steps = lines.length;
    for (let i = 0; i < 300; i++) {
      source.put("orders", all.slice(i % 5));
      source.put("orders", all.slice(i % 7));
      await clock.advance(1);
    }
    // One in 60 ms, and one turn more to read and one to tell.
    expect(lines.length - steps).toBeGreaterThanOrEqual(4);
    expect(lines.length - steps).toBeLessThanOrEqual(6);
  });

  it("is nobody's concern below five hundred endpoints", () => {
    const { directory, source } = rig({ debounceMs: 0 });
    const all = many(499);
    const lines = record(directory.subscribe("orders"));
    for (let i = 1; i < 20; i++) source.put("orders", all.slice(0, all.length - i));
    expect(lines).toHaveLength(19);
  });

  it("does not hold back the first list after an empty one, an empty one that was meant, or an error", async () => {
    const { clock, directory, said, source } = rig({ debounceMs: 0 });
    const all = many(1_000);
    const orders = directory.subscribe("orders");
    source.put("orders", all);
    source.put("orders", all.slice(1));
    source.fail("orders", transient);
    // What came before the error counts, and is told before it.
    expect(orders.current).toMatchObject({ version: 2, stale: true });
    expect(said("discovery.error")).toEqual([expect.objectContaining({ serving: 999 })]);
    source.push("orders", bound([], { explicitRemovals: true }));
    expect(serving(orders)).toBe("");
    source.put("orders", all);
    expect(orders.current).toMatchObject({ status: "bound", version: 4 });
    await clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it("takes removals that were meant and those that were not for the latter when they wait together", async () => {
    const { clock, directory, source } = rig({ debounceMs: 0 });
    const all = many(1_000);
    const orders = directory.subscribe("orders");
    source.put("orders", all);
    source.put("orders", all.slice(0, 300));
    source.push("orders", bound(all.slice(0, 299), { explicitRemovals: true }));
    await clock.advance(20);
    const { current } = orders;
    expect(current.status === "bound" && current.endpoints.filter(({ held }) => held)).toHaveLength(701);
  });

  it("makes five updates of a thousand changes in a second among ten thousand", async () => {
    const source = memorySource({ orders: many(10_000) });
    const { clock, directory } = rigFor(source);
    const orders = directory.subscribe("orders");
    await clock.advance(0);
    const lines = record(orders);
    for (let i = 0; i < 1_000; i++) {
      source.remove("orders", `e${i}`);
      await clock.advance(1);
    }
    expect(lines.length).toBeGreaterThanOrEqual(5);
    expect(lines.length).toBeLessThanOrEqual(6);
    await clock.advance(200);
    expect(orders.current.status === "bound" && orders.current.endpoints).toHaveLength(9_000);
  });
});

describe("sharing", () => {
  it("gives two hundred users of one service one watch, and tells each of them", async () => {
    const { clock, directory, source } = rig();
    const users = Array.from({ length: 200 }, () => record(directory.subscribe("orders")));
    source.put("orders", list("a"));
    source.put("orders", list("a", "b"));
    await clock.advance(20);
    expect(source.watches).toHaveLength(1);
    expect(users.every((lines) => lines.join() === "bound +a,bound +b")).toBe(true);
  });
});
