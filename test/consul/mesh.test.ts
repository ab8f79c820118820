import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";

import { createMesh } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { consul, consulRegistrar } from "@proxyless/discovery-consul";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";

let agent: ConsulAgent;
let mesh: Mesh;

beforeEach(async () => {
  agent = await startConsul();
  mesh = createMesh({ discovery: consul({ url: agent.url }) });
}, 120_000);

afterEach(async () => {
  await mesh.close();
  await agent.stop();
});

/** An instance that says its own port; registered through our own registrar. */
async function instance(): Promise<{ port: number; leave(): Promise<void> }> {
  const server: Server = createServer((_, response) => {
    const address = server.address();
    response.end(String(typeof address === "object" ? address?.port : address));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const handle = await consulRegistrar({ url: agent.url }).register({
    service: "echo",
    host: "127.0.0.1",
    port,
    check: { ttlMs: 3000 },
  });
  onTestFinished(async () => {
    await handle.deregister({ propagationMs: 0 });
    server.close();
    server.closeAllConnections();
  });
  return { port, leave: () => handle.deregister({ propagationMs: 100 }) };
}

/** Calls until `done`, and tells who answered and what failed. */
async function traffic(done: (ports: ReadonlySet<number>) => boolean): Promise<number> {
  const ports = new Set<number>();
  let calls = 0;
  for (const end = performance.now() + 20_000; !done(ports); calls++) {
    if (performance.now() > end) throw new Error(`after ${calls} calls only ${[...ports].join()} answered`);
    // eslint-disable-next-line no-await-in-loop -- one call after the other
    const response = await mesh.fetch("http://echo/");
    // eslint-disable-next-line no-await-in-loop -- as above
    ports.add(Number(await response.text()));
  }
  return calls;
}

describe("a mesh on a real agent", { timeout: 60_000 }, () => {
  it("calls who comes and no longer who leaves, without one failed call", async () => {
    const first = await instance();
    await traffic((ports) => ports.has(first.port));
    const second = await instance();
    await traffic((ports) => ports.has(second.port));
    await first.leave();
    const later = new Set<number>();
    for (let i = 0; i < 50; i++) {
      // eslint-disable-next-line no-await-in-loop -- one call after the other
      later.add(Number(await (await mesh.fetch("http://echo/")).text()));
    }
    expect([...later]).toEqual([second.port]);
  });

  it("goes on calling while the agent is dead, says so, and finds newcomers when it is back", async () => {
    const events: string[] = [];
    mesh.on("discovery.error", (event) => events.push(`error ${event.class} ${event.serving}`));
    mesh.on("discovery.recovered", () => events.push("recovered"));
    const first = await instance();
    await traffic((ports) => ports.has(first.port));
    await agent.kill();
    await traffic(() => events.includes("error transient 1"));
    const calls = Array.from({ length: 100 }, () => mesh.fetch("http://echo/"));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    await agent.restart();
    const second = await instance();
    await traffic((ports) => ports.has(second.port));
    expect(events).toContain("recovered");
  });

  it("says at once what is wrong when the token may read nothing", async () => {
    const closed = await startConsul({ acl: true });
    const other = createMesh({ discovery: consul({ url: closed.url }) });
    onTestFinished(async () => {
      await other.close();
      await closed.stop();
    });
    await expect(other.fetch("http://echo/")).rejects.toMatchObject({
      code: "ERR_PROXYLESS_DISCOVERY",
      message: expect.stringContaining("service:read"),
    });
  });
});
