import { setImmediate as turn } from "node:timers/promises";

import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics } from "@proxyless/metrics";

import { until } from "../../../scripts/servers/index.ts";

/** What is left when endpoints have come and gone. */
export interface Churned {
  readonly most: number;
  readonly seriesBefore: number;
  readonly seriesAfter: number;
  /** Heap, for each endpoint that was there. */
  readonly bytes: number;
}

const perRound = 500;
const firstRounds = 3;
const rounds = 20;

/** A process of its own, so that its heap is that of the mesh; the server stands elsewhere. */
async function churn(port: number): Promise<Churned> {
  const source = memorySource({ orders: [] });
  await using mesh = createMesh({
    discovery: source,
    services: { orders: { subset: false, outlierDetection: false } },
    drainMs: 1,
  });
  using metrics = createMetrics(mesh, { endpoints: true, maxSeries: 20_000, eventLoop: false });
  const series = async (): Promise<number> => {
    const { resourceMetrics } = await metrics.collect();
    const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    return all.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
  };
  let next = 0;
  const visit = async (): Promise<number> => {
    const orders = Array.from({ length: perRound }, () => {
      const n = next++;
      return `127.1.${n >> 8}.${n % 256}:${port}`;
    });
    source.set("orders", orders);
    await mesh.ready("orders");
    for (const endpoint of orders) {
      await (await mesh.fetch("http://orders/200", { mesh: { endpoint } })).text();
    }
    const most = await series();
    source.set("orders", []);
    await until("the connections are closed", 20_000, async () =>
      process.getActiveResourcesInfo().includes("TCPSocketWrap") ? undefined : true,
    );
    await series();
    return most;
  };
  // The first rounds make what stays for good: code, and tables that have grown.
  for (let round = 0; round < firstRounds; round++) await visit();
  const seriesBefore = await series();
  const before = await heap();
  let most = 0;
  for (let round = 0; round < rounds; round++) most = Math.max(most, await visit());
  const bytes = ((await heap()) - before) / (rounds * perRound);
  return { most, seriesBefore, seriesAfter: await series(), bytes };
}

/** What is weakly held is let go of between turns of the loop. */
async function heap(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await turn();
  }
  return process.memoryUsage().heapUsed;
}

process.send?.(await churn(Number(process.argv[2])));
process.disconnect();
