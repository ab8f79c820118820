import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";

import { describe, expect, it } from "vitest";

import { createMesh } from "../../src/mesh.ts";
import { fakeSource } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { startBlackHole } from "../support/black-hole.ts";
import { answerOk } from "../support/http.ts";
import { closing, meshOf, rejection, server } from "../support/mesh.ts";

/** A server whose answers wait until the test lets them go. */
async function held() {
  const waiting: ServerResponse[] = [];
  const arrivals: (() => void)[] = [];
  const upstream = await server((_, response) => {
    waiting.push(response);
    arrivals.shift()?.();
  });
  return {
    ...upstream,
    address: upstream.address,
    arrived: () =>
      waiting.length > 0 ? Promise.resolve() : new Promise<void>((resolve) => arrivals.push(resolve)),
    /** The clients' ports of the calls that wait. */
    doors: () => waiting.map(({ req }) => req.socket.remotePort),
    answer: () => {
      for (const response of waiting.splice(0)) response.end('{"late":true}');
    },
  };
}

describe("an endpoint that leaves", () => {
  it("finishes its calls in flight, gets no new ones, and is drained when the last is done", async () => {
    const [old, young] = [await held(), await server(answerOk)];
    const { mesh, source, events } = meshOf([old.address]);
    const client = mesh.service("orders");
    const pending = client.GET("/slow");
    await old.arrived();
    source.set("orders", [young.address]);
    expect(events("endpoint.removed")).toMatchObject([{ endpoint: old.address, inFlight: 1 }]);
    expect(events("endpoint.drained")).toEqual([]);
    expect((await client.GET("/new")).data).toEqual({ ok: true });
    old.answer();
    expect((await pending).data).toEqual({ late: true });
    expect(events("endpoint.drained")).toMatchObject([{ endpoint: old.address }]);
  });

  it("loses its calls when they outlast the drain time; a GET goes elsewhere", async () => {
    const [old, young] = [await held(), await server(answerOk)];
    const clock = new ManualClock();
    const { mesh, source, events } = meshOf([old.address], {}, { clock, drainMs: 5_000 });
    const client = mesh.service("orders");
    const pending = client.GET("/slow");
    const post = rejection(client.POST("/slow", { body: {} }));
    await old.arrived();
    source.set("orders", [young.address]);
    await clock.advance(4_999);
    expect(events("endpoint.drained")).toEqual([]);
    await clock.advance(2);
    expect(await post).toMatchObject({ code: "ERR_PROXYLESS_RESET" });
    await clock.advance(1_000);
    expect((await pending).data).toEqual({ ok: true });
    expect(events("endpoint.drained")).toHaveLength(1);
  });
});

describe("connections", () => {
  it("are dropped when an endpoint was not used for a while, and made again when it is", async () => {
    const upstream = await server(answerOk);
    const clock = new ManualClock();
    const { mesh } = meshOf([upstream.address], { transport: { idleMs: 10_000 } }, { clock });
    const client = mesh.service("orders");
    await client.GET("/x");
    expect(mesh.inspect().services[0]?.endpoints[0]?.connections?.connected).toBe(1);
    await clock.advance(16_000);
    expect(mesh.inspect().services[0]?.endpoints[0]?.connections).toBeUndefined();
    expect((await client.GET("/x")).data).toEqual({ ok: true });
  });

  it("stay, with what is in flight on them, where an address gets another identity; what was measured does not", async () => {
    const upstream = await held();
    const doors = new Set<number | undefined>();
    const [host = "", port = ""] = upstream.address.split(":");
    const at = { host, port: Number(port) };
    const { mesh, source, events } = meshOf([], { transport: { connections: 1 } });
    source.set("orders", [{ id: "first", ...at }]);
    const client = mesh.service("orders");
    const call = async (): Promise<void> => {
      const pending = client.GET("/x");
      await upstream.arrived();
      for (const door of upstream.doors()) doors.add(door);
      upstream.answer();
      await pending;
    };
    await call();
    const pending = client.GET("/slow");
    await upstream.arrived();
    source.set("orders", [{ id: "second", ...at }]);
    const [endpoint] = mesh.inspect().services[0]?.endpoints ?? [];
    expect(endpoint).toMatchObject({ id: "second", latencyMs: undefined, connections: { connected: 1 } });
    upstream.answer();
    expect((await pending).data).toEqual({ late: true });
    expect(events("endpoint.drained")).toMatchObject([{ id: "first" }]);
    await call();
    expect(doors.size).toBe(1);
    source.set("orders", [{ id: "third", ...at, serverName: "orders.internal" }]);
    await call();
    expect(doors.size).toBe(2);
  });

  it("are never more than the limit, and later calls wait their turn", async () => {
    let open = 0;
    let most = 0;
    const upstream = await server((_, response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.end("{}");
      }, 5);
    });
    const { mesh } = meshOf([upstream.address], { transport: { connections: 4 } });
    await Promise.all(Array.from({ length: 40 }, () => mesh.service("orders").GET("/x")));
    expect(most).toBe(4);
    expect(upstream.requests).toHaveLength(40);
  });
});

describe("closing a mesh", () => {
  it("lets calls in flight finish, refuses new ones, and is the same promise each time", async () => {
    const upstream = await held();
    const { mesh } = meshOf([upstream.address]);
    const client = mesh.service("orders");
    const pending = client.GET("/slow");
    await upstream.arrived();
    const closed = mesh.close();
    expect(mesh.close()).toBe(closed);
    expect(await rejection(client.GET("/new"))).toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
    upstream.answer();
    expect((await pending).data).toEqual({ late: true });
    await closed;
  });

  it("ends calls that outlast the drain time", async () => {
    const upstream = await held();
    const { mesh } = meshOf([upstream.address], {}, { drainMs: 50 });
    const pending = rejection(mesh.service("orders").GET("/slow"));
    await upstream.arrived();
    await mesh.close();
    expect(await pending).toMatchObject({ code: "ERR_PROXYLESS_CLOSED", service: "orders" });
  });

  it("ends back-offs, connections that are being opened, and calls that wait for discovery", async () => {
    const hole = closing(await startBlackHole());
    const busy = await server((_, response) => response.writeHead(503, { "retry-after": "20" }).end("{}"));
    const { mesh } = meshOf([busy.address], { timeout: { connectMs: 20_000 } }, { drainMs: 0 });
    const silent = closing(createMesh({ discovery: fakeSource({ silent: true }), drainMs: 0 }));
    const stuck = meshOf(
      [hole.address],
      { timeout: { connectMs: 20_000, attemptMs: 25_000 } },
      { drainMs: 0 },
    );
    const ends = [mesh, silent, stuck.mesh].map((one) => rejection(one.service("orders").GET("/x")));
    await new Promise<void>((resolve) => {
      mesh.on("call.retried", () => {
        resolve();
      });
    });
    const before = performance.now();
    await Promise.all([mesh.close(), silent.close(), stuck.mesh.close()]);
    for (const end of ends) expect(await end).toMatchObject({ code: "ERR_PROXYLESS_CLOSED" });
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it("leaves nothing behind that keeps the process alive", async () => {
    const upstream = await server(answerOk);
    const program = `
      import { createMesh } from ${JSON.stringify(new URL("../../src/mesh.ts", import.meta.url).href)};
      import { memorySource } from ${JSON.stringify(new URL("../../src/discovery/memory-source.ts", import.meta.url).href)};
      const mesh = createMesh({ discovery: memorySource({ orders: [${JSON.stringify(upstream.address)}] }) });
      const { data } = await mesh.service("orders").GET("/x");
      await mesh.close();
      console.log(JSON.stringify({ data, left: process.getActiveResourcesInfo().filter((name) => name !== "PipeWrap" && name !== "TTYWrap") }));
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    closing({ close: async () => void child.kill() });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code]: unknown[] = await once(child, "exit");
    expect(code).toBe(0);
    expect(JSON.parse(output)).toEqual({ data: { ok: true }, left: [] });
  });
});
