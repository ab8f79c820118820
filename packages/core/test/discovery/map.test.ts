import { describe, expect, it } from "vitest";

import { filter, map, mapSnapshots } from "../../src/discovery/combine/map.ts";
import type { DiscoverySource } from "../../src/discovery/source.ts";
import { sourceContract } from "../../src/testing/describe-source.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource } from "../../src/testing/fake-source.ts";
import { list, rigFor, serving, untyped } from "./rig.ts";
import type { Rig } from "./rig.ts";

function over(change: (source: FakeSource) => DiscoverySource): Rig & { readonly source: FakeSource } {
  const source = fakeSource({ silent: true, debounceMs: 0 });
  return { ...rigFor(change(source)), source };
}

describe("map", () => {
  it("changes every endpoint, and leaves out what becomes undefined", () => {
    const { directory, source } = over((inner) =>
      map(inner, (endpoint, service) =>
        endpoint.id === "b" ? undefined : { ...endpoint, port: 9_090, version: service },
      ),
    );
    const orders = directory.subscribe("orders");
    source.put("orders", list("a", "b", "c"));
    expect(serving(orders)).toBe("a c");
    expect(orders.current).toMatchObject({
      endpoints: [{ port: 9_090, version: "orders" }, { port: 9_090 }],
    });
  });

  it("takes a function that throws for an error of class data, keeps the last good list, and goes on", () => {
    let isBroken = false;
    const { directory, source, said } = over((inner) =>
      map(inner, (endpoint) => {
        if (isBroken) throw new TypeError("no zone");
        return endpoint;
      }),
    );
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    isBroken = true;
    source.put("orders", list("a", "b"));
    source.alive("orders");
    expect(serving(orders)).toBe("a");
    expect(orders.current).toMatchObject({ stale: true });
    expect(said("discovery.error")).toEqual([
      expect.objectContaining({ class: "data", message: "map failed: no zone" }),
    ]);
    isBroken = false;
    source.put("orders", list("a", "b"));
    expect(serving(orders)).toBe("a b");
    expect(orders.current).toMatchObject({ stale: false });
  });
});

describe("filter", () => {
  it("leaves out what does not pass, by service", () => {
    const { directory, source } = over((inner) =>
      filter(inner, ({ id }, service) => service === "users" || id !== "b"),
    );
    const [orders, users] = [directory.subscribe("orders"), directory.subscribe("users")];
    for (const service of ["orders", "users"]) source.put(service, list("a", "b"));
    expect([serving(orders), serving(users)]).toEqual(["a", "a b"]);
  });

  it("takes a promise for no answer", () => {
    const { directory, source, said } = over((inner) =>
      filter(
        inner,
        untyped(async () => false),
      ),
    );
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    expect(orders.current.status).toBe("pending");
    expect(said("discovery.error")[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("boolean"),
    });
  });
});

describe("mapSnapshots", () => {
  it("changes a list as a whole", () => {
    const { directory, source } = over((inner) =>
      mapSnapshots(inner, (snapshot) => ({ ...snapshot, endpoints: snapshot.endpoints.slice(0, 1) })),
    );
    const orders = directory.subscribe("orders");
    source.put("orders", list("a", "b"));
    expect(serving(orders)).toBe("a");
  });

  it("that answers nonsense is a data error", () => {
    const { directory, source, said } = over((inner) =>
      mapSnapshots(
        inner,
        untyped(() => undefined),
      ),
    );
    directory.subscribe("orders");
    source.put("orders", list("a"));
    expect(said("discovery.error")[0]).toMatchObject({ class: "data" });
  });
});

describe("a source in the place of another", () => {
  const source = fakeSource({ emptyHoldMs: 3, debounceMs: 1, maxStaleMs: 5_000, onDataError: "drop" });
  it("has its declarations, a key of its own, and closes it", async () => {
    const changed = filter(
      map(source, (endpoint) => endpoint),
      () => true,
      { name: "eu" },
    );
    expect(changed).toMatchObject({
      name: "fake",
      emptyHoldMs: 3,
      debounceMs: 1,
      maxStaleMs: 5_000,
      onDataError: "drop",
    });
    expect(changed.key({ service: "orders" })).toBe("eu(map(orders))");
    await changed.close?.();
    expect(source.closed).toBe(1);
  });

  it.for(
    sourceContract(
      () => {
        const inner = fakeSource();
        return {
          source: filter(
            map(inner, (endpoint) => ({ ...endpoint })),
            () => true,
          ),
          put: (service, endpoints) => {
            inner.put(service, endpoints);
          },
          remove: (service, id) => {
            inner.remove(service, id);
          },
          breakConnection: () => {
            inner.breakConnection();
          },
          restore: () => {
            inner.restore();
          },
          close: () => {},
        };
      },
      { timeoutMs: 2_000, quietMs: 30, without: ["putMalformed"] },
    ),
  )("keeps the contract: $name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
