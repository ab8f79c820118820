import { setTimeout as sleep } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";
import { expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { instance, Traffic } from "./traffic.ts";
import { put } from "./watch.ts";

const outageMs = 60_000;

async function registered(agent: ConsulAgent): Promise<number> {
  const port = await instance();
  await put(agent, `orders-${port}`, { Name: "orders", Address: "127.0.0.1", Port: port });
  return port;
}

it(
  "a Consul that is gone for a minute under traffic costs no call, and what is registered afterwards is called",
  async () => {
    const agent = await startConsul({ state: "disk" });
    onTestFinished(() => agent.stop());
    const ports = [await registered(agent), await registered(agent), await registered(agent)];
    const mesh = createMesh({ discovery: consul({ url: agent.url }) });
    onTestFinished(() => mesh.close());
    const errors: string[] = [];
    let recoveredAfterMs = 0;
    mesh.on("discovery.error", (event) => errors.push(`${event.class} ${event.serving}: ${event.message}`));
    mesh.on("discovery.recovered", ({ staleMs }) => {
      recoveredAfterMs = staleMs;
    });
    const traffic = new Traffic(mesh, "orders");
    await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toHaveLength(3);

    await agent.kill();
    traffic.forget();
    await sleep(outageMs);
    expect(traffic.failures).toEqual([]);
    expect(traffic.answerers).toEqual(ports.toSorted((a, b) => a - b));
    // 50 a second are begun; a busy machine begins fewer.
    expect(traffic.answers).toBeGreaterThan(outageMs / 40);
    // The connection that broke, then the one that is refused: said once in ten seconds, not with every try.
    expect(errors.every((error) => error.startsWith("transient 3: "))).toBe(true);
    expect(errors.at(-1)).toContain("ECONNREFUSED");
    expect(errors.length).toBeLessThanOrEqual(7);
    expect(recoveredAfterMs).toBe(0);

    await agent.restart();
    const newcomer = await registered(agent);
    await expect.poll(() => traffic.answerers, { timeout: 45_000 }).toContain(newcomer);
    await traffic.end();
    expect(traffic.failures).toEqual([]);
    expect(recoveredAfterMs).toBeGreaterThan(outageMs - 1000);
  },
  outageMs + 90_000,
);
