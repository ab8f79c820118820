import assert from "node:assert/strict";

import type { ChaosCase } from "./chaos-cases.ts";

/** How long a word takes from one to another, in milliseconds: less than makes a leader doubt that the others are there. */
const farApartMs = 50;

/** What is done to the network between the members of a cluster. Each begins with a source that asks the leader first. */
export const partitionCases: readonly ChaosCase[] = [
  {
    what: "has its leader cut off from the others, and heals",
    needs: "partition",
    isImpatient: true,
    run: async (trial) => {
      const { isSilentWhenCutOff = false, patienceMs } = trial.registry;
      await trial.registry.cutOffLeader?.();
      await trial.answeredBy([0, 1], 5_000);
      // Two of three are enough.
      await trial.followsAgain(isSilentWhenCutOff ? patienceMs : 0);
      await trial.registry.restoreLeader?.();
      await trial.followsAgain();
    },
  },
  {
    what: "has members who are far apart",
    needs: "partition",
    run: async (trial) => {
      trial.registry.slowPeers?.(farApartMs);
      const begin = performance.now();
      await trial.list(0, 1, 2);
      // A leader asks another one before it takes a write.
      assert.ok(performance.now() - begin >= 2 * farApartMs, "they are not far apart");
      await trial.catchesUp();
      trial.registry.slowPeers?.(0);
      await trial.followsAgain();
    },
  },
  {
    what: "is asked for another service while the one who is asked first is cut off",
    needs: "partition",
    run: async (trial) => {
      await trial.registry.cutOffLeader?.();
      await trial.asksForAnother();
      await trial.answeredBy([0, 1], 5_000);
      await trial.registry.restoreLeader?.();
      await trial.followsAgain();
    },
  },
];
