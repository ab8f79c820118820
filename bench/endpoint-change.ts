import { setTimeout as wait } from "node:timers/promises";

import type { Endpoint } from "@proxyless/core";

import { openBusyMesh } from "./busy-mesh.ts";
import { median } from "./statistics.ts";
import { watchTurns } from "./turns.ts";
import type { Turns } from "./turns.ts";

/** What can happen to one of many endpoints. */
export const changes: readonly ((all: Endpoint[], one: number) => void)[] = [
  (all, one) => void all.splice(one, 1),
  () => {},
  (all, one) => (all[one] = { ...all[one]!, health: "unhealthy" }),
  () => {},
  (all, one) => (all[one] = { ...all[one]!, weight: 3 }),
  () => {},
];

/** The directory collects changes for a moment; this is longer, unless the machine is very busy. */
const windowMs = 60;

/**
 * From the snapshot of a source to the picker that knows it: all of the event loop's time for one change among `count`
 * endpoints, and its longest turn, in milliseconds. Each is the best round of the kind of change that takes longest,
 * followed by the median of all rounds.
 */
export async function measureChange(count: number, rounds: number): Promise<readonly number[]> {
  const { call, listing, mesh, tell } = await openBusyMesh(count);
  call(2 * count);
  let updates = 0;
  mesh.on("discovery.updated", () => updates++);
  const busy: number[] = [];
  const longest: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The garbage of the round before is nothing that this one has to pay for.
    globalThis.gc?.({ type: "minor" });
    await wait(5);
    const all = listing();
    const one = (round * 7_919) % count;
    changes[round % changes.length]!(all, one);
    const watched = watchTurns(windowMs);
    setImmediate(tell, all);
    let turns = await watched;
    // What comes late on a machine that is busy with other things counts all the same.
    for (let more = 0; more < 50; more++) {
      if (updates > round) break;
      turns = together(turns, await watchTurns(windowMs));
    }
    if (updates !== round + 1) throw new Error(`${updates} updates after ${round + 1} changes`);
    busy.push(turns.busyMs);
    longest.push(turns.longestMs);
  }
  await mesh.close();
  return [dearestBest(busy), median(busy), dearestBest(longest), median(longest)];
}

function together(one: Turns, other: Turns): Turns {
  return {
    longestMs: Math.max(one.longestMs, other.longestMs),
    busyMs: one.busyMs + other.busyMs,
  };
}

/** Other work on the machine makes single rounds slower, never faster. */
function dearestBest(samples: readonly number[]): number {
  const kinds = changes.map((_, kind) => samples.filter((__, round) => round % changes.length === kind));
  return Math.max(...kinds.map((ofKind) => Math.min(...ofKind)));
}
