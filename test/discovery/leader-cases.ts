import { slowCase } from "./chaos-cases.ts";
import type { ChaosCase } from "./chaos-cases.ts";

/** What is done to clusters, beside what {@link chaosCases} does to each server of its kind alone. */
export const leaderCases: readonly ChaosCase[] = [
  {
    what: "loses its leader, who comes back",
    run: async (trial) => {
      await trial.registry.killLeader?.();
      await trial.answeredBy([0, 1], 5_000);
      // Two of three are enough.
      await trial.followsAgain();
      await trial.registry.restoreLeader?.();
      await trial.followsAgain();
    },
  },
  {
    what: "cannot hear its leader any more, who wakes up behind the others",
    isImpatient: true,
    run: async (trial) => {
      await trial.registry.freezeLeader?.();
      await trial.answeredBy([0, 1], 5_000);
      await trial.followsAgain(trial.registry.patienceMs);
      await trial.registry.restoreLeader?.();
      await trial.followsAgain();
    },
  },
  slowCase,
];
