import type { ChaosCase } from "./chaos-cases.ts";

/** How long a link is down: TCP tries again several times meanwhile. */
const downMs = 1_500;

/** What is done to the link to a registry. */
export const linkCases: readonly ChaosCase[] = [
  {
    what: "loses its link for a moment",
    run: async (trial) => {
      trial.proxy.set("silence");
      await trial.list(0, 1, 2);
      await trial.lasts(downMs);
      await trial.answeredBy([0, 1], 5_000);
      trial.assertUnheard(2);
      trial.proxy.set("pass");
      await trial.catchesUp();
    },
  },
  {
    what: "loses its link until nobody waits for it any more",
    isImpatient: true,
    run: async (trial) => {
      trial.proxy.set("silence");
      await trial.list(0, 1, 2);
      await trial.outlastsPatience();
      await trial.answeredBy([0, 1], 5_000);
      trial.assertUnheard(2);
      trial.proxy.set("pass");
      await trial.catchesUp();
    },
  },
];
