import { describe, expect, it } from "vitest";

import { memorySource } from "../../src/discovery/memory-source.ts";
import { staticSource } from "../../src/discovery/static-source.ts";
import { record, rigFor, serving } from "./rig.ts";

describe("staticSource", () => {
  it("reads addresses, URLs and objects", async () => {
    const source = staticSource({
      orders: [
        "127.0.0.1:8080",
        "[::1]:8081",
        "orders.internal:80",
        "http://10.0.0.1:8082",
        "https://b.internal",
        "http://c.internal/",
        {
          host: "10.0.0.9",
          port: 443,
          scheme: "https",
          weight: 3,
          priority: 1,
          health: "draining",
          id: "nine",
        },
      ],
    });
    const { directory } = rigFor(source);
    const orders = await directory.subscribe("orders").ready();
    const seen = (orders.status === "bound" ? orders.endpoints : []).map(
      ({ id, scheme, host, port, weight, health }) => [id, scheme, host, port, weight, health],
    );
    expect(seen).toEqual([
      ["10.0.0.1:8082", "http", "10.0.0.1", 8082, 1, "healthy"],
      ["127.0.0.1:8080", undefined, "127.0.0.1", 8080, 1, "healthy"],
      ["[::1]:8081", undefined, "::1", 8081, 1, "healthy"],
      ["b.internal:443", "https", "b.internal", 443, 1, "healthy"],
      ["c.internal:80", "http", "c.internal", 80, 1, "healthy"],
      ["nine", "https", "10.0.0.9", 443, 3, "draining"],
      ["orders.internal:80", undefined, "orders.internal", 80, 1, "healthy"],
    ]);
  });

  it("knows an empty service from one that does not exist", async () => {
    const { directory } = rigFor(staticSource({ empty: [] }));
    expect(await directory.subscribe("empty").ready()).toMatchObject({ status: "bound", endpoints: [] });
    expect(await directory.subscribe("toString").ready()).toMatchObject({ status: "absent" });
    await directory.close();
  });

  it.for<[string, string, unknown]>([
    ["services", "an object of service names", null],
    ["services", "an object of service names", []],
    ["services", "a service name of at least one character", { "": [] }],
    ["services.a", "an array of endpoints", { a: "127.0.0.1:80" }],
    ["services.a[0]", "a URL or an object with host and port, got null", { a: [null] }],
    ["services.a[1]", 'an http(s) URL, got "10.0.0.1"', { a: ["10.0.0.2:80", "10.0.0.1"] }],
    ["services.a[0]", "an integer from 1 to 65535, got 0", { a: ["10.0.0.1:0"] }],
    ["services.a[0]", "an integer from 1 to 65535, got 70000", { a: ["10.0.0.1:70000"] }],
    ["services.a[0]", "an http(s) URL", { a: ["ftp://10.0.0.1:80"] }],
    ["services.a[0]", "without path", { a: ["http://10.0.0.1:80/api"] }],
    ["services.a[0]", "without path", { a: ["http://10.0.0.1:80?x=1"] }],
    ["services.a[0]", "an address other than a cloud metadata one, got", { a: ["169.254.169.254:80"] }],
    ["services.a[0]", "an address without credentials", { a: ["http://user:hunter2@10.0.0.1:80"] }],
    ["services.a[0].port", "an integer from 1 to 65535, got undefined", { a: [{ host: "h" }] }],
    ["services.a[0].host", "a DNS name", { a: [{ host: "a/b", port: 80 }] }],
    [
      "services.a[0].weight",
      "a number from 0 to 1000000, got -1",
      { a: [{ host: "h", port: 80, weight: -1 }] },
    ],
    ["services.a[0].wieght", "one of id, host", { a: [{ host: "h", port: 80, wieght: 1 }] }],
    ["services.a[1]", 'a unique address, got "h:80"', { a: ["h:80", { id: "x", host: "h", port: 80 }] }],
    ["services.a[1].id", 'unique, got "h:80"', { a: ["h:80", { id: "h:80", host: "i", port: 80 }] }],
  ])("names %s and says '%s'", ([field, message, services]) => {
    const make = (): unknown => Reflect.apply(staticSource, undefined, [services]);
    expect(make).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }));
    expect(make).toThrow(message);
    expect(make).not.toThrow("hunter2");
  });
});

describe("memorySource", () => {
  it("shows every change before the call that made it returns, and removals too", async () => {
    const source = memorySource({ orders: ["127.0.0.1:1"] });
    const { directory, clock } = rigFor(source);
    const orders = directory.subscribe("orders");
    const lines = record(orders);
    await orders.ready();
    expect(source.add("orders", "127.0.0.1:2")).toBe("127.0.0.1:2");
    expect(source.add("orders", { id: "two", host: "127.0.0.1", port: 2, weight: 5 })).toBe("two");
    expect(source.remove("orders", "127.0.0.1:1")).toBe(true);
    expect(source.remove("orders", "127.0.0.1:1")).toBe(false);
    expect(source.remove("nobody", "x")).toBe(false);
    source.set("orders", []);
    source.set("orders", ["127.0.0.1:3"]);
    source.delete("orders");
    expect(lines).toEqual([
      "bound +127.0.0.1:1",
      "bound +127.0.0.1:2",
      "bound +two -127.0.0.1:2",
      "bound -127.0.0.1:1",
      "bound -two",
      "bound +127.0.0.1:3",
      "absent -127.0.0.1:3",
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("reports absent names, and services that are set later", async () => {
    const source = memorySource();
    const { directory } = rigFor(source);
    const orders = directory.subscribe("orders");
    expect(await orders.ready()).toMatchObject({ status: "absent" });
    source.add("orders", "127.0.0.1:1");
    expect(serving(orders)).toBe("127.0.0.1:1");
  });

  it("can pretend trouble, which changes no endpoint", async () => {
    const source = memorySource({ orders: ["127.0.0.1:1"] });
    const { directory } = rigFor(source);
    const orders = directory.subscribe("orders");
    await orders.ready();
    source.fail("orders", { class: "transient", message: "down" });
    expect(orders.current).toMatchObject({ status: "bound", stale: true });
    source.add("orders", "127.0.0.1:2");
    expect(orders.current).toMatchObject({ status: "bound", stale: false });
  });

  it("refuses what is no endpoint and keeps what it had", async () => {
    const source = memorySource({ orders: ["127.0.0.1:1"] });
    expect(() => source.set("orders", ["127.0.0.1:0"])).toThrow(
      expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field: "endpoints[0]" }),
    );
    expect(() => source.add("orders", "x y:1")).toThrow(expect.objectContaining({ field: "endpoint" }));
    expect(() => source.add("", "127.0.0.1:1")).toThrow(expect.objectContaining({ field: "service" }));
    expect(() => Reflect.apply(memorySource, undefined, [[]])).toThrow(
      expect.objectContaining({ field: "initial" }),
    );
    const { directory } = rigFor(source);
    const orders = directory.subscribe("orders");
    await orders.ready();
    expect(serving(orders)).toBe("127.0.0.1:1");
  });
});
