import { setTimeout as wait } from "node:timers/promises";

import { memorySource } from "@proxyless/core";
import type { DiscoverySource, MemorySource } from "@proxyless/core";

import { openMesh } from "../packages/core/src/mesh.ts";
import { answerAtOnce, instance, service } from "./busy-mesh.ts";

/** What the process is asked for. */
export interface ChurnQuestion {
  readonly endpoints: number;
  readonly clients: number;
  readonly changesPerSecond: number;
  readonly seconds: number;
}

/** What it answers with. */
export interface ChurnAnswer {
  /** Of a core, for making the changes and following them. */
  readonly share: number;
  readonly longestMs: number;
  readonly usualMs: number;
  readonly heapBytes: number;
  readonly updates: number;
  readonly watches: number;
}

/** Longer than the code takes to be compiled. */
const warmUpMs = 3_000;
/** Turns shorter than this do nothing of interest. */
const busyTurnMs = 0.5;

async function measure(question: ChurnQuestion): Promise<ChurnAnswer> {
  const { clients, endpoints, seconds } = question;
  const memory = memorySource({ [service]: Array.from({ length: endpoints }, (_, i) => instance(i)) });
  let watches = 0;
  const discovery: DiscoverySource = {
    ...memory,
    watch: (target, sink, context) => {
      watches++;
      return memory.watch(target, sink, context);
    },
  };
  const { mesh } = openMesh({ discovery }, answerAtOnce);
  const users = Array.from({ length: clients }, () => mesh.service(service));
  await mesh.ready(service);
  let updates = 0;
  mesh.on("discovery.updated", () => updates++);
  await churn(memory, question, warmUpMs);
  const heapBefore = await usedBytes();
  const before = updates;
  const share = await cpuShare(() => churn(memory, question, seconds * 1_000));
  const heapBytes = (await usedBytes()) - heapBefore;
  const counted = updates - before;
  const turns = watchBusyTurns();
  await churn(memory, question, Math.min(10, seconds) * 1_000);
  const { longestMs, usualMs } = turns.stop();
  if (users.length !== clients) throw new Error("clients are gone");
  await mesh.close();
  return { share, longestMs, usualMs, heapBytes, updates: counted, watches };
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
 * Watches every turn of the event loop until it is stopped. A turn counts as the shorter of the time on the clock and the
 * processor's: what another process took is not this one's doing.
 */
function watchBusyTurns(): { readonly stop: () => { longestMs: number; usualMs: number } } {
  const busy: number[] = [];
  let isOver = false;
  let last = performance.now();
  let lastCpu = process.cpuUsage();
  const turn = (): void => {
    const now = performance.now();
    const cpu = process.cpuUsage(lastCpu);
    const took = Math.min(now - last, (cpu.system + cpu.user) / 1_000);
    if (took > busyTurnMs) busy.push(took);
    last = now;
    lastCpu = process.cpuUsage();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    stop: () => {
      isOver = true;
      const sorted = busy.toSorted((a, b) => a - b);
      return { longestMs: sorted.at(-1) ?? 0, usualMs: sorted[Math.floor(sorted.length / 2)] ?? 0 };
    },
  };
}

async function usedBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error("needs node --expose-gc");
  for (let i = 0; i < 4; i++) {
    await globalThis.gc({ type: "major", execution: "async" });
    await wait(50);
  }
  const { external, heapUsed } = process.memoryUsage();
  return heapUsed + external;
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
