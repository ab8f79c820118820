import { setTimeout as wait } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import type { Mesh, TypedClient } from "@proxyless/core";

import { registries } from "../test/discovery/registries/index.ts";
import type { RegistryUnderTest, WrittenEndpoint } from "../test/discovery/under-test.ts";
import { Backend } from "./backend-process.ts";
import type { Row } from "./row.ts";
import { quantile } from "./statistics.ts";

export interface DiscoveryOptions {
  readonly trials: number;
  /** Only these registries; where it is empty, all that tell of a change by themselves or soon, on their real servers. */
  readonly only: readonly string[];
  readonly progress: (text: string) => void;
}

const service = "orders";
const patienceMs = 30_000;
/** These open connections: a service that has just started is not what is asked about. */
const warmUps = 10;
/** Changes of another service, one after the other, before anything is measured: nor is a registry that has just started. */
const warmUpChanges = 500;
const warmUpMs = 10_000;

/** From the start of a write to the end of the first call it led to, at the 99th percentile, in milliseconds. */
const targets: Readonly<Record<string, number>> = {
  consul: 50,
  etcd: 20,
  zookeeper: 20,
  file: 50,
  xds: 20,
  // The records of the suite live for a second.
  dns: 1_050,
};

/** What openapi-typescript would make of a service with this one operation. */
interface OrderPaths {
  "/orders/42": {
    get: { responses: { 200: { content: { "application/json": { id: string; port: number } } } } };
  };
}

/** Calls in flight all the time; each pauses a millisecond, so that the registry has a core to run on. */
const callers = 4;

/**
 * How soon a change is followed, over every registry that has a real server here: from the start of the write that puts an
 * instance in the place of another to the end of the first call that the new one answered, and to the start of the last
 * call that was sent to the old one. A third instance serves throughout.
 */
export async function benchDiscovery({ only, progress, trials }: DiscoveryOptions): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const [name, { start }] of Object.entries(registries)) {
    if (only.length > 0 ? !only.includes(name) : targets[name] === undefined) continue;
    progress(`discovery: starting ${name}`);
    // eslint-disable-next-line no-await-in-loop -- one registry at a time has the machine
    const registry = await start();
    try {
      // eslint-disable-next-line no-await-in-loop -- as above
      rows.push(...(await measure(registry, trials, progress)));
    } finally {
      // eslint-disable-next-line no-await-in-loop -- as above
      await registry.stop();
    }
  }
  return rows;
}

async function measure(
  registry: RegistryUnderTest,
  trials: number,
  progress: (text: string) => void,
): Promise<readonly Row[]> {
  const { host, name, port } = registry;
  await using backend = Backend.start();
  await using mesh = createMesh({ discovery: registry.source(host, port) });
  const stays = { id: "stays", host: "127.0.0.1", port: await backend.listen() };
  const base = { id: "first", host: "127.0.0.1", port: await backend.listen() };
  await registry.put(service, [stays, base]);
  await mesh.ready(service);
  await warm(registry, mesh, stays);
  const added: number[] = [];
  const removed: number[] = [];
  await using traffic = new Traffic(mesh);
  let gone = base;
  for (let trial = 1 - warmUps; trial <= trials; trial++) {
    progress(`discovery: ${name}, trial ${trial} of ${trials}`);
    const instance = { id: `trial-${trial}`, host: "127.0.0.1", port: await backend.listen() };
    const begin = performance.now();
    const [reachedAt] = await Promise.all([
      traffic.firstAnswerOf(instance.port),
      registry.swap?.(service, gone, instance) ?? registry.put(service, [stays, instance]),
    ]);
    const old = gone.port;
    await until(`instance ${old} is gone`, () => !isListed(mesh, old));
    await wait(50);
    if (trial > 0) added.push(reachedAt - begin);
    if (trial > 0) removed.push(Math.max(0, traffic.lastCallOf(old) - begin));
    gone = instance;
    // Not in step with anything that ticks.
    await wait(20 + 60 * Math.random());
  }
  const target = targets[name] ?? null;
  const note = `${trials} trials, ${Math.min(...added).toFixed(1)}-${Math.max(...added).toFixed(1)} ms`;
  const row = (what: string, metric: Row["metric"], value: number, limit: number | null): Row => ({
    name: `${name} ${what}`,
    metric,
    value,
    ratio: null,
    against: null,
    target: limit,
  });
  const late = target === null ? 0 : removed.filter((ms) => ms > target).length;
  return [
    { ...row("write to first call", "p50", quantile(added, 0.5), null), note },
    row("write to first call", "p99", quantile(added, 0.99), target),
    row("removal to last call", "p99", quantile(removed, 0.99), target),
    row("removals that were followed late", "left", late, 0),
  ];
}

/** Has the registry work, and tell of it, until its own code is warm; a virtual machine begins by interpreting it. */
async function warm(registry: RegistryUnderTest, mesh: Mesh, first: WrittenEndpoint): Promise<void> {
  const other = "warm-up";
  await registry.put(other, [first]);
  await mesh.ready(other);
  const end = performance.now() + warmUpMs;
  let gone = first;
  for (let i = 0; i < warmUpChanges && performance.now() < end; i++) {
    const next = { ...first, id: `warm-up-${i}`, port: first.port + (i % 2) };
    await (registry.swap?.(other, gone, next) ?? registry.put(other, [next]));
    gone = next;
  }
}

function isListed(mesh: Mesh, port: number): boolean {
  return JSON.stringify(mesh.inspect().services).includes(`:${port}"`);
}

/** Calls all the time, and who answered when. */
class Traffic implements AsyncDisposable {
  readonly #client: TypedClient<OrderPaths>;
  readonly #calling: readonly Promise<void>[];
  readonly #first = new Map<number, number>();
  readonly #last = new Map<number, number>();
  #isOver = false;

  constructor(mesh: Mesh) {
    this.#client = mesh.service<OrderPaths>(service);
    this.#calling = Array.from({ length: callers }, () => this.#call());
  }

  async firstAnswerOf(port: number): Promise<number> {
    await until(`instance ${port} is called`, () => this.#first.has(port), 1);
    return this.#first.get(port) ?? Infinity;
  }

  /** When the last call that it answered was begun. */
  lastCallOf(port: number): number {
    return this.#last.get(port) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#calling);
  }

  async #call(): Promise<void> {
    while (!this.#isOver) {
      const begin = performance.now();
      // eslint-disable-next-line no-await-in-loop -- one call after the other
      const { data } = await this.#client.GET("/orders/42");
      const port = data?.port ?? 0;
      if (!this.#first.has(port)) this.#first.set(port, performance.now());
      this.#last.set(port, Math.max(begin, this.#last.get(port) ?? 0));
      // eslint-disable-next-line no-await-in-loop -- as above
      await wait(1);
    }
  }
}

async function until(what: string, isSo: () => boolean, everyMs = 5): Promise<void> {
  for (const end = performance.now() + patienceMs; !isSo(); await wait(everyMs)) {
    if (performance.now() > end) throw new Error(`not within ${patienceMs} ms: ${what}`);
  }
}
