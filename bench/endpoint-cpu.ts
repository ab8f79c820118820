import { setTimeout as wait } from "node:timers/promises";

import { openBusyMesh } from "./busy-mesh.ts";
import { changes } from "./endpoint-change.ts";

/** Longer than changes are collected, and than it takes until a sweep has come. */
const changeMs = 60;
const sweepMs = 1_050;

/**
 * The processor's time that one change among `count` endpoints takes, in milliseconds: that of the best round. Unlike the time on the
 * clock it is the same on a machine that is busy with other things.
 */
export async function changeCpu(count: number, rounds: number): Promise<number> {
  const { call, listing, mesh, tell } = await openBusyMesh(count);
  call(2 * count);
  let updates = 0;
  mesh.on("discovery.updated", () => updates++);
  const spent: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const all = listing();
    changes[round % changes.length]!(all, (round * 7_919) % count);
    const before = updates;
    spent.push(
      await cpuMs(async () => {
        tell(all);
        for (let waits = 0; waits < 100; waits++) {
          await wait(changeMs);
          if (updates > before) return;
        }
        throw new Error("a change was not noticed");
      }),
    );
  }
  await mesh.close();
  return Math.min(...spent);
}

/** The same for a sweep over `count` endpoints that have all been used since the last one. */
export async function sweepCpu(count: number, rounds: number): Promise<number> {
  const { call, mesh } = await openBusyMesh(count);
  const spent: number[] = [];
  for (let round = 0; round < rounds; round++) {
    call(10 * count);
    spent.push(await cpuMs(() => wait(sweepMs)));
  }
  await mesh.close();
  return Math.min(...spent);
}

async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  globalThis.gc?.({ type: "minor" });
  const before = process.cpuUsage();
  await work();
  const { system, user } = process.cpuUsage(before);
  return (system + user) / 1_000;
}
