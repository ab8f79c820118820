import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";

import { createMesh, memorySource } from "@proxyless/core";
import { createDashboard } from "@proxyless/dashboard";
import type { Dashboard } from "@proxyless/dashboard";
import express from "express";
import fastify from "fastify";
import { describe, expect, it } from "vitest";

import { portOf } from "./support/backend.ts";

/** A server with the page, and one route of its own: `GET /own` answers `own`. */
interface Door {
  readonly port: number;
  close(): Promise<void>;
}

const token = "correct-horse-battery";

const doors: Readonly<Record<string, (dashboard: Dashboard) => Promise<Door>>> = {
  "node:http": (dashboard) =>
    listening(
      createServer((request, response) => {
        if (!dashboard.handle(request, response)) response.end("own");
      }),
    ),
  Express: (dashboard) => {
    const app = express();
    // Before it, as in most services: it has read the body by then.
    app.use(express.json());
    app.use(dashboard.express);
    app.get("/own", (_request, response) => {
      response.end("own");
    });
    return listening(createServer(app));
  },
  "Express, under a path": (dashboard) => {
    const app = express();
    app.use("/internal", dashboard.express);
    app.get("/own", (_request, response) => {
      response.end("own");
    });
    return listening(createServer(app));
  },
  Fastify: async (dashboard) => {
    const app = fastify();
    await app.register(dashboard.fastify);
    app.get("/own", () => "own");
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: portOf(app.server), close: () => app.close() };
  },
};

async function listening(server: Server): Promise<Door> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

describe.each(Object.entries(doors))("behind %s", (_, open) => {
  it("the page, its streams and its actions are there, and nothing else is touched", async () => {
    await using mesh = createMesh({ discovery: memorySource({ orders: ["127.0.0.1:1"] }) });
    await mesh.ready("orders");
    const dashboard = createDashboard({ mesh, path: "/internal/mesh", token });
    const door = await open(dashboard);
    const base = `http://127.0.0.1:${door.port}`;
    const headers = { authorization: `Bearer ${token}`, "x-requested-with": "test" };
    const page = await fetch(`${base}/internal/mesh`);
    expect(page.url).toBe(`${base}/internal/mesh/`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("<!doctype html>")]);
    expect(await (await fetch(`${base}/own`)).text()).toBe("own");
    expect((await fetch(`${base}/internal/mesh/events`)).status).toBe(401);

    for (const name of ["events", "hystrix.stream"]) {
      const stream = await fetch(`${base}/internal/mesh/${name}`, { headers });
      expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      const reader = stream.body!.getReader();
      const { value = new Uint8Array() } = await reader.read();
      expect(Buffer.from(value).toString()).toMatch(/^event: whole|^ping/);
      await reader.cancel();
    }
    const json = { ...headers, "content-type": "application/json" };
    const path = `${base}/internal/mesh/circuit?service=orders&mode=forced-open`;
    expect((await fetch(path, { method: "POST", headers: json, body: "{}" })).status).toBe(204);
    expect(mesh.inspect().services[0]?.circuits[0]?.mode).toBe("forced-open");

    const watched = await fetch(`${base}/internal/mesh/events`, { headers });
    await dashboard.close();
    // The stream ends, so that the server's own end has nothing to wait for.
    await watched.body?.pipeTo(new WritableStream());
    await door.close();
  });
});
