import type { ServiceOptions } from "@proxyless/core";

import { openBusyMesh } from "./busy-mesh.ts";
import type { BusyMesh } from "./busy-mesh.ts";
import type { Row } from "./row.ts";
import { median } from "./statistics.ts";

export interface PipelineOptions {
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

const off: ServiceOptions = {
  retry: false,
  hedge: false,
  circuit: false,
  deadline: false,
  outlierDetection: false,
};
const everything: ServiceOptions = {
  hedge: {},
  rateLimit: { tokensPerSecond: 1_000_000, burst: 1_000_000 },
  adaptiveThrottling: {},
  adaptiveConcurrency: { maxLimit: 1_000 },
};
const variants = [
  { name: "a call, everything off", options: off, target: null },
  { name: "a call, defaults", options: {}, target: 2.5 },
  { name: "a call, every policy on", options: everything, target: null },
] as const;

const callsPerRound = 20_000;

/** What a call costs beyond its transport: one that answers at once, without sockets. All variants run in every round. */
export async function benchPipeline({ progress, rounds }: PipelineOptions): Promise<readonly Row[]> {
  const meshes: BusyMesh[] = [];
  for (const { options } of variants) meshes.push(await openBusyMesh(10, options));
  for (const { call } of meshes) call(callsPerRound);
  const samples = variants.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    progress(`pipeline: round ${round + 1} of ${rounds}`);
    for (const [index, { call }] of meshes.entries()) {
      const before = process.cpuUsage();
      call(callsPerRound);
      const { system, user } = process.cpuUsage(before);
      samples[index]!.push((system + user) / callsPerRound);
      // Timers that were ended, and what waits for the next turn.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  for (const { mesh } of meshes) await mesh.close();
  return variants.map(({ name, target }, index) => ({
    name,
    metric: "cpu",
    value: Math.min(...samples[index]!),
    ratio: null,
    against: null,
    target,
    note: `median ${median(samples[index]!).toFixed(2)}`,
  }));
}
