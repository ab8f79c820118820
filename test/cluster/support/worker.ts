// A worker, be it a thread or a process: it makes calls when it is told to, and counts them by itself.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { BroadcastChannel, parentPort, threadId, workerData } from "node:worker_threads";

import { reportToPrimary } from "@proxyless/cluster";
import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics } from "@proxyless/metrics";
import type { MetricsSource } from "@proxyless/metrics";

import { listening } from "../../telemetry/support/listening.ts";
import type { Order, WorkerCounts } from "./orders.ts";

const given: unknown = workerData ?? process.env["ENDPOINTS"];
const mesh = createMesh({
  discovery: memorySource({ orders: String(given).split(",") }),
  services: {
    orders: {
      retry: false,
      outlierDetection: false,
      circuit: { minCalls: 50 },
      timeout: { attemptMs: 600_000, totalMs: 600_000 },
    },
  },
});
const metrics = createMetrics(mesh);
const counts: WorkerCounts = { calls: 0, byStatus: {}, seconds: 0, collections: 0, port: 0 };
mesh.on("call.completed", ({ durationMs, status = 0 }) => {
  counts.calls++;
  counts.byStatus[status] = (counts.byStatus[status] ?? 0) + 1;
  counts.seconds += durationMs / 1_000;
});

let isLying = false;
const told: MetricsSource = {
  histograms: metrics.histograms,
  instruments: metrics.instruments,
  collect: async () => {
    counts.collections++;
    const collected = await metrics.collect();
    if (!isLying) return collected;
    const text = JSON.stringify(collected).replaceAll(/"counts":\[[^\]]*\]/g, '"counts":[-1]');
    return JSON.parse(text);
  },
};

async function call(path: string): Promise<void> {
  // What becomes of it is counted by what the mesh tells.
  await mesh.fetch(`http://orders${path}`).then(
    (response) => response.text(),
    () => undefined,
  );
}

const server = createServer((request, response) => {
  void call(request.url ?? "").then(() => response.end("done"));
});
// Workers of node:cluster share one port.
if (cluster.isWorker) counts.port = await listening(server);

const nonsense: readonly object[] = [
  { "@proxyless/cluster": 2 },
  { "@proxyless/cluster": 1, kind: "hello" },
  { "@proxyless/cluster": 1, kind: "bye", reporter: 1, thread: threadId, words: 7 },
  { "@proxyless/cluster": 1, kind: "answer", reporter: -1, content: {} },
];

function say(message: object): void {
  if (parentPort === null) process.send?.(message);
  else {
    const channel = new BroadcastChannel("@proxyless/cluster/tell");
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- it is no window
    channel.postMessage(message);
    channel.close();
  }
}

async function obey({ op, path = "", times = 0 }: Order): Promise<void> {
  if (op === "call") for (let i = 0; i < times; i++) await call(path);
  else if (op === "hang") void call(path);
  else if (op === "block") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, times);
  else if (op === "nonsense") for (const message of nonsense) say(message);
  else if (op === "lie") isLying = true;
  else if (op === "leave") {
    await reporter.close();
    metrics.close();
    await mesh.close();
  }
}

async function onOrder(order: Order): Promise<void> {
  if (order.id === undefined) return;
  await obey(order);
  const done = { done: order.id, value: counts };
  if (parentPort === null) process.send?.(done);
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- it is no window
  else parentPort.postMessage(done);
  if (order.op !== "leave") return;
  server.close();
  if (parentPort === null) process.disconnect();
  else parentPort.close();
}
const from = parentPort ?? process;
from.on("message", (order: Order) => void onOrder(order));
// Who has said hello is given orders.
const reporter = reportToPrimary({ metrics: told, mesh });
