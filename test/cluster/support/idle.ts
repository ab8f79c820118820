// A process that has nothing to do but what its role is: it ends by itself if that keeps it from nothing.
import { isMainThread, Worker } from "node:worker_threads";

import { collectWorkers, reportToPrimary } from "@proxyless/cluster";
import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics } from "@proxyless/metrics";

const role = isMainThread ? process.argv[2] : "worker";
const thread = role === "thread" ? new Worker(new URL(import.meta.url)) : undefined;
thread?.on("error", (error) => {
  throw error;
});
if (role === "primary" || role === "thread") {
  const workers = collectWorkers();
  await workers.metrics.collect();
} else {
  const mesh = createMesh({ discovery: memorySource({}) });
  reportToPrimary({ metrics: createMetrics(mesh, { eventLoop: false }) });
}
if (role === "listener") {
  const hear = (message: unknown): void => {
    if (message !== "end") return;
    process.exitCode = 3;
    process.off("message", hear);
  };
  process.on("message", hear);
  process.send?.("listening");
}
