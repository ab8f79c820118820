import type { ChaosCase } from "./chaos-cases.ts";

/** Long enough for a question that is asked twice. */
const faultMs = 4_500;

/** What befalls datagrams alone. */
export const datagramCases: readonly ChaosCase[] = [
  {
    what: "loses one datagram in five",
    needs: "datagrams",
    run: async (trial) => {
      trial.proxy.set("lossy");
      // It goes on meanwhile: a question may be lost more than once.
      const moreMs = 3 * trial.registry.patienceMs;
      await trial.followsAgain(moreMs, moreMs);
    },
  },
  {
    what: "has answers that do not fit into a datagram, and say so",
    needs: "datagrams",
    run: async (trial) => {
      trial.proxy.set("oversized");
      await trial.followsAgain();
    },
  },
  {
    what: "seems to answer questions that nobody asked",
    needs: "datagrams",
    run: async (trial) => {
      trial.proxy.set("foreign");
      await trial.list(1, 2);
      await trial.lasts(faultMs);
      await trial.answeredBy([0, 1], 5_000);
      trial.proxy.set("pass");
      await trial.followsAgain();
    },
  },
];
