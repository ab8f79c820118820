import { describe, expect, it } from "vitest";

import { systemClock } from "../../src/clock.ts";
import type { DirectoryOptions } from "../../src/discovery/directory-options.ts";
import { createDirectory } from "../../src/discovery/directory.ts";
import { EventHub } from "../../src/event-hub.ts";
import { seededRandom } from "../../src/random.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import { bound, list, rig, serving } from "./rig.ts";

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
