import { lognormalTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario, SimulationResult } from "../../../packages/core/src/testing/index.ts";
import { countEvents, lostBetween, shareBetween } from "../figures.ts";
import { runPolicy, study } from "../study.ts";
import type { Study } from "../study.ts";
import { first, s, servers } from "./models.ts";

const from = 10;
const to = 70;
const everyS = 6;
const downS = 3;

/** Away for three seconds, there for three, as a process that is killed and restarted again and again. */
const phases = Array.from({ length: (to - from) / everyS }, (_, index) => ({
  fromMs: s(from + everyS * index),
  toMs: s(from + everyS * index + downS),
  failRatio: 1,
  failStatus: 503,
  failAfterMs: 1,
}));

const scenario: Scenario = {
  name: "flapping",
  durationMs: s(100),
  callsPerSecond: 500,
  limitMs: 500,
  servers: servers(5, { serviceTime: lognormalTime(20, 0.35) }, phases),
};

const whole: Scenario = {
  ...scenario,
  servers: servers(5, { serviceTime: lognormalTime(20, 0.35), phases }),
};

/** Calls that were lost in the seconds in which the service was there again. */
function lostWhileThere(result: SimulationResult): number {
  return phases.reduce(
    (sum, { toMs }) => sum + lostBetween(result, toMs / 1_000, toMs / 1_000 + everyS - downS),
    0,
  );
}

/** One endpoint of five flaps; then all of them do, at the same moments. */
export const flapping: Study = study(scenario, {
  about: "one of 5 answers 503 for 3 s of every 6 s for a minute (also: all of them do)",
  policies: ["round-robin", "default", "default+ejection", "default+retry", "all-defaults"],
  affected: [first],
  extra: (result) => ({
    failedCalls: result.failed,
    flappingSharePercent: 100 * shareBetween(scenario, result, [first], from, to),
    sharePercentAtEnd: 100 * shareBetween(scenario, result, [first], 90, 100),
    ejections: countEvents(result, "endpoint.ejected"),
  }),
  further: async ({ policy, seed }) => {
    const result = await runPolicy(whole, policy, seed);
    return {
      allFlapOkPercent: 100 * result.okRatio,
      allFlapSendsPerCall: result.sendsPerCall,
      allFlapLostWhileThere: lostWhileThere(result),
    };
  },
});
