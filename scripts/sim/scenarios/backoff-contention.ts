import { resolvePolicy } from "../../../packages/core/src/policies/resolve-policy.ts";
import { backoffMs } from "../../../packages/core/src/policies/retry/backoff.ts";
import type { Jitter } from "../../../packages/core/src/policies/retry/backoff.ts";
import type { Random } from "../../../packages/core/src/random.ts";
import { seededRandom } from "../../../packages/core/src/testing/index.ts";
import { VirtualClock } from "../../../packages/core/src/testing/simulator/virtual-clock.ts";
import { optionsOf } from "../policies.ts";
import type { Run, Study } from "../study.ts";

const clients = 100;
const repetitions = 100;
/** The published base is 5 ms, but of the first back-off already it takes twice that: 10, 20, 40… ms. */
const baseDelayMs = 10;
const maxDelayMs = 2_000;

/**
 * Marc Brooker, "Exponential Backoff And Jitter", 2015: every client reads a row and writes it, and the write fails where another
 * one came in between. Then it backs off and begins again, until it has succeeded. The one thing of the mesh in it is the back-off.
 */
export const backoffContention: Study = {
  name: "backoff-contention",
  about:
    "100 clients each have to write the same row once, and back off when another one was quicker (100 times; AWS, 2015)",
  policies: ["default", "full-jitter", "equal-jitter", "decorrelated-jitter", "no-jitter"],
  affected: [],
  okWithinMs: 10_000,
  run: async (policy, seed) => {
    const random = seededRandom(seed);
    const completed: number[] = [];
    const took: number[] = [];
    let writes = 0;
    for (let i = 0; i < repetitions; i++) {
      const race = await contend(jitterOf(policy), random);
      writes += race.writes;
      completed.push(Math.max(...race.took));
      took.push(...race.took);
    }
    return rowOf(policy, took, writes, completed);
  },
};

/** That of the policy's retries; the one that retries have by default where it has none. */
function jitterOf(policy: string): Jitter {
  const options = optionsOf(policy);
  const { retry } = resolvePolicy(options.retry === false ? {} : options, "", {});
  if (retry === false) throw new Error(`the policy ${policy} has no retries`);
  return retry.jitter;
}

/** All clients together. @returns the writes that were tried, and when each client was done */
async function contend(jitter: Jitter, random: Random): Promise<{ writes: number; took: readonly number[] }> {
  const clock = new VirtualClock();
  const took: number[] = [];
  let version = 0;
  let writes = 0;
  const travels = (then: () => void, afterMs = 0): void => {
    clock.at(clock.now() + networkMs(random) + afterMs, then);
  };
  const write = (read: number, attempt: number, waitedMs: number): void => {
    writes++;
    const isWritten = read === version;
    if (isWritten) version++;
    travels(() => {
      if (isWritten) {
        took.push(clock.now());
        return;
      }
      const delayMs = backoffMs(attempt, { baseDelayMs, jitter, maxDelayMs }, waitedMs, random);
      begin(attempt + 1, delayMs);
    });
  };
  const begin = (attempt: number, delayMs: number): void => {
    travels(() => {
      const read = version;
      travels(() => {
        travels(() => {
          write(read, attempt, delayMs);
        });
      });
    }, delayMs);
  };
  for (let i = 0; i < clients; i++) begin(1, 0);
  await clock.run(() => took.length === clients);
  return { writes, took };
}

/** Normal, 10 ms with a standard deviation of 2 ms. */
function networkMs(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return Math.abs(10 + 2 * radius * Math.cos(2 * Math.PI * random()));
}

function rowOf(policy: string, took: readonly number[], writes: number, completed: readonly number[]): Run {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * sorted.length)] ?? NaN;
  const callsPerRun = writes / repetitions;
  return {
    timeline: undefined,
    row: {
      policy,
      calls: took.length,
      okRatio: took.filter((ms) => ms <= backoffContention.okWithinMs).length / took.length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
      p9999Ms: at(0.9999),
      sendsPerCall: writes / took.length,
      shares: { row: 1 },
      maxOverMean: 1,
      extra: {
        callsPerRun,
        completionS: completed.reduce((sum, ms) => sum + ms, 0) / repetitions / 1_000,
      },
    },
  };
}
