import type { Watching } from "@proxyless/core/testing";
import { consul } from "@proxyless/discovery-consul";
import { expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { watchById } from "./watch.ts";

const services = Array.from({ length: 60 }, (_, i) => `service-${i}`);

async function agentWith(limit: number): Promise<ConsulAgent> {
  const agent = await startConsul({ config: { limits: { http_max_conns_per_client: limit } } });
  onTestFinished(() => agent.stop());
  for (const name of services) {
    // eslint-disable-next-line no-await-in-loop -- all at once would be connections too
    await register(agent, name, 1);
  }
  return agent;
}

async function register(agent: ConsulAgent, name: string, port: number): Promise<void> {
  await agent.call("PUT", "/v1/agent/service/register", {
    ID: `${name}-1`,
    Name: name,
    Address: "10.0.0.1",
    Port: port,
  });
}

function watchAll(agent: ConsulAgent): readonly Watching[] {
  const source = consul({ url: agent.url, maxConcurrentWatches: 16, overflowPollMs: 300 });
  const watches = services.map((name) => watchById(source, name));
  onTestFinished(async () => {
    await Promise.all(watches.map((watch) => watch.stop()));
  });
  return watches;
}

async function untilPort(watches: readonly Watching[], port: number): Promise<void> {
  await Promise.all(
    watches.map((watch) =>
      watch.until(`port ${port}`, () => watch.snapshots.at(-1)?.endpoints[0]?.port === port, 30_000),
    ),
  );
}

it("stays under http_max_conns_per_client with more services than long polls, and sees every change", async () => {
  // 16 long polls and at most 32 others, with some room for this test's own.
  const agent = await agentWith(16 + 32 + 8);
  const watches = watchAll(agent);
  await untilPort(watches, 1);
  for (const name of services) {
    // eslint-disable-next-line no-await-in-loop -- all at once would be connections too
    await register(agent, name, 2);
  }
  await untilPort(watches, 2);
  expect(watches.flatMap(({ errors }) => errors)).toEqual([]);
}, 90_000);

it("gets by with http_max_conns_per_client too low for it: refused connections are tried again", async () => {
  const agent = await agentWith(24);
  const watches = watchAll(agent);
  await untilPort(watches, 1);
  const classes = new Set(watches.flatMap(({ errors }) => errors).map((error) => error.class));
  expect([...classes]).toEqual(["transient"]);
}, 90_000);
