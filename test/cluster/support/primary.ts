// A primary: it starts workers of every kind, hands them their orders, and shows what they come to.
import { fork } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

import { collectWorkers } from "@proxyless/cluster";
import { createDashboard } from "@proxyless/dashboard";
import { prometheusEndpoint } from "@proxyless/metrics";

import { listening } from "../../telemetry/support/listening.ts";
import type { Order, PrimaryOrder } from "./orders.ts";

/** A worker, whatever it is. */
interface Hand {
  send(order: Order): void;
  kill(): Promise<unknown>;
}

const exec = join(import.meta.dirname, "worker.ts");
cluster.setupPrimary({ exec });
const hands = new Map<string, Hand>();
const problems: string[] = [];
/** What the application was told that is not its own, and how often the workers said something to the collector. */
const strange: unknown[] = [];
let said = 0;

function collecting(): { readonly url: Promise<string>; readonly close: () => Promise<void> } & {
  readonly workers: ReturnType<typeof collectWorkers>;
} {
  const workers = collectWorkers({
    deadlineMs: Number(process.env["DEADLINE_MS"]),
    onProblem: ({ kind, worker }) => problems.push(`${worker} ${kind}`),
  });
  const endpoint = prometheusEndpoint(workers.metrics);
  const close = async (): Promise<void> => {
    await endpoint.close();
    workers.close();
  };
  return { workers, url: endpoint.listen({ port: 0 }), close };
}
let current = collecting();

/** The live page of all, on a server of its own. @returns its URL */
async function showPage(): Promise<string> {
  const dashboard = createDashboard({ mesh: current.workers.page, title: "all" });
  const server = createServer((request, response) => {
    if (!dashboard.handle(request, response)) response.writeHead(404).end();
  });
  return `http://127.0.0.1:${await listening(server)}${dashboard.path}`;
}

function hear(message: object & { readonly done?: number; readonly value?: unknown }): void {
  if ("done" in message) process.send?.(message);
  else if ("@proxyless/cluster" in message) said++;
  else strange.push(message);
}

async function start(kind: string): Promise<string> {
  if (kind === "thread") {
    const worker = new Worker(exec, { workerData: process.env["ENDPOINTS"] });
    worker.on("message", hear);
    const name = `thread-${worker.threadId}`;
    const send = (order: Order): void => {
      // eslint-disable-next-line unicorn/require-post-message-target-origin -- it is no window
      worker.postMessage(order);
    };
    hands.set(name, { send, kill: () => worker.terminate() });
    return name;
  }
  if (kind === "process") {
    const child = fork(exec);
    child.on("message", hear);
    current.workers.add(child);
    const kill = (): Promise<unknown> => {
      child.kill("SIGKILL");
      return once(child, "exit");
    };
    hands.set(`process-${child.pid}`, { send: (order) => child.send(order), kill });
    return `process-${child.pid}`;
  }
  const worker = cluster.fork();
  worker.on("message", hear);
  const kill = (): Promise<unknown> => {
    worker.process.kill("SIGKILL");
    return once(worker, "exit");
  };
  hands.set(`cluster-${worker.id}`, { send: (order) => worker.send(order), kill });
  return `cluster-${worker.id}`;
}

type Asked = PrimaryOrder & { readonly id: number };

async function obey({ id, op, order, worker = "" }: Asked): Promise<unknown> {
  if (op === "start") return start(worker);
  if (op === "page") return showPage();
  if (op === "workers") return current.workers.workers;
  if (op === "kill")
    return hands
      .get(worker)
      ?.kill()
      .then(() => undefined);
  if (op === "lines") return { problems, strange, said };
  if (op === "again") {
    await current.close();
    current = collecting();
    return current.url;
  }
  // The worker answers by itself.
  hands.get(worker)?.send({ ...order!, id });
  return undefined;
}

async function onOrder(order: Asked): Promise<void> {
  const value = await obey(order);
  if (order.op !== "tell") process.send?.({ done: order.id, value });
}
process.on("message", (order: Asked) => void onOrder(order));
process.send?.({ url: await current.url });
