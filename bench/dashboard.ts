import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { createMesh, staticSource } from "@proxyless/core";

import { createDashboard } from "../packages/dashboard/src/index.ts";
import { Backend } from "./backend-process.ts";
import { backendCommand } from "./cores.ts";
import type { Row } from "./row.ts";
import { median, quantile } from "./statistics.ts";

export interface DashboardBenchOptions {
  /** Half of them watched: with the usual 12 rounds of five seconds, 30 s of each. */
  readonly rounds: number;
  readonly roundMs: number;
  readonly progress: (text: string) => void;
}

const callsPerSecond = 2_000;
/** Calls are made in bunches of so many: a timer for each would cost more than the call. */
const bunch = 10;
const target = 1.05;

/** What a watched live page costs the process that serves it, which makes 2,000 calls a second meanwhile. */
export async function benchDashboard(options: DashboardBenchOptions): Promise<readonly Row[]> {
  await using backend = Backend.start();
  const ports: number[] = [];
  const rows: Row[] = [];
  for (const endpoints of [10, 1_000]) {
    while (ports.length < endpoints) ports.push(await backend.listen());
    rows.push(...(await measure(ports, options)));
  }
  return rows;
}

async function measure(
  ports: readonly number[],
  { progress, roundMs, rounds }: DashboardBenchOptions,
): Promise<readonly Row[]> {
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  await using mesh = createMesh({ discovery: staticSource({ orders: addresses }) });
  const orders = mesh.service("orders");
  await using dashboard = createDashboard({ mesh });
  const server = createServer((request, response) => void dashboard.handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await using watcher = new Watcher(`http://127.0.0.1:${port}${dashboard.path}events`);
  const call = (): Promise<unknown> => orders.GET("/orders/42");
  // Connections to all endpoints, and code that is compiled.
  await callFor(call, 5_000);
  await watcher.look();
  await callFor(call, 2_000);
  const before = await watcher.bytes();
  await callFor(call, 2 * roundMs);
  const bytesPerSecond = ((await watcher.bytes()) - before) / ((2 * roundMs) / 1_000);
  await watcher.lookAway();
  const alone: number[] = [];
  const watched: number[] = [];
  for (let round = 0; round < rounds; round += 2) {
    progress(`dashboard, ${ports.length} endpoints: round ${round} of ${rounds}`);
    // In turns, and each time the other one first.
    const isWatchedFirst = round % 4 === 2;
    for (const isWatched of [isWatchedFirst, !isWatchedFirst]) {
      if (isWatched) await watcher.look();
      const cpu = await callFor(call, roundMs);
      if (isWatched) await watcher.lookAway();
      (isWatched ? watched : alone).push(cpu);
    }
  }
  await dashboard.close();
  server.close();
  const ratios = watched.map((cpu, i) => cpu / alone[i]!);
  const name = `${callsPerSecond} calls/s over ${ports.length} endpoints`;
  const note = `${quantile(ratios, 0.25).toFixed(2)}-${quantile(ratios, 0.75).toFixed(2)}`;
  return [
    { name, metric: "cpu", value: median(alone), ratio: null, against: null, target: null },
    {
      name: `${name}, watched`,
      metric: "cpu",
      value: median(watched),
      ratio: median(ratios),
      against: name,
      target,
      note,
    },
    {
      name: `${name}, added by who watches`,
      metric: "core",
      // Microseconds of a second, in percent.
      value: (median(watched.map((cpu, i) => cpu - alone[i]!)) * callsPerSecond) / 10_000,
      ratio: null,
      against: null,
      target: 5,
    },
    {
      name: `${name}, sent to who watches each second`,
      metric: "bytes",
      value: bytesPerSecond,
      ratio: null,
      against: null,
      target: null,
    },
  ];
}

/** Calls at an even pace. @returns the CPU per call in µs */
async function callFor(call: () => Promise<unknown>, ms: number): Promise<number> {
  const before = process.cpuUsage();
  const begin = performance.now();
  const running = new Set<Promise<unknown>>();
  let calls = 0;
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - begin) {
    for (; calls < (elapsed / 1000) * callsPerSecond;) {
      for (let i = 0; i < bunch; i++, calls++) {
        const one = call().finally(() => running.delete(one));
        running.add(one);
      }
    }
    await wait((1000 * bunch) / callsPerSecond);
  }
  await Promise.all(running);
  const { system, user } = process.cpuUsage(before);
  return (system + user) / calls;
}

/** Somebody who looks, and looks away, on the core that is not this process': a browser is elsewhere, too. */
class Watcher implements AsyncDisposable {
  readonly #url: string;
  readonly #process: ChildProcess;

  constructor(url: string) {
    this.#url = url;
    const [command = process.execPath, ...args] = backendCommand();
    const file = fileURLToPath(new URL("dashboard-watcher.ts", import.meta.url));
    this.#process = spawn(command, [...args, file], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  async look(): Promise<void> {
    await this.#tell(this.#url);
  }

  async lookAway(): Promise<void> {
    await this.#tell("away");
  }

  /** What it was sent so far. */
  async bytes(): Promise<number> {
    return Number(await this.#tell("bytes"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#process, "exit");
    this.#process.disconnect();
    await exited;
  }

  async #tell(message: string): Promise<unknown> {
    const answered = once(this.#process, "message");
    this.#process.send(message);
    const [answer]: unknown[] = await answered;
    return answer;
  }
}
