import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import {
  adaptiveConcurrency,
  adaptiveThrottling,
  bulkhead,
  circuit,
  compose,
  fallback,
  faultInjection,
  hedge,
  rateLimit,
  retry,
  retryBudget,
  timeout,
} from "@proxyless/core/policies";
import type { Policy } from "@proxyless/core/policies";
import * as cockatiel from "cockatiel";
import CircuitBreaker from "opossum";

import type { Row } from "./row.ts";
import { median } from "./statistics.ts";

export interface PoliciesOptions {
  readonly rounds: number;
  /** Calls through every policy at once, after which nothing may be left. */
  readonly calls: number;
  readonly progress: (text: string) => void;
}

interface Case {
  readonly name: string;
  readonly call: () => Promise<unknown>;
  /** Whose cost it is held against, and at most how many times that. */
  readonly against?: readonly [name: string, most: number | null];
  readonly target?: number;
  readonly samples: number[];
}

const callsPerRound = 2_000;
const bare = "await fn()";
const none = "no policy";

/**
 * What policies add to a call of a function that resolves at once, beside cockatiel and opossum; and what a lot of calls leaves behind.
 * The figure is the best round: nothing makes a round faster than the code is, and everything else on the machine makes it slower.
 */
export async function benchPolicies(options: PoliciesOptions): Promise<readonly Row[]> {
  const cases = makeCases();
  await measure(cases, options);
  const rows = cases.map(({ against, name, samples, target }): Row => {
    const other = cases.find((one) => one.name === against?.[0]);
    const note = `median ${median(samples).toFixed(0)}`;
    const value = Math.min(...samples);
    if (other === undefined) {
      return { name, metric: "ns", value, ratio: null, against: null, target: target ?? null, note };
    }
    const ratio = value / Math.min(...other.samples);
    return { name, metric: "ns", value, ratio, against: other.name, target: against?.[1] ?? null, note };
  });
  return [...rows, ...(await leftAfter(options))];
}

async function measure(cases: readonly Case[], { progress, rounds }: PoliciesOptions): Promise<void> {
  for (const { call } of cases) await callMany(call, callsPerRound * 2);
  for (let round = 0; round < rounds; round++) {
    if (round % 5 === 0) progress(`policies: round ${round} of ${rounds}`);
    for (let i = 0; i < cases.length; i++) {
      const { call, samples } = cases[(i + round) % cases.length]!;
      await callMany(call, callsPerRound / 10);
      const begin = performance.now();
      await callMany(call, callsPerRound);
      samples[round] = ((performance.now() - begin) * 1e6) / callsPerRound;
    }
  }
}

async function callMany(call: () => Promise<unknown>, calls: number): Promise<void> {
  for (let i = 0; i < calls; i++) await call();
}

const fn = (): Promise<number> => Promise.resolve(42);
const minuteMs = 60_000;

function makeCases(): readonly Case[] {
  const budget = retryBudget();
  const ours = (name: string, policy: Policy<unknown>, rest: Partial<Case> = {}): Case => ({
    name,
    call: () => policy.execute(fn),
    samples: [],
    ...rest,
  });
  const off = compose(circuit(false), retry(false), timeout(false), hedge(false), bulkhead(false));
  const standard = compose(timeout({ totalMs: minuteMs }), retry(), circuit(), timeout({ totalMs: 10_000 }));
  return [
    { name: bare, call: fn, samples: [] },
    ours(none, compose()),
    // Twice the time of nothing at all would still be nothing: it is the same code, and what is left is noise.
    ours("five policies that are off", off, { against: [none, 1.25] }),
    ours("circuit", circuit(), { against: ["opossum circuit", 1] }),
    ours("circuit, native", circuit({ engine: "native" }), { against: ["cockatiel circuit", null] }),
    ours("retry", retry(), { against: ["cockatiel retry", null] }),
    ours("timeout", timeout({ totalMs: 10_000 }), { against: ["cockatiel timeout", 1] }),
    ours("hedge", hedge({ delayMs: 10_000 })),
    ours("bulkhead", bulkhead({ maxConcurrent: 100 }), { against: ["cockatiel bulkhead", null] }),
    ours("rateLimit", rateLimit({ tokensPerSecond: 1_000_000, burst: 1_000_000 })),
    ours("adaptiveConcurrency", adaptiveConcurrency()),
    ours("adaptiveThrottling", adaptiveThrottling()),
    ours(
      "fallback",
      fallback(() => 0),
      { against: ["cockatiel fallback", null] },
    ),
    ours("faultInjection, off", faultInjection(false)),
    ours("timeout, retry, circuit, timeout", standard, { against: ["cockatiel, the same four", 1] }),
    ours("every policy at once", compose(...every(budget))),
    ...peers(),
  ];
}

/** One of each, in the order that the page on them recommends. */
function every(budget = retryBudget()): readonly Policy<unknown>[] {
  return [
    fallback(() => 0),
    timeout({ totalMs: minuteMs }),
    rateLimit({ tokensPerSecond: 1_000_000, burst: 1_000_000, perKey: true, maxKeys: 1_000 }),
    adaptiveThrottling(),
    adaptiveConcurrency(),
    retry({ baseDelayMs: 0, maxDelayMs: 0 }, { budget }),
    circuit(),
    bulkhead({ maxConcurrent: 1_000 }),
    hedge({ delayMs: 10_000 }, { budget }),
    timeout({ totalMs: 10_000 }),
    faultInjection(false),
  ];
}

function peers(): readonly Case[] {
  const { handleAll } = cockatiel;
  const peer = (name: string, policy: cockatiel.IPolicy<cockatiel.IDefaultPolicyContext, unknown>): Case => ({
    name,
    call: () => policy.execute(fn),
    samples: [],
  });
  const breaker = (): cockatiel.IPolicy =>
    cockatiel.circuitBreaker(handleAll, {
      halfOpenAfter: 5_000,
      breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
    });
  const retries = (): cockatiel.IPolicy =>
    cockatiel.retry(handleAll, { maxAttempts: 2, backoff: new cockatiel.ExponentialBackoff() });
  const limit = (ms: number): cockatiel.IPolicy =>
    cockatiel.timeout(ms, cockatiel.TimeoutStrategy.Aggressive);
  const opossum = new CircuitBreaker(fn, { timeout: false });
  return [
    { name: "opossum circuit", call: () => opossum.fire(), samples: [] },
    peer("cockatiel circuit", breaker()),
    peer("cockatiel retry", retries()),
    peer("cockatiel timeout", limit(10_000)),
    peer("cockatiel bulkhead", cockatiel.bulkhead(100)),
    peer("cockatiel fallback", cockatiel.fallback(handleAll, 0)),
    peer("cockatiel, the same four", cockatiel.wrap(limit(minuteMs), retries(), breaker(), limit(10_000))),
  ];
}

/** Calls of which some fail, some take a while and all have a signal that outlives them; then counts what is still there. */
async function leftAfter({ calls, progress }: PoliciesOptions): Promise<readonly Row[]> {
  const collect = fullCollector();
  const policies = every();
  const policy = compose(...policies);
  const caller = new AbortController();
  let begun = 0;
  const work = async (): Promise<number> => {
    const number = begun++;
    if (number % 20 === 0) throw new Error("one in twenty fails");
    if (number % 100 === 1) await new Promise(setImmediate);
    return number;
  };
  const run = async (count: number): Promise<void> => {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        if (left % 100_000 === 0) progress(`policies: ${left} calls to go`);
        await policy.execute(work, { signal: caller.signal, key: `user ${left % 5_000}` });
      }
    };
    await Promise.all(Array.from({ length: 50 }, worker));
  };
  await run(Math.min(50_000, calls));
  const heapBefore = collect();
  const timersBefore = countTimers();
  await run(calls);
  const grown = collect() - heapBefore;
  const timers = countTimers() - timersBefore;
  const listeners = getEventListeners(caller.signal, "abort").length;
  const leases = [...JSON.stringify(policy.inspect()).matchAll(/"(?:inFlight|queued)":(\d+)/g)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  const name = `${calls} calls through every policy, left behind`;
  const row = { name, ratio: null, against: null };
  return [
    { ...row, metric: "bytes", value: Math.max(0, grown), target: 524_288, note: "heap, in all" },
    { ...row, metric: "left", value: timers, target: 0, note: "timers" },
    { ...row, metric: "left", value: listeners, target: 0, note: "listeners" },
    { ...row, metric: "left", value: leases, target: 0, note: "leases and places in queues" },
  ];
}

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
}

/** Collects everything, and says what is left in bytes. */
function fullCollector(): () => number {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  return () => {
    if (typeof gc === "function") for (let i = 0; i < 3; i++) gc();
    return process.memoryUsage().heapUsed;
  };
}
