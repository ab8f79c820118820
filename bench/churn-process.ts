import { setTimeout as wait } from "node:timers/promises";

import { memorySource } from "@proxyless/core";
import type { DiscoverySource, MemorySource } from "@proxyless/core";

import { openMesh } from "../packages/core/src/mesh.ts";
import { answerAtOnce, instance, service } from "./busy-mesh.ts";
import { churnRegistries } from "./churn-registries.ts";
import { usedBytes } from "./heap.ts";

/** What the process is asked for. */
export interface ChurnQuestion {
  /** The registry that somebody else changes; a source in memory, which is changed here, where there is none. */
  readonly registry: { readonly name: string; readonly at: string } | undefined;
  readonly endpoints: number;
  readonly clients: number;
  readonly changesPerSecond: number;
  readonly seconds: number;
}

/** What it answers with. */
export interface ChurnAnswer {
  /** Of a core, for following the changes, and in memory for making them. */
  readonly share: number;
  readonly longestMs: number;
  readonly usualMs: number;
  /** The longest turn until the first list is known. */
  readonly firstMs: number;
  /** The longest turn from there on until the code is compiled. */
  readonly startMs: number;
  /** What the heap and the buffers beside it grew by. */
  readonly heapBytes: number;
  readonly usedBytes: number;
  readonly updates: number;
  readonly watches: number;
}

/** What is followed, and who changes it meanwhile. */
interface Followed {
  readonly source: DiscoverySource;
  readonly whileChanging: (ms: number) => Promise<void>;
}

/** Longer than the code takes to be compiled. */
const warmUpMs = 5_000;
const settleMs = 10;
/** No multiple of it is how often anything is read. */
const betweenLooksMs = 270;
/** Turns shorter than this do nothing of interest. */
const busyTurnMs = 0.5;

async function measure(question: ChurnQuestion): Promise<ChurnAnswer> {
  const { clients, seconds } = question;
  const { source, whileChanging } = followed(question);
  let watches = 0;
  const discovery: DiscoverySource = {
    ...source,
    watch: (target, sink, context) => {
      watches++;
      return source.watch(target, sink, context);
    },
  };
  const { mesh } = openMesh({ discovery }, answerAtOnce);
  const users = Array.from({ length: clients }, () => mesh.service(service));
  const first = watchBusyTurns();
  await mesh.ready(service);
  // The last turn has to end to be counted.
  await wait(settleMs);
  const { longestMs: firstMs } = first.stop();
  const start = watchBusyTurns();
  let updates = 0;
  mesh.on("discovery.updated", () => updates++);
  await whileChanging(warmUpMs);
  const { longestMs: startMs } = start.stop();
  const heapBefore = await restingBytes();
  const before = updates;
  const share = await cpuShare(() => whileChanging(seconds * 1_000));
  const used = await restingBytes();
  const counted = updates - before;
  const turns = watchBusyTurns();
  await whileChanging(seconds * 1_000);
  const { longestMs, usualMs } = turns.stop();
  if (users.length !== clients) throw new Error("clients are gone");
  await mesh.close();
  return {
    share,
    longestMs,
    usualMs,
    firstMs,
    startMs,
    heapBytes: used - heapBefore,
    usedBytes: used,
    updates: counted,
    watches,
  };
}

/** The least of some looks: an answer that is just being read is nothing that is kept. */
async function restingBytes(): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 4; look++) {
    // eslint-disable-next-line no-await-in-loop -- one look after the other
    least = Math.min(least, await usedBytes());
    // eslint-disable-next-line no-await-in-loop -- as above
    await wait(betweenLooksMs);
  }
  return least;
}

function followed(question: ChurnQuestion): Followed {
  const { endpoints, registry } = question;
  if (registry !== undefined) {
    const source = churnRegistries[registry.name]?.source(registry.at);
    if (source === undefined) throw new Error(`churn knows no ${registry.name}`);
    return { source, whileChanging: (ms) => wait(ms) };
  }
  const memory = memorySource({ [service]: Array.from({ length: endpoints }, (_, i) => instance(i)) });
  return { source: memory, whileChanging: (ms) => churn(memory, question, ms) };
}

/** Takes endpoints out, brings them back, and gives them another weight. */
async function churn(
  source: MemorySource,
  { changesPerSecond, endpoints }: ChurnQuestion,
  ms: number,
): Promise<void> {
  const begin = performance.now();
  for (let change = 0; ; change++) {
    const due = begin + (change * 1_000) / changesPerSecond;
    const now = performance.now();
    if (now - begin >= ms) return;
    if (due > now) await wait(due - now);
    const at = instance((Math.floor(change / 3) * 7_919) % endpoints);
    if (change % 3 === 0) source.remove(service, at.id);
    else source.add(service, { ...at, weight: change % 3 });
  }
}

async function cpuShare(work: () => Promise<void>): Promise<number> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await work();
  const { system, user } = process.cpuUsage(cpu);
  return (system + user) / 1_000 / (performance.now() - begin);
}

/**
 * Watches the turns of the event loop until it is stopped, by a timer that is due each millisecond: a loop that never rests would
 * make garbage of its own. A turn counts as the shorter of the time on the clock and the thread's processor time: what another
 * process took is not this one's doing.
 */
function watchBusyTurns(): { readonly stop: () => { longestMs: number; usualMs: number } } {
  const busy: number[] = [];
  let last = performance.now();
  let lastCpu = process.threadCpuUsage();
  const timer = setInterval(() => {
    const now = performance.now();
    const cpu = process.threadCpuUsage(lastCpu);
    const took = Math.min(now - last, (cpu.system + cpu.user) / 1_000);
    if (took > busyTurnMs) busy.push(took);
    last = now;
    lastCpu = process.threadCpuUsage();
  }, 1);
  return {
    stop: () => {
      clearInterval(timer);
      const sorted = busy.toSorted((a, b) => a - b);
      return { longestMs: sorted.at(-1) ?? 0, usualMs: sorted[Math.floor(sorted.length / 2)] ?? 0 };
    },
  };
}

process.once("message", (question: ChurnQuestion) => {
  measure(question).then(
    (answer) => process.send?.(answer, () => process.exit()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
