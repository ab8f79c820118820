import type { DiscoveryError, Snapshot } from "@proxyless/core";
import { seededRandom } from "@proxyless/core/testing";
import type { ManualClock } from "@proxyless/core/testing";
import { onTestFinished } from "vitest";

import { zookeeper } from "../../src/index.ts";
import type { ZookeeperOptions } from "../../src/index.ts";
import type { FakeZookeeper } from "./fake-zookeeper.ts";

/** A watch of the service `web`, and what it told. */
export interface Seen {
  readonly snapshots: Snapshot[];
  readonly errors: DiscoveryError[];
  hosts(): string[] | undefined;
  /** Lets time pass in small steps, and the network with it, until something holds. */
  until(condition: () => boolean, stepMs?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Watches until the test is over. */
export function watchFake(
  fake: FakeZookeeper,
  clock: ManualClock,
  options: Partial<ZookeeperOptions> = {},
): Seen {
  const snapshots: Snapshot[] = [];
  const errors: DiscoveryError[] = [];
  const abort = new AbortController();
  const source = zookeeper({ servers: `127.0.0.1:${fake.port}`, sessionTimeoutMs: 9000, ...options });
  const handle = source.watch(
    { service: "web" },
    {
      snapshot: (snapshot) => snapshots.push(snapshot),
      alive: () => undefined,
      error: (error) => errors.push(error),
    },
    { signal: abort.signal, clock, random: seededRandom(1) },
  );
  const stop = async (): Promise<void> => {
    abort.abort();
    // Time must pass for a farewell that nobody answers.
    const done = handle.done.then(() => true);
    while (!(await Promise.race([done, advanceBoth(clock, 50)]))) continue;
  };
  onTestFinished(stop);
  return {
    snapshots,
    errors,
    hosts: () => snapshots.at(-1)?.endpoints.map(({ host }) => host),
    until: async (condition, stepMs = 5) => {
      for (const end = performance.now() + 15_000; !condition();) {
        if (performance.now() > end) throw new Error(`not in time; last error: ${errors.at(-1)?.message}`);
        await advanceBoth(clock, stepMs);
      }
    },
    stop,
  };
}

/** Lets time pass, and the network with it. */
export async function advanceBoth(clock: ManualClock, ms: number): Promise<false> {
  await new Promise((resolve) => setTimeout(resolve, 2));
  await clock.advance(ms);
  return false;
}
