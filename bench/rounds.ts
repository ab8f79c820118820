import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { quantile } from "./statistics.ts";

/** One way to make the call. */
export interface Variant {
  readonly name: string;
  /** Puts in place what its calls find in the process; called before each of its rounds. */
  readonly before?: () => void;
  /** Makes one call and resolves with the parsed body. */
  readonly call: () => Promise<unknown>;
}

/** What one round measured. */
export interface Round {
  /** Client CPU per call (user and system, all threads) in µs. */
  readonly cpu: number;
  readonly callsPerSecond: number;
  /** Milliseconds. */
  readonly p99: number;
}

export interface LoadOptions {
  /** Calls in flight. */
  readonly inFlight: number;
  readonly rounds: number;
  /** How long a round lasts, in milliseconds. */
  readonly roundMs: number;
  readonly onRound: (done: number, of: number) => void;
}

const warmUpCalls = 200;
const maxCalls = 200_000;
const latencies = new Float64Array(maxCalls);

/**
 * Runs every variant in every round, each time beginning with another one, so that neither the order nor the hour
 * favours any. Garbage is collected before each round: nobody pays for what the one before left behind.
 */
export async function interleave(
  variants: readonly Variant[],
  options: LoadOptions,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  const { inFlight, onRound, roundMs, rounds } = options;
  const results = new Map<string, Round[]>(variants.map(({ name }) => [name, []]));
  const collect = garbageCollector();
  for (const { before, call } of variants) {
    before?.();
    await runFor(call, inFlight, Math.max(300, roundMs));
  }
  for (let round = 0; round < rounds; round++) {
    onRound(round, rounds);
    for (let i = 0; i < variants.length; i++) {
      const { before, call, name } = variants[(i + round) % variants.length]!;
      before?.();
      await runCalls(call, inFlight, warmUpCalls);
      collect();
      results.get(name)!.push(await runFor(call, inFlight, roundMs));
    }
  }
  onRound(rounds, rounds);
  return results;
}

async function runCalls(call: Variant["call"], inFlight: number, calls: number): Promise<void> {
  let left = calls;
  const work = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: inFlight }, work));
}

async function runFor(call: Variant["call"], inFlight: number, ms: number): Promise<Round> {
  let calls = 0;
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  const end = begin + ms;
  const work = async (): Promise<void> => {
    for (let now = performance.now(); now < end && calls < maxCalls;) {
      const answer = await call();
      // The answer is looked at, as a caller would, and so that a wrong one does not pass for a fast one.
      if (!isOrder(answer)) throw new Error("a call did not bring the order");
      const done = performance.now();
      latencies[calls++] = done - now;
      now = done;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  const seconds = (performance.now() - begin) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    cpu: (cpu.user + cpu.system) / calls,
    callsPerSecond: calls / seconds,
    p99: quantile(latencies.subarray(0, calls), 0.99),
  };
}

function isOrder(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "id" in answer && answer.id === "42";
}

function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  return () => {
    // The young generation only: full collections make V8 throw away code it thinks unused.
    if (typeof gc === "function") gc({ type: "minor" });
  };
}
