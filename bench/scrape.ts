import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { createMesh, staticSource } from "@proxyless/core";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";

import type { Row } from "./row.ts";

const services = 20;
const endpoints = 1_000;
/** Of each service, so that endpoints have connections and the counters something to tell. */
const calls = 200;

/** Answers calls at every loopback address, and asks as Prometheus does: tells how many lines came. From a thread of its own. */
const outside = `
  const { createServer } = require("node:http");
  const { parentPort } = require("node:worker_threads");
  const server = createServer((_, response) => response.end("{}")).listen(0, "0.0.0.0", () => {
    parentPort.postMessage(server.address().port);
  });
  parentPort.on("message", async (url) => {
    const text = await (await fetch(url)).text();
    parentPort.postMessage(text.split("\\n").filter((line) => line !== "" && !line.startsWith("#")).length);
  });
`;

/** What a scrape costs the event loop where there is much to tell, with a series per endpoint and without. */
export async function scrape(scrapes: number): Promise<readonly Row[]> {
  const worker = new Worker(outside, { eval: true });
  try {
    const port = await numberFrom(worker);
    const names = Array.from({ length: services }, (_, i) => `service-${i}`);
    const addresses = (service: number): readonly string[] =>
      Array.from({ length: endpoints }, (_, i) => `127.${service + 1}.${i >> 8}.${i % 256}:${port}`);
    await using mesh = createMesh({
      discovery: staticSource(Object.fromEntries(names.map((name, i) => [name, addresses(i)]))),
    });
    using plain = createMetrics(mesh);
    using single = createMetrics(mesh, { endpoints: true });
    for (let i = 0; i < calls; i++) {
      await Promise.all(names.map(async (name) => (await mesh.fetch(`http://${name}/`)).json()));
    }
    const size = `${endpoints} endpoints × ${services} services`;
    return [
      await measure(`scrape of ${size}`, plain, worker, scrapes, 50),
      await measure(`scrape of ${size}, series per endpoint, 2000 of each`, single, worker, scrapes, null),
    ];
  } finally {
    await worker.terminate();
  }
}

async function measure(
  name: string,
  metrics: ReturnType<typeof createMetrics>,
  worker: Worker,
  scrapes: number,
  target: number | null,
): Promise<Row> {
  await using endpoint = prometheusEndpoint(metrics);
  const url = await endpoint.listen({ port: 0 });
  const ask = async (): Promise<number> => {
    const answer = numberFrom(worker);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(url);
    return answer;
  };
  for (let i = 0; i < 3; i++) await ask();
  let series = 0;
  // Of this thread alone: asking and reading is somebody else's work. All at once: systems count in steps of milliseconds.
  const before = process.threadCpuUsage();
  for (let i = 0; i < scrapes; i++) series = await ask();
  const { system, user } = process.threadCpuUsage(before);
  const value = (user + system) / 1_000 / scrapes;
  return { name, metric: "ms", value, ratio: null, against: null, target, note: `${series} series` };
}

async function numberFrom(worker: Worker): Promise<number> {
  const [answer]: unknown[] = await once(worker, "message");
  return Number(answer);
}
