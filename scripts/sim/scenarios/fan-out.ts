import { lognormalTime, mixedTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario } from "../../../packages/core/src/testing/index.ts";
import { runPolicy, study } from "../study.ts";
import type { Study } from "../study.ts";
import { s, servers } from "./models.ts";

/** A leaf that is quick, hiccups in 2 % of its answers, and stands still in 0.04 % of them. */
export const leaf = mixedTime([
  [0.9796, lognormalTime(4, 0.35)],
  [0.02, (random) => 10 + 20 * random()],
  [0.0004, (random) => 300 + 1_600 * random()],
]);

const scenario: Scenario = {
  name: "fan-out-100",
  durationMs: s(100),
  callsPerSecond: 50,
  fanOut: 100,
  limitMs: 100,
  servers: servers(20, { serviceTime: leaf }),
};

/** Jeffrey Dean and Luiz André Barroso, "The Tail at Scale", 2013: the more leaves a call waits for, the more it meets their tails. */
export const fanOut100: Study = study(scenario, {
  about:
    "each call asks 100 leaves on 20 servers and waits for all of them (The Tail at Scale); attempts per leaf",
  policies: ["default", "default+hedge"],
  // The leaves of a call are asked at the same moment: what differs is their luck, not their servers.
  service: { outlierDetection: false },
  extra: ({ calls, sendsPerCall }) => ({ moreSendsPercent: 100 * (sendsPerCall - 1), leaves: 100 * calls }),
  further: async ({ p999Ms, policy, seed }) => {
    if (policy === "default") return {};
    const without = await runPolicy(scenario, "default", seed, { outlierDetection: false });
    return { tailCut: without.p999Ms / p999Ms };
  },
});
