import { setTimeout as wait } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import type { TypedClient } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";

import { startConsul } from "../scripts/servers/index.ts";
import type { ConsulAgent } from "../scripts/servers/index.ts";
import { Backend } from "./backend-process.ts";
import type { Row } from "./row.ts";
import { quantile } from "./statistics.ts";

export interface DiscoveryOptions {
  readonly trials: number;
  readonly progress: (text: string) => void;
}

const service = "orders";
const patienceMs = 5_000;
const targetMs = 50;
/** What openapi-typescript would make of a service with this one operation. */
interface OrderPaths {
  "/orders/42": {
    get: { responses: { 200: { content: { "application/json": { id: string; port: number } } } } };
  };
}

/** Calls in flight while a new instance is waited for; each pauses a millisecond, so that Consul has a core to run on. */
const callers = 4;

/**
 * How soon a new instance is called: from the start of the request that registers it with a real Consul agent to the
 * end of the first call it answered. One instance serves throughout; each trial brings another and takes it away.
 */
export async function benchDiscovery({ progress, trials }: DiscoveryOptions): Promise<readonly Row[]> {
  progress("discovery: starting Consul");
  await using agent = await startConsul();
  await using backend = Backend.start();
  await using mesh = createMesh({ discovery: consul({ url: agent.url }) });
  await register(agent, await backend.listen());
  await mesh.ready(service);
  const client = mesh.service<OrderPaths>(service);
  const samples: number[] = [];
  // The first trial opens connections and warms the code; a service that has just started is not what is asked about.
  for (let trial = 0; trial <= trials; trial++) {
    progress(`discovery: trial ${trial} of ${trials}`);
    const port = await backend.listen();
    const ms = await timeToFirstCall(agent, client, port);
    if (trial > 0) samples.push(ms);
    await agent.call("PUT", `/v1/agent/service/deregister/${service}-${port}`);
    await until(
      `instance ${port} is gone`,
      () => !JSON.stringify(mesh.inspect().services).includes(`:${port}"`),
    );
    // Not in step with anything that ticks.
    await wait(20 + 60 * Math.random());
  }
  const note = `${trials} trials, ${Math.min(...samples).toFixed(1)}-${Math.max(...samples).toFixed(1)} ms, Consul ${agent.version}`;
  const name = "consul register to first call";
  return [
    { name, metric: "p50", value: quantile(samples, 0.5), ratio: null, against: null, target: null, note },
    { name, metric: "p99", value: quantile(samples, 0.99), ratio: null, against: null, target: targetMs },
  ];
}

async function register(agent: ConsulAgent, port: number): Promise<void> {
  await agent.call("PUT", "/v1/agent/service/register", {
    ID: `${service}-${port}`,
    Name: service,
    Address: "127.0.0.1",
    Port: port,
  });
}

async function timeToFirstCall(
  agent: ConsulAgent,
  client: TypedClient<OrderPaths>,
  port: number,
): Promise<number> {
  let reachedAt = 0;
  const begin = performance.now();
  const callUntilReached = async (): Promise<void> => {
    while (reachedAt === 0) {
      const { data } = await client.GET("/orders/42");
      const now = performance.now();
      if (reachedAt === 0 && data?.port === port) reachedAt = now;
      if (now - begin > patienceMs)
        throw new Error(`instance ${port} was not called within ${patienceMs} ms of its registration`);
      await wait(1);
    }
  };
  await Promise.all([register(agent, port), ...Array.from({ length: callers }, callUntilReached)]);
  return reachedAt - begin;
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + patienceMs; !isSo(); await wait(5)) {
    if (performance.now() > end) throw new Error(`not within ${patienceMs} ms: ${what}`);
  }
}
