import { describe, expect, it } from "vitest";

import type { MergeOptions } from "../../src/discovery/combine/merge-options.ts";
import { merge } from "../../src/discovery/combine/merge.ts";
import type { DirectoryOptions } from "../../src/discovery/directory-options.ts";
import type { Subscription } from "../../src/discovery/resolution.ts";
import { sourceContract } from "../../src/testing/describe-source.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource, FakeSourceOptions } from "../../src/testing/fake-source.ts";
import { bound, ending, list, record, rigFor, serving, untyped } from "./rig.ts";
import type { Rig } from "./rig.ts";

const refused = { class: "transient", message: "refused" } as const;
const ten = Array.from({ length: 10 }, (_, i) => `e${i}`);

interface Two extends Rig {
  readonly a: FakeSource;
  readonly b: FakeSource;
  readonly orders: Subscription;
}

async function two(
  options: MergeOptions = {},
  directoryOptions: DirectoryOptions = {},
  sourceOptions: FakeSourceOptions = {},
): Promise<Two> {
  const a = fakeSource({ silent: true, debounceMs: 0, ...sourceOptions });
  const b = fakeSource({ silent: true, debounceMs: 0, ...sourceOptions });
  const rig = rigFor(merge({ a, b }, options), directoryOptions);
  const orders = rig.directory.subscribe("orders");
  // Its parts are opened when it is, a moment later.
  await rig.clock.advance(0);
  return { ...rig, a, b, orders };
}

function priorities({ current }: Subscription): Record<string, number> {
  if (current.status !== "bound") return {};
  return Object.fromEntries(current.endpoints.map(({ id, priority }) => [id, priority]));
}

describe("merge", () => {
  it("gives the endpoints of all sources, each under the label of its own", async () => {
    const { a, b, orders } = await two();
    a.put("orders", list("x", "y"));
    b.put("orders", list("x2", "z"));
    expect(serving(orders)).toBe("a/x a/y b/x2 b/z");
    expect(orders.current).toMatchObject({ stale: false, from: "live" });
  });

  it("keeps endpoints apart that have one id in two registries, and takes an address once", async () => {
    const { a, b, orders, said } = await two();
    a.put("orders", [fakeEndpoint("1", { host: "10.0.0.1" }), fakeEndpoint("2", { host: "10.0.0.2" })]);
    b.put("orders", [fakeEndpoint("1", { host: "10.0.0.9" }), fakeEndpoint("copy", { host: "10.0.0.2" })]);
    expect(serving(orders)).toBe("a/1 a/2 b/1");
    expect(said("discovery.skipped")).toEqual([]);
  });

  it("makes the priorities of the second source worse than any of the first", async () => {
    const { a, b, orders } = await two({ mode: "failover" });
    a.put("orders", [fakeEndpoint("near"), fakeEndpoint("far", { priority: 700 })]);
    b.put("orders", [fakeEndpoint("there", { priority: 2 })]);
    expect(priorities(orders)).toEqual({ "a/near": 0, "a/far": 99, "b/there": 102 });
  });

  it("uses what one source knows at once, and lets it remove nothing until the others have answered or had time to", async () => {
    const { a, orders, clock } = await two();
    a.put("orders", list("x", "y"));
    expect(serving(orders)).toBe("a/x a/y");
    a.push("orders", bound(list("x"), { explicitRemovals: true }));
    expect(serving(orders)).toBe("a/x a/y");
    await clock.advance(5_000);
    expect(serving(orders)).toBe("a/x");
    a.push("orders", bound(list("w"), { explicitRemovals: true }));
    expect(serving(orders)).toBe("a/w");
  });

  it("is not emptied by a source that fails, and says whose trouble it is, once, until it is over", async () => {
    const { a, b, orders, clock, said } = await two();
    a.put("orders", list("x"));
    b.put("orders", list("y"));
    a.fail("orders", refused);
    for (let i = 0; i < 9; i++) {
      b.put("orders", list("y", `y${i}`));
      await clock.advance(1_000);
    }
    expect(serving(orders)).toBe("a/x b/y b/y8");
    expect(orders.current).toMatchObject({ stale: true });
    expect(said("discovery.error")).toEqual([
      expect.objectContaining({ class: "transient", message: "[a] refused" }),
    ]);
    expect(said("discovery.recovered")).toEqual([]);
    a.alive("orders");
    expect(said("discovery.recovered")).toEqual([expect.objectContaining({ staleMs: 9_000 })]);
    expect(orders.current).toMatchObject({ stale: false });
  });

  it("answers with one source when another one is refused from the start, and fails when all are", async () => {
    const { a, b, orders } = await two();
    const ready = ending(orders.ready());
    a.fail("orders", { class: "auth", message: "403" });
    expect(orders.current.status).toBe("pending");
    b.put("orders", list("y"));
    expect(await ready).toMatchObject({ value: { status: "bound", stale: true } });
    expect(serving(orders)).toBe("b/y");

    const other = await two();
    const fails = ending(other.orders.ready());
    other.b.fail("orders", refused);
    other.a.fail("orders", { class: "auth", message: "403" });
    expect(await fails).toMatchObject({ error: { message: expect.stringContaining("[a] 403 (auth)") } });
  });

  it("holds an empty answer of one source back although the other one has endpoints", async () => {
    const { a, b, orders, clock, said } = await two();
    a.put("orders", list("x", "y"));
    b.put("orders", list("z"));
    a.put("orders", []);
    expect(serving(orders)).toBe("a/x a/y b/z");
    expect(a.watches[0]?.refreshes).toEqual(["confirm empty"]);
    expect(b.watches[0]?.refreshes).toEqual([]);
    expect(said("discovery.notice")).toEqual([
      expect.objectContaining({ topic: "merge", message: "[a] empty: 2 endpoints stay for 30000 ms" }),
    ]);
    await clock.advance(30_000);
    expect(serving(orders)).toBe("b/z");
  });

  it("keeps what one source lost all at once as a last resort, behind every other source", async () => {
    const { a, b, orders, clock } = await two({ mode: "failover" });
    a.put("orders", list(...ten));
    b.put("orders", list("z"));
    a.put("orders", list("e0"));
    expect(priorities(orders)).toMatchObject({ "a/e0": 0, "a/e1": 1_000, "a/e9": 1_000, "b/z": 100 });
    await clock.advance(30_000);
    expect(serving(orders)).toBe("a/e0 b/z");
  });

  it("counts an incomplete answer of one source without holding back what another one removes", async () => {
    const { a, b, orders } = await two();
    a.put("orders", list("x", "y"));
    b.put("orders", list("z", "z2"));
    a.push("orders", bound(list("x"), { trust: "suspect" }));
    b.push("orders", bound(list("z"), { explicitRemovals: true }));
    expect(serving(orders)).toBe("a/x a/y b/z");
  });

  it("is absent only when every source says so", async () => {
    const { a, b, orders, clock } = await two();
    a.delete("orders");
    await clock.advance(5_000);
    expect(orders.current).toMatchObject({ status: "absent" });
    b.put("orders", []);
    expect(orders.current).toMatchObject({ status: "bound", endpoints: [] });
  });

  it("opens a part again whose watch ended, and leaves the others alone", async () => {
    const { a, b, clock } = await two();
    a.watches[0]?.end();
    await clock.advance(1_000);
    expect([a.watches.length, b.watches.length]).toEqual([2, 1]);
  });

  it("skips what makes no sense in one source, and takes nothing but nonsense for trouble", async () => {
    const { a, b, orders, directory } = await two();
    a.push("orders", bound([...list("x"), fakeEndpoint("bad", { port: 0 })]));
    b.put("orders", list("y"));
    expect(directory.dump()[0]?.counts.skipped).toBeGreaterThan(0);
    a.push("orders", bound([fakeEndpoint("bad", { port: 0 })]));
    b.push("orders", "nonsense");
    expect(serving(orders)).toBe("a/x b/y");
    expect(directory.dump()[0]?.error).toMatchObject({ class: "data" });
  });

  it("ends everything with the watch, and closes every source", async () => {
    const { a, b, clock, directory } = await two();
    a.put("orders", list(...ten));
    a.put("orders", list("e0"));
    await directory.close();
    expect([a.open, b.open, a.closed, b.closed, clock.pendingTimers]).toEqual([0, 0, 1, 1, 0]);
  });

  it("is sure of its age by the part that was confirmed longest ago", async () => {
    const { a, b, clock, directory } = await two();
    a.put("orders", list("x"));
    b.put("orders", list("y"));
    await clock.advance(4_000);
    a.alive("orders");
    expect(directory.dump()[0]?.ageMs).toBe(4_000);
    b.alive("orders", 500);
    expect(directory.dump()[0]?.ageMs).toBe(500);
  });
});

describe("flip-flop", () => {
  it("of the preferred source is damped: it has to have endpoints for a while before they are preferred again", async () => {
    const { a, b, orders, clock } = await two({ mode: "failover" }, {}, { emptyHoldMs: 0 });
    const lines = record(orders);
    a.put("orders", list("x"));
    b.put("orders", list("z"));
    lines.length = 0;
    for (let i = 0; i < 20; i++) {
      a.put("orders", []);
      await clock.advance(500);
      a.put("orders", list("x"));
      await clock.advance(500);
    }
    expect(lines).toEqual(["bound -a/x"]);
    await clock.advance(10_000);
    expect(lines).toEqual(["bound -a/x", "bound +a/x"]);
  });

  it("is not damped when nobody else has any endpoint", async () => {
    const { a, b, orders } = await two({ mode: "failover" }, {}, { emptyHoldMs: 0 });
    a.put("orders", list("x"));
    b.put("orders", []);
    a.put("orders", []);
    a.put("orders", list("x"));
    expect(serving(orders)).toBe("a/x");
  });
});

describe("what merge is made of", () => {
  it.for<[string, unknown, unknown, string]>([
    ["sources", {}, {}, "at least one source"],
    ["sources", { 1: fakeSource() }, {}, "begin with a letter"],
    ["sources.a", { a: {} }, {}, "a source"],
    ["mode", { a: fakeSource() }, { mode: "both" }, "union, failover"],
    ["priorityStep", { a: fakeSource() }, { priorityStep: 0 }, "from 1 to 10000"],
    ["failbackMs", { a: fakeSource() }, { failbackMs: -1 }, "from 0"],
    ["settleMs", { a: fakeSource() }, { settleMs: 1.5 }, "from 0"],
    ["maxEndpoints", { a: fakeSource() }, { maxEndpoints: 0 }, "from 1"],
    ["step", { a: fakeSource() }, { step: 1 }, "absent"],
  ])("refuses bad %s", ([field, sources, options, message]) => {
    const make = (): unknown => merge(untyped(sources), untyped(options));
    expect(make).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }));
    expect(make).toThrow(message);
  });

  it("has a key of everything that changes the answer", () => {
    const key = (names: readonly string[], options: MergeOptions = {}): string => {
      const sources = Object.fromEntries(names.map((name) => [name, fakeSource()]));
      return merge(sources, options).key({ service: "orders" });
    };
    const keys = [key(["a", "b"]), key(["b", "a"]), key(["a"]), key(["a", "b"], { mode: "failover" })];
    expect(new Set(keys).size).toBe(4);
    expect(key(["a", "b"])).toBe(key(["a", "b"]));
  });

  describe("keeps the contract of a source", () => {
    const make = (): Parameters<typeof sourceContract>[0] => () => {
      const one = fakeSource();
      const other = fakeSource();
      return {
        source: merge({ one, other }),
        put: (service, endpoints) => {
          one.put(service, endpoints.slice(0, 1));
          other.put(service, endpoints.slice(1));
        },
        remove: (service, id) => {
          one.remove(service, id);
          other.remove(service, id);
        },
        putMalformed: (service) => {
          one.put(service, [fakeEndpoint("bad", { port: -1 }), ...one.endpoints(service)]);
        },
        breakConnection: () => {
          one.breakConnection();
          other.breakConnection();
        },
        restore: () => {
          one.restore();
          other.restore();
        },
        close: () => {},
      };
    };
    it.for(sourceContract(make(), { timeoutMs: 8_000, quietMs: 30, without: ["remove"] }))(
      "$name",
      { timeout: 20_000 },
      async ({ run }) => {
        await expect(run()).resolves.toBeUndefined();
      },
    );
  });
});
