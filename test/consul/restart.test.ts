import type { Watching } from "@proxyless/core/testing";
import { consulRegistrar } from "@proxyless/discovery-consul";
import { describe, expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent, ConsulAgentOptions } from "../../scripts/servers/index.ts";
import { put, watchConsul } from "./watch.ts";

async function agentFor(options: ConsulAgentOptions = {}): Promise<ConsulAgent> {
  const agent = await startConsul(options);
  onTestFinished(() => agent.stop());
  return agent;
}

function watch(agent: ConsulAgent): Watching {
  const made = watchConsul({ url: agent.url });
  onTestFinished(() => made.stop());
  return made;
}

describe("an agent that crashes", { timeout: 30_000 }, () => {
  it("and comes back empty, with a lower index, has its changes seen", async () => {
    const agent = await agentFor();
    for (let i = 0; i < 20; i++) {
      // eslint-disable-next-line no-await-in-loop -- each write moves the index
      await agent.call("PUT", "/v1/kv/x", String(i));
    }
    await put(agent, "web-1");
    const web = watch(agent);
    await web.untilStates(["web-1 healthy"]);
    const before = Number(web.snapshots.at(-1)?.revision);
    await agent.kill();
    await web.until("an error", () => web.errors.length > 0);
    expect(web.errors[0]?.class).toBe("transient");
    await agent.restart();
    await put(agent, "web-2");
    await web.untilStates(["web-2 healthy"]);
    expect(Number(web.snapshots.at(-1)?.revision)).toBeLessThan(before);
  }, 60_000);

  it("and comes back with its data only confirms what is known", async () => {
    const agent = await agentFor({ state: "disk" });
    await put(agent, "web-1");
    const web = watch(agent);
    await web.untilStates(["web-1 healthy"]);
    await agent.kill();
    await web.until("an error", () => web.errors.length > 0);
    await agent.restart();
    await web.until("good news", () => web.ages.length > 0 || web.snapshots.length > 1);
    await web.untilStates(["web-1 healthy"]);
    expect(web.errors.every((error) => error.class === "transient")).toBe(true);
  }, 60_000);

  it("and forgets an instance is told of it again", async () => {
    const agent = await agentFor();
    const states: string[] = [];
    const handle = await consulRegistrar({ url: agent.url }).register({
      service: "web",
      id: "web-1",
      host: "10.9.0.1",
      port: 80,
      check: { ttlMs: 3000 },
      onStateChange: (state) => states.push(state),
    });
    onTestFinished(() => handle.deregister({ propagationMs: 0 }));
    await handle.setStatus("out-of-service");
    const web = watch(agent);
    await web.untilStates(["web-1 draining"]);
    await agent.kill();
    await agent.restart();
    const seen = web.snapshots.length;
    await web.until(
      "it is back",
      () => web.snapshots.length > seen && web.states.join() === "web-1 draining",
    );
    await handle.setStatus("up");
    await web.untilStates(["web-1 healthy"]);
    expect(handle.state).toBe("registered");
  }, 60_000);
});

describe("a registration with a real agent", { timeout: 30_000 }, () => {
  it("is kept alive beyond its TTL, and seen as draining before it is gone", async () => {
    const agent = await agentFor();
    const handle = await consulRegistrar({ url: agent.url }).register({
      service: "web",
      id: "web-1",
      host: "10.9.0.1",
      port: 80,
      weight: 4,
      version: "3",
      check: { ttlMs: 3000 },
    });
    const web = watch(agent);
    await web.untilStates(["web-1 healthy"]);
    expect(web.snapshots.at(-1)?.endpoints[0]).toMatchObject({ weight: 4, version: "3" });
    await new Promise((resolve) => {
      setTimeout(resolve, 4000);
    });
    expect(web.states).toEqual(["web-1 healthy"]);
    const left = handle.deregister({ propagationMs: 200 });
    await web.untilStates(["web-1 draining"]);
    await left;
    await web.until("absent", () => web.snapshots.at(-1)?.kind === "absent");
  }, 60_000);

  it("passes an HTTP check from the first moment", async () => {
    const agent = await agentFor();
    const handle = await consulRegistrar({ url: agent.url }).register({
      service: "web",
      id: "web-1",
      host: "127.0.0.1",
      port: agent.ports.http,
      check: { http: `${agent.url}/v1/status/leader`, intervalMs: 1000 },
    });
    onTestFinished(() => handle.deregister({ propagationMs: 0 }));
    const web = watch(agent);
    await web.untilStates(["web-1 healthy"]);
    await handle.setStatus("out-of-service", "upgrade");
    await web.untilStates(["web-1 draining"]);
    expect(web.snapshots.map(({ endpoints }) => endpoints[0]?.health)).not.toContain("unhealthy");
  }, 60_000);
});
