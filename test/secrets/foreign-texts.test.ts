import { createMesh } from "@proxyless/core";
import type { RegistrationHandle, Registrar } from "@proxyless/core/discovery";
import { fakeEndpoint, fakeSource } from "@proxyless/core/testing";
import { expect, it } from "vitest";

import { Overheard } from "./support/overheard.ts";
import { Planted } from "./support/planted.ts";

/** What others say who were not careful, each with a secret of its own. */
function texts(planted: Planted, who: string): readonly string[] {
  const at = (where: string): string => planted.at(`${who}, ${where}`);
  return [
    `GET http://admin:${at("a user of a URL")}@registry:8500/v1/health?token=${at("a query")}: 403`,
    `permission denied, X-Consul-Token: ${at("a header")}`,
    `{"authorization":"Bearer ${at("an authorization")}","cookie":"a=${at("a cookie")}"}`,
    `bearer ${at("a bearer token")} has expired; password=${at("a password")}`,
  ];
}

/** A registrar that says such things of everything that it does. */
function careless(planted: Planted): Registrar {
  return {
    name: "careless",
    register: (instance) => {
      for (const text of texts(planted, "a registrar")) {
        queueMicrotask(() => instance.onStateChange?.("lost", new Error(text)));
      }
      const handle: RegistrationHandle = {
        id: "orders-1",
        host: "127.0.0.1",
        port: 1,
        state: "registered",
        setStatus: (_, note = "") => {
          planted.text("a registry", note);
          return Promise.resolve();
        },
        update: () => Promise.resolve(),
        deregister: async (options) => {
          const [text] = texts(planted, "a registrar that is left");
          await options?.onStep?.("draining", new Error(text));
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      return Promise.resolve(handle);
    },
  };
}

it("no secret comes out that stands in what a source, a fallback, a registrar or a health function says", async () => {
  const planted = new Planted();
  const overheard = new Overheard(planted);
  const source = fakeSource({ silent: true });
  const fallbacks = [...texts(planted, "a fallback")];
  const healths = [...texts(planted, "a health function")];
  const run = (): never => {
    throw new Error(fallbacks.shift());
  };
  const mesh = overheard.listenTo(
    createMesh({
      discovery: source,
      registrar: careless(planted),
      services: { orders: { retry: false, fallback: { run } } },
    }),
  );
  mesh.service("orders");
  for (const message of texts(planted, "a source")) {
    source.fail("orders", { class: "auth", message });
    await planted.thrown("ready", () => mesh.ready("orders", { signal: AbortSignal.timeout(20) }));
    planted.value("dumps", mesh.inspect());
  }
  const [host] = texts(planted, "a list");
  source.put("orders", [
    fakeEndpoint("one", { host: "127.0.0.1", port: 1 }),
    fakeEndpoint("two", { host: host!, port: 1 }),
  ]);
  while (fallbacks.length > 0) {
    await mesh.fetch("http://orders/x").catch(() => undefined);
  }
  const instance = await mesh.register({
    service: "orders",
    host: "127.0.0.1",
    port: 1,
    healthIntervalMs: 100,
    health: () => {
      throw new Error(healths.shift() ?? "well said");
    },
    drain: () => {
      throw new Error(texts(planted, "a drain")[0]);
    },
  });
  await expect.poll(() => planted.from("event log"), { timeout: 10_000 }).toContain("well said");
  await instance.leave({ propagationMs: 0 });
  await overheard.end();
  // Nothing would be found where nothing is said.
  const types = new Set(planted.from("event types").split("\n"));
  const told = ["discovery.error", "discovery.skipped", "call.fallback_failed", "registration.lost"];
  expect([...types]).toEqual(
    expect.arrayContaining([...told, "registration.status", "registration.leaving"]),
  );
  expect(planted.leaks).toEqual([]);
});
