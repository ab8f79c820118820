import { channel } from "node:diagnostics_channel";

import { describe, expect, expectTypeOf, it } from "vitest";

import { memorySource } from "../src/discovery/memory-source.ts";
import type { PickExplanation } from "../src/engine/request.ts";
import type { MeshEvent } from "../src/events.ts";
import { createMesh } from "../src/mesh.ts";
import type { Mesh } from "../src/mesh.ts";
import { fakeSource } from "../src/testing/fake-source.ts";
import { ManualClock } from "../src/testing/manual-clock.ts";
import { answerOk, refusedAddress } from "./support/http.ts";
import { closing, meshOf, rejection, server } from "./support/mesh.ts";

describe("mesh.inspect()", () => {
  it("shows services, endpoints, gates, circuits and budgets as plain data without anything secret", async () => {
    const upstream = await server(answerOk);
    const { mesh, source } = meshOf([]);
    const metadata = { password: "s3cret" };
    source.set("orders", [
      { host: "127.0.0.1", port: upstream.port, id: "a", metadata, locality: { zone: "z1" }, version: "2" },
      { host: "127.0.0.1", port: 9, id: "b", health: "draining" },
    ]);
    await mesh.service("orders").GET("/x?token=s3cret", { headers: { authorization: "Bearer s3cret" } });
    const dump = mesh.inspect();
    expect(JSON.parse(JSON.stringify(dump))).toMatchObject({
      services: [
        {
          service: "orders",
          discovery: { status: "bound", stale: false },
          calls: 0,
          endpoints: [
            {
              endpoint: upstream.address,
              id: "a",
              gate: [],
              pending: 0,
              successRatio: 1,
              zone: "z1",
              version: "2",
            },
            { endpoint: "127.0.0.1:9", id: "b", gate: [{ kind: "draining", text: "draining" }], pending: 0 },
          ],
          circuits: [{ state: "closed", calls: 1, failures: 0 }],
          budget: { balance: 2.2 },
        },
      ],
    });
    expect(JSON.stringify(dump)).not.toContain("s3cret");
  });
});

describe("a call that asks why", () => {
  it("hears for each attempt what was compared, what it cost, and what could not be chosen", async () => {
    const upstream = await server(answerOk);
    const { mesh, source } = meshOf([]);
    const [deadHost = "", deadPort = ""] = (await refusedAddress()).split(":");
    source.set("orders", [
      { host: "127.0.0.1", port: upstream.port },
      { host: deadHost, port: Number(deadPort) },
      { host: "127.0.0.1", port: 9, health: "draining" },
    ]);
    const heard: PickExplanation[] = [];
    const orders = mesh.service("orders", { outlierDetection: false });
    for (let i = 0; i < 8; i++) {
      await orders.GET("/x", { explain: (explanation) => heard.push(explanation) });
    }
    const again = heard.find(({ attempt }) => attempt === 2);
    expect(again).toMatchObject({ service: "orders", picked: upstream.address });
    for (const { attempt, compared, excluded, picked, text } of heard) {
      expect(compared[0]?.endpoint).toBe(picked);
      expect(compared.length).toBe(2);
      expect(excluded.slice(-1)).toEqual([{ endpoint: "127.0.0.1:9", reasons: ["draining"] }]);
      const others = excluded.slice(0, -1).map(({ reasons }) => reasons);
      expect(others).toEqual(attempt === 1 ? [] : [["tried already"]]);
      expect(text).toMatch(
        /picked 127\.0\.0\.1:\d+ \(.* cost .* vs .* cost .*\); (?:.*: tried already; )?127\.0\.0\.1:9: draining/u,
      );
    }
  });
});

describe("events", () => {
  it("reach listeners until they end their subscription, and diagnostics channels", async () => {
    const upstream = await server(answerOk);
    const { mesh } = meshOf([upstream.address]);
    const heard: MeshEvent[] = [];
    const published: unknown[] = [];
    const subscriber = (message: unknown): void => void published.push(message);
    channel("proxyless:call.completed").subscribe(subscriber);
    const end = mesh.on("call.completed", (event) => {
      expectTypeOf(event.attempts).toBeNumber();
      heard.push(event);
    });
    await mesh.service("orders").GET("/orders/{id}", { params: { path: { id: 1 } } });
    end();
    await mesh.service("orders").GET("/x");
    channel("proxyless:call.completed").unsubscribe(subscriber);
    expect(heard).toMatchObject([
      { service: "orders", method: "GET", outcome: "success", status: 200, attempts: 1, error: undefined },
    ]);
    expect(published).toHaveLength(2);
    expect(published[0]).toBe(heard[0]);
  });

  it("tell a failed call's code, flag and attempts", async () => {
    const { mesh, events } = meshOf([await refusedAddress()], { retry: { maxAttempts: 2 } });
    await rejection(mesh.service("orders").GET("/x"));
    expect(events("call.completed")).toMatchObject([
      { outcome: "failure", error: "ERR_PROXYLESS_CONNECT", flag: "UF", attempts: 2 },
    ]);
    expect(events("attempt.completed")).toMatchObject([
      { number: 1, phase: "connect", reason: "ECONNREFUSED" },
      { number: 2 },
    ]);
  });
});

describe("the first calls of a service", () => {
  it("wait for discovery, and go on as soon as it answers", async () => {
    const upstream = await server(answerOk);
    const source = fakeSource({ silent: true });
    const mesh = closing(createMesh({ discovery: source }));
    const call = mesh.service("orders").GET("/x");
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    expect(mesh.inspect().services[0]).toMatchObject({ calls: 1, discovery: { status: "pending" } });
    source.put("orders", [
      {
        id: "a",
        host: "127.0.0.1",
        port: upstream.port,
        weight: 1,
        priority: 0,
        health: "healthy",
        metadata: {},
      },
    ]);
    expect((await call).data).toEqual({ ok: true });
  });

  it("give up when the call's time is over before discovery answered", async () => {
    const clock = new ManualClock();
    const mesh = closing(createMesh({ discovery: fakeSource({ silent: true }), clock }));
    const call = rejection(mesh.service("orders").GET("/x", { timeoutMs: 250 }));
    await clock.advance(250);
    expect(await call).toMatchObject({
      code: "ERR_PROXYLESS_TIMEOUT",
      timeout: "total",
      flag: "DT",
      service: "orders",
    });
  });
});

describe("options of a service that is in use already", () => {
  it("are refused whatever used it first, instead of being ignored", async () => {
    const upstream = await server(answerOk);
    const uses: readonly ((mesh: Mesh) => unknown)[] = [
      (mesh) => mesh.ready("orders"),
      (mesh) => mesh.service("orders"),
      (mesh) => mesh.fetch("http://orders/x").then((response) => response.text()),
    ];
    for (const use of uses) {
      const mesh = closing(createMesh({ discovery: memorySource({ orders: [upstream.address] }) }));
      await use(mesh);
      expect(() => mesh.service("orders", { timeout: { totalMs: 200 } })).toThrow(
        /before orders is first used/u,
      );
      expect((await mesh.service("orders", { headers: { accept: "*/*" } }).GET("/x")).data).toEqual({
        ok: true,
      });
    }
  });

  it("are taken when they come first", async () => {
    const silent = await server(() => {});
    const mesh = closing(createMesh({ discovery: memorySource({ orders: [silent.address] }), drainMs: 0 }));
    const client = mesh.service("orders", { timeout: { totalMs: 400 } });
    expect(await rejection(client.GET("/x"))).toMatchObject({ timeout: "total" });
    expect(await rejection(mesh.service("orders").GET("/x"))).toMatchObject({ timeout: "total" });
  });
});

describe("a name that was met in a URL and is no service", () => {
  it("is forgotten after a while, so that many such names do not pile up", async () => {
    const clock = new ManualClock();
    const { mesh } = meshOf([], {}, { clock });
    for (let i = 0; i < 20; i++) await rejection(mesh.fetch(`http://nobody-${i}/`));
    expect(mesh.inspect().services).toHaveLength(20);
    await clock.advance(6_000);
    expect(mesh.inspect().services).toHaveLength(0);
  });
});
