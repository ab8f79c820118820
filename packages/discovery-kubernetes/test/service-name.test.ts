import { expect, it } from "vitest";

import { readServiceName } from "../src/service-name.ts";

it("reads the names that a service has in its cluster", () => {
  const orders = { name: "orders", namespace: "shop" };
  expect(readServiceName("orders", "shop")).toEqual(orders);
  expect(readServiceName("orders.shop", "other")).toEqual(orders);
  expect(readServiceName("orders.shop.svc", "other")).toEqual(orders);
  expect(readServiceName("orders.shop.svc.cluster.local", "other")).toEqual(orders);
  expect(readServiceName("orders.shop.svc.cluster.local.", "other")).toEqual(orders);
  expect(readServiceName("orders.shop.svc.corp.example", "other")).toEqual(orders);
});

it("refuses everything that cannot be one", () => {
  for (const name of [
    "",
    ".",
    "Orders",
    "-orders",
    "orders-",
    "orders..svc",
    "orders.shop.pod",
    "or/ders",
    "a b",
    "orders.shop.svc..local",
    "x".repeat(64),
  ]) {
    expect({ name, read: readServiceName(name, "shop") }).toEqual({ name, read: undefined });
  }
});
