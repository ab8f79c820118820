import { setTimeout as wait } from "node:timers/promises";

import type { Fleet } from "./fleet.ts";
import type { Instance } from "./instance.ts";
import type { Registry } from "./registry.ts";

/** What was done, in short; the summary tells only of what happened. */
export type Deed = "killed" | "slow" | "restarted" | "recovered";

export interface Timeline {
  readonly fleet: Fleet;
  /** Booted and waiting to serve in the place of the one that is killed. */
  readonly replacement: Instance;
  readonly registry: Registry;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Tells people what happens now. */
  readonly say: (text: string) => void;
}

interface Step {
  /** When, as a part of the whole. */
  readonly at: number;
  readonly deed: Deed;
  readonly run: (timeline: Timeline) => Promise<void>;
}

const victim = "orders-2";
const sluggard = "orders-3";
const slowness = 10;

/** Everything that goes wrong, and right again. */
const steps: readonly Step[] = [
  {
    at: 0.2,
    deed: "killed",
    run: async ({ fleet, registry, say }) => {
      const instance = fleet.get(victim);
      await instance.kill();
      instance.condition = "killed (SIGKILL)";
      say(`killed ${victim} at ${instance.address} (SIGKILL); ${registry.description} still lists it`);
    },
  },
  {
    at: 0.4,
    deed: "slow",
    run: async ({ fleet, say }) => {
      const instance = fleet.get(sluggard);
      instance.setPace(slowness);
      instance.condition = `${slowness}x slow`;
      say(`${sluggard} at ${instance.address} turned ${slowness}x slow`);
    },
  },
  {
    at: 0.6,
    deed: "restarted",
    run: async ({ fleet, replacement, registry, say }) => {
      replacement.condition = "restarted";
      await fleet.admit(replacement);
      await registry.listed(replacement);
      say(`restarted ${victim} on a new port: ${registry.description} lists ${replacement.address} instead`);
    },
  },
  {
    at: 0.8,
    deed: "recovered",
    run: async ({ fleet, say }) => {
      const instance = fleet.get(sluggard);
      instance.setPace(1);
      instance.condition = "recovered";
      say(`${sluggard} at ${instance.address} is as fast as before`);
    },
  },
];

/** Runs the timeline; resolves with what was done, which is less than everything when the signal aborts. */
export async function runTimeline(timeline: Timeline): Promise<readonly Deed[]> {
  const startedAt = performance.now();
  const done: Deed[] = [];
  for (const { at, deed, run } of steps) {
    const dueIn = startedAt + at * timeline.seconds * 1000 - performance.now();
    // eslint-disable-next-line no-await-in-loop -- one after the other is what a timeline is
    await wait(Math.max(0, dueIn), undefined, { signal: timeline.signal }).catch(() => undefined);
    if (timeline.signal.aborted) break;
    // eslint-disable-next-line no-await-in-loop -- as above
    await run(timeline);
    done.push(deed);
  }
  return done;
}
