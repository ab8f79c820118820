import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";
import { expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";

const outageMs = 60_000;

/** An instance that says its own port, registered without a check. */
async function instance(agent: ConsulAgent): Promise<number> {
  const server = createServer((_, response) => {
    const address = server.address();
    response.end(JSON.stringify(typeof address === "object" ? address?.port : address));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await agent.call("PUT", "/v1/agent/service/register", {
    ID: `orders-${port}`,
    Name: "orders",
    Address: "127.0.0.1",
    Port: port,
  });
  return port;
}

it(
  "a Consul that is gone for a minute under traffic costs no call, and what is registered afterwards is called",
  async () => {
    const agent = await startConsul({ state: "disk" });
    onTestFinished(() => agent.stop());
    const ports = [await instance(agent), await instance(agent), await instance(agent)];
    const mesh = createMesh({ discovery: consul({ url: agent.url }) });
    onTestFinished(() => mesh.close());
    const heard: string[] = [];
    mesh.on("discovery.error", (event) => heard.push(`${event.class} ${event.serving}: ${event.message}`));
    mesh.on("discovery.recovered", () => heard.push("recovered"));
    const client = mesh.service("orders");
    const failures: unknown[] = [];
    const answered = new Map<unknown, number>();
    let calls = 0;
    const stop = new AbortController();
    const traffic = (async () => {
      while (!stop.signal.aborted) {
        calls++;
        void client.GET("/").then(
          ({ data }) => answered.set(data, (answered.get(data) ?? 0) + 1),
          (error: unknown) => failures.push(error),
        );
        await sleep(20);
      }
    })();
    await expect.poll(() => answered.size, { timeout: 10_000 }).toBe(3);

    await agent.kill();
    answered.clear();
    await sleep(outageMs);
    expect(failures).toEqual([]);
    expect([...answered.keys()].toSorted((a, b) => Number(a) - Number(b))).toEqual(
      ports.toSorted((a, b) => a - b),
    );
    expect(calls).toBeGreaterThan(outageMs / 40);
    expect(heard[0]).toMatch(/^transient 3: .+/u);

    await agent.restart();
    const newcomer = await instance(agent);
    await expect.poll(() => answered.has(newcomer), { timeout: 45_000 }).toBe(true);
    stop.abort();
    await traffic;
    expect(failures).toEqual([]);
    expect(heard).toContain("recovered");
  },
  outageMs + 90_000,
);
