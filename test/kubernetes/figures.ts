import { setTimeout as sleep } from "node:timers/promises";

import type { Watching } from "@proxyless/core/testing";

import type { Cluster } from "./cluster.ts";
import { pods, sliceJson } from "./slices.ts";
import { watched } from "./watched.ts";

/** Milliseconds. */
export interface Figures {
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The middle and the end of a distribution. */
function figuresOf(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN);
  return { samples: sorted.length, p50: at(0.5), p99: at(0.99), max: round(sorted.at(-1) ?? NaN) };
}

/** From the moment that a slice is sent to the API server until a watch tells of it. */
export async function writeToWatch(cluster: Cluster, samples: number): Promise<Figures> {
  const namespace = await cluster.namespace("figures");
  const write = (n: number): Promise<number> =>
    cluster.writer.put(sliceJson({ name: "web-1", service: "web", pods: pods(1, n) }), namespace);
  await write(1);
  const watch = watched(cluster.options({ namespace }), "web");
  const took: number[] = [];
  try {
    await watch.until("the first", () => watch.endpoints.length === 1);
    for (let n = 2; n < samples + 2; n++) {
      const host = pods(1, n)[0]?.ip ?? "";
      const seen = seenAt(watch, host);
      const sent = await write(n);
      took.push((await seen) - sent);
      await sleep(25);
    }
  } finally {
    await watch.stop();
  }
  return figuresOf(took);
}

/** From the moment that a killed API server answers again until a watch tells what was written then. */
export async function recovery(cluster: Cluster, times: number): Promise<Figures> {
  const namespace = await cluster.namespace("figures-killed");
  const { faults, writer } = cluster;
  const took: number[] = [];
  for (let n = 1; n <= times; n++) {
    const service = `web-${n}`;
    const write = (i: number): Promise<number> =>
      writer.put(sliceJson({ name: `${service}-1`, service, pods: pods(1, i) }), namespace);
    await write(1);
    // A new one each time: the waits of the last outage have nothing to do with this one.
    const watch = watched(cluster.options({ namespace }), service);
    try {
      await watch.until("the first", () => watch.endpoints.length === 1);
      await faults?.kill();
      await faults?.restart();
      const began = performance.now();
      await write(2);
      took.push((await seenAt(watch, pods(1, 2)[0]?.ip ?? "", 60_000)) - began);
    } finally {
      await watch.stop();
    }
  }
  return figuresOf(took);
}

async function seenAt(watch: Watching, host: string, timeoutMs?: number): Promise<number> {
  await watch.until(host, () => watch.states[0] === host, timeoutMs);
  return performance.now();
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
