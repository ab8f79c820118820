import { describe, expect, it } from "vitest";

import { fakeEndpoint } from "../../src/testing/fake-source.ts";
import { bound, list, record, rig, serving } from "./rig.ts";

const ten = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
const reset = { class: "transient", message: "reset" } as const;

describe("errors", () => {
  it("change no endpoint, mark them stale, and are said when their class changes or 10 s passed", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    const lines = record(orders);
    for (let i = 0; i < 100; i++) {
      source.fail("orders", reset);
      // eslint-disable-next-line no-await-in-loop -- time passes between errors
      await clock.advance(150);
    }
    source.fail("orders", { class: "auth", message: "403" });
    source.fail("orders", { class: "auth", message: "403" });
    expect(said("discovery.error")).toEqual([
      {
        type: "discovery.error",
        service: "orders",
        source: "fake",
        class: "transient",
        message: "reset",
        serving: 1,
      },
      expect.objectContaining({ class: "transient" }),
      expect.objectContaining({ class: "auth", message: "403" }),
    ]);
    expect(orders.current).toMatchObject({ status: "bound", stale: true, version: 1 });
    expect(lines).toEqual(["bound +a"]);
    source.alive("orders");
    expect(orders.current).toMatchObject({ status: "bound", stale: false, version: 1 });
    expect(said("discovery.recovered")).toEqual([
      { type: "discovery.recovered", service: "orders", source: "fake", staleMs: 15_000 },
    ]);
    expect(lines).toEqual(["bound +a"]);
  });

  it("do not flood when a source flaps", async () => {
    const { source, directory, clock, said } = rig();
    directory.subscribe("orders");
    source.put("orders", list("a"));
    for (let i = 0; i < 90; i++) {
      source.fail("orders", reset);
      source.alive("orders");
      // eslint-disable-next-line no-await-in-loop -- time passes between flaps
      await clock.advance(100);
    }
    expect(said("discovery.error")).toHaveLength(1);
    expect(said("discovery.recovered")).toHaveLength(1);
  });

  it.for<[string, unknown, object]>([
    ["a string", "boom", { class: "transient", message: "boom" }],
    ["nothing", undefined, { class: "transient", message: "the source reported an error without a message" }],
    ["an unknown class", { class: "odd", message: "x" }, { class: "transient", message: "x" }],
    ["line breaks", { class: "data", message: "a\r\nb\u0000c" }, { class: "data", message: "a b c" }],
    ["a book", { class: "data", message: "x".repeat(9_000) }, { message: `${"x".repeat(500)}…` }],
  ])("may be %s", ([, error, expected]) => {
    const { source, directory, said } = rig();
    directory.subscribe("orders");
    const sink: { error(value: unknown): void } | undefined = source.watches[0]?.sink;
    sink?.error(error);
    expect(said("discovery.error")[0]).toMatchObject(expected);
  });
});

describe("nonsense", () => {
  it("is a data error that keeps the last good endpoints, and alive does not make it sense", () => {
    const { source, directory, said } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.push("orders", { kind: "bound", endpoints: "<html>" });
    expect(serving(orders)).toBe("a");
    source.alive("orders");
    expect(orders.current).toMatchObject({ stale: true });
    expect(said("discovery.error")).toEqual([expect.objectContaining({ class: "data", serving: 1 })]);
    source.put("orders", list("a"));
    source.put("orders", list("b", "c"));
    expect(said("discovery.recovered")).toHaveLength(0);
    source.push("orders", bound([], { skipped: 3 }));
    expect(serving(orders)).toBe("b c");
    expect(said("discovery.error")).toHaveLength(1);
  });

  it("is a list of nothing but bad entries, or too long a list", async () => {
    const { source, directory, clock, said } = rig({ maxEndpoints: 2 });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.push("orders", bound([fakeEndpoint("x", { port: 0 }), fakeEndpoint("y", { host: "" })]));
    await clock.advance(20);
    expect(said("discovery.error")).toEqual([
      expect.objectContaining({
        class: "data",
        message: expect.stringContaining("none of 2 entries is usable"),
      }),
    ]);
    await clock.advance(10_000);
    source.put("orders", list("a", "b", "c"));
    expect(said("discovery.error").at(-1)).toMatchObject({ message: expect.stringContaining("limit of 2") });
    expect(serving(orders)).toBe("a");
  });

  it("costs only itself inside a good list, and is said once", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    for (let i = 0; i < 5; i++) {
      source.push("orders", bound([...list("a"), fakeEndpoint("bad", { port: i - 10 })]));
      // eslint-disable-next-line no-await-in-loop -- each snapshot is taken in on its own
      await clock.advance(20);
    }
    expect(serving(orders)).toBe("a");
    expect(said("discovery.skipped")).toEqual([
      {
        type: "discovery.skipped",
        service: "orders",
        source: "fake",
        entries: 1,
        reason: "1 × port is not an integer from 1 to 65535",
      },
    ]);
    expect(directory.dump()[0]?.counts.skipped).toBe(5);
  });
});

describe("an empty answer", () => {
  it("is held back while the registry is asked again, then believed", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a", "b"));
    source.put("orders", []);
    expect(serving(orders)).toBe("a b");
    expect(source.watches[0]?.refreshes).toEqual(["confirm empty"]);
    expect(said("discovery.protected")).toEqual([
      {
        type: "discovery.protected",
        service: "orders",
        source: "fake",
        reason: "empty",
        kept: 2,
        holdMs: 30_000,
      },
    ]);
    expect(directory.dump()[0]).toMatchObject({ holdingEmpty: true, holdEndsInMs: 30_000 });
    await clock.advance(15_000);
    expect(source.watches[0]?.refreshes).toEqual(["confirm empty", "confirm once more"]);
    source.put("orders", []);
    source.alive("orders");
    await clock.advance(14_999);
    expect(serving(orders)).toBe("a b");
    await clock.advance(1);
    expect(orders.current).toMatchObject({ status: "bound", endpoints: [], version: 2 });
    expect(said("discovery.protected")).toHaveLength(1);
  });

  it("is forgotten when the endpoints come back", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    const lines = record(orders);
    source.put("orders", list("a", "b"));
    source.put("orders", []);
    await clock.advance(29_000);
    source.put("orders", list("a", "b"));
    await clock.advance(60_000);
    expect(lines).toEqual(["bound +a +b"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is never believed while the source is in trouble, and at once when it confirms it", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", []);
    source.fail("orders", reset);
    await clock.advance(600_000);
    expect(serving(orders)).toBe("a");
    expect(clock.pendingTimers).toBe(0);
    source.alive("orders");
    expect(serving(orders)).toBe("");
  });

  it("that is late gives way to a list that comes after the trouble", async () => {
    const { source, directory, clock } = rig();
    const lines = record(directory.subscribe("orders"));
    source.put("orders", list("a"));
    source.put("orders", []);
    source.fail("orders", reset);
    await clock.advance(600_000);
    source.put("orders", list("a", "b"));
    expect(lines).toEqual(["bound +a", "bound +b"]);
  });

  it("is believed at once when the removals were asked for, or everybody had said goodbye", () => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.push("orders", bound([], { explicitRemovals: true }));
    expect(serving(orders)).toBe("");
    source.put("orders", [fakeEndpoint("a", { health: "draining" })]);
    source.put("orders", []);
    expect(serving(orders)).toBe("");
  });

  it("is held back too when whoever did not say goodbye is kept as a last resort", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list(...ten.slice(0, 9)));
    source.put("orders", [fakeEndpoint("a", { health: "draining" })]);
    await clock.advance(20);
    expect(serving(orders)).toBe("a (b) (c) (d) (e) (f) (g) (h) (i)");
    source.put("orders", []);
    expect(serving(orders)).toBe("a (b) (c) (d) (e) (f) (g) (h) (i)");
    expect(said("discovery.protected").at(-1)).toMatchObject({ reason: "empty", kept: 9 });
    await clock.advance(30_000);
    expect(serving(orders)).toBe("");
  });

  it("ends a hold at once when it turns out to have been asked for", () => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", []);
    source.push("orders", bound([], { explicitRemovals: true }));
    expect(serving(orders)).toBe("");
  });

  it("is held like it when the name is gone, and ends as absent", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", []);
    source.delete("orders");
    expect(serving(orders)).toBe("a");
    await clock.advance(30_000);
    expect(orders.current).toEqual({ status: "absent", version: 2 });
    source.put("orders", list("a"));
    source.delete("orders");
    expect(said("discovery.protected").map((event) => "reason" in event && event.reason)).toEqual([
      "empty",
      "absent",
    ]);
    source.put("orders", list("b"));
    expect(serving(orders)).toBe("b");
  });

  it("asks the registry to confirm at a bounded rate", () => {
    const { source, directory } = rig();
    directory.subscribe("orders");
    for (let i = 0; i < 50; i++) {
      source.put("orders", list("a"));
      source.put("orders", []);
    }
    expect(source.watches[0]?.refreshes).toHaveLength(1);
  });
});

describe("the loss of most endpoints", () => {
  it("keeps the lost ones as a last resort for the hold time", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    source.put(
      "orders",
      ten.map((id) => fakeEndpoint(id, { priority: 2 })),
    );
    const lines = record(orders);
    source.put(
      "orders",
      ["a", "b", "c", "d"].map((id) => fakeEndpoint(id, { priority: 2 })),
    );
    await clock.advance(20);
    expect(serving(orders)).toBe("a b c d (e) (f) (g) (h) (i) (j)");
    expect(lines.at(-1)).toBe("bound ~e ~f ~g ~h ~i ~j");
    const { current } = orders;
    expect(current.status === "bound" && current.endpoints.at(-1)).toMatchObject({
      priority: 1_002,
      weight: 1,
    });
    expect(said("discovery.protected")).toEqual([
      {
        type: "discovery.protected",
        service: "orders",
        source: "fake",
        reason: "shrink",
        kept: 6,
        holdMs: 30_000,
      },
    ]);
    expect(source.watches[0]?.refreshes).toEqual(["confirm shrink"]);
    expect(clock.pendingTimers).toBe(2);
    await clock.advance(10_000);
    source.put(
      "orders",
      ["a", "b", "c", "d", "e"].map((id) => fakeEndpoint(id, { priority: 2 })),
    );
    await clock.advance(20);
    expect(serving(orders)).toBe("a b c d e (f) (g) (h) (i) (j)");
    await clock.advance(20_000);
    expect(serving(orders)).toBe("a b c d e");
    expect(lines.at(-1)).toBe("bound -f -g -h -i -j");
    expect(clock.pendingTimers).toBe(0);
  });

  it("is not believed while the source cannot be asked again, and is when it says the same once it is back", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list(...ten));
    source.put("orders", list("a"));
    await clock.advance(20);
    source.fail("orders", reset);
    await clock.advance(600_000);
    expect(serving(orders)).toBe("a (b) (c) (d) (e) (f) (g) (h) (i) (j)");
    source.alive("orders");
    await clock.advance(20);
    expect(serving(orders)).toBe("a");
    expect(clock.pendingTimers).toBe(0);
  });

  it.for<[string, readonly string[], readonly string[]]>([
    ["half", ten, ["a", "b", "c", "d", "e"]],
    ["two of three", ["a", "b", "c"], ["a"]],
  ])("is ordinary when it is %s", async ([, before, after]) => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list(...before));
    source.put("orders", list(...after));
    await clock.advance(20);
    expect(serving(orders)).toBe(after.join(" "));
  });

  it("is believed when the removals were asked for", () => {
    const { source, directory } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list(...ten));
    source.push("orders", bound(list("a"), { explicitRemovals: true }));
    expect(serving(orders)).toBe("a");
  });

  it("does not count endpoints that were draining", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    source.put(
      "orders",
      ten.map((id) => fakeEndpoint(id, { health: id < "d" ? "healthy" : "draining" })),
    );
    source.put("orders", list("a", "b", "c"));
    await clock.advance(20);
    expect(serving(orders)).toBe("a b c");
  });

  it("does not keep an endpoint whose address somebody else has now", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    const at = (id: string, n: number): ReturnType<typeof fakeEndpoint> =>
      fakeEndpoint(id, { host: `10.0.0.${n}` });
    source.put("orders", [at("a", 1), at("b", 2), at("c", 3), at("d", 4)]);
    source.put("orders", [at("a2", 1), at("b2", 2), at("c2", 3)]);
    await clock.advance(20);
    expect(serving(orders)).toBe("a2 b2 c2 (d)");
  });

  it("never keeps more than the limit of endpoints", async () => {
    const { source, directory, clock } = rig({ maxEndpoints: 5 });
    const orders = directory.subscribe("orders");
    for (const generation of ["a", "b", "c", "d"]) {
      source.put("orders", list(...[1, 2, 3, 4].map((n) => `${generation}${n}`)));
      // eslint-disable-next-line no-await-in-loop -- each generation is taken in on its own
      await clock.advance(20);
      expect(directory.dump()[0]?.endpoints.length).toBeLessThanOrEqual(5);
    }
    expect(serving(orders)).toBe("(c4) d1 d2 d3 d4");
  });
});

describe("a suspect answer", () => {
  it("adds and updates but removes nothing, and is said once", async () => {
    const { source, directory, clock, said } = rig();
    const orders = directory.subscribe("orders");
    const lines = record(orders);
    source.put("orders", list("a", "b", "c"));
    for (let i = 0; i < 3; i++) {
      source.push("orders", bound([fakeEndpoint("a", { weight: 5 }), ...list("d")], { trust: "suspect" }));
      // eslint-disable-next-line no-await-in-loop -- each answer is taken in on its own
      await clock.advance(20);
    }
    source.push("orders", bound([], { trust: "suspect" }));
    source.push("orders", { kind: "absent", endpoints: [], trust: "suspect" });
    expect(serving(orders)).toBe("a b c d");
    expect(lines).toEqual(["bound +a +b +c", "bound +d ~a"]);
    expect(said("discovery.protected").map((event) => "kept" in event && event.kept)).toEqual([2, 4]);
    expect(source.watches[0]?.refreshes).toEqual([]);
    source.put("orders", list("a", "d"));
    await clock.advance(20);
    expect(serving(orders)).toBe("a d");
  });

  it("gives way where somebody else has the address now", async () => {
    const { source, directory, clock } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", [fakeEndpoint("a", { host: "10.0.0.1" }), fakeEndpoint("b", { host: "10.0.0.2" })]);
    source.push("orders", bound([fakeEndpoint("c", { host: "10.0.0.1" })], { trust: "suspect" }));
    await clock.advance(20);
    expect(serving(orders)).toBe("b c");
  });

  it("only updates when nothing more fits", async () => {
    const { source, directory, clock } = rig({ maxEndpoints: 3 });
    const orders = directory.subscribe("orders");
    source.put("orders", list("a", "b", "c"));
    const news = [fakeEndpoint("a", { weight: 5 }), ...list("d")];
    source.push("orders", bound(news, { trust: "suspect" }));
    await clock.advance(20);
    expect(serving(orders)).toBe("a b c");
    expect(orders.current).toMatchObject({ version: 2 });
  });
});
