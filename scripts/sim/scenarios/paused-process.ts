import { lognormalTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario, SimulationResult } from "../../../packages/core/src/testing/index.ts";
import { countEvents, lostBetween } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { s, servers } from "./models.ts";

/** As long as a bad garbage collection, a frozen container, and a machine that was put to sleep. */
const pauses = [
  [s(20), s(21)],
  [s(40), s(45)],
  [s(70), s(100)],
] as const;

const scenario: Scenario = {
  name: "paused-process",
  durationMs: s(120),
  callsPerSecond: 300,
  limitMs: 500,
  clients: [{ pauses }],
  servers: servers(5, { serviceTime: lognormalTime(20, 0.35) }),
};

/** The busiest endpoint by the average one in the seconds after a pause, in the worst case. */
function busiestAfterwards({ seconds }: SimulationResult): number {
  const ratios = pauses.map(([, toMs]) => {
    // The second that makes up for the pause says the most of who is thought to be quick.
    const after = seconds.slice(toMs / 1_000, toMs / 1_000 + 3);
    const loads = scenario.servers.map((_, index) =>
      after.reduce((sum, { sends }) => sum + (sends[index] ?? 0), 0),
    );
    return (Math.max(...loads) * loads.length) / loads.reduce((sum, load) => sum + load, 0);
  });
  return Math.max(...ratios);
}

/** Nothing is wrong with the service: whatever is done about it is wrong. */
export const pausedProcess: Study = study(scenario, {
  about: "the calling process stands still for 1 s, 5 s and 30 s; the service is well all the time",
  policies: ["default", "default+ejection", "default+retry", "all-defaults", "all-defaults+hedge"],
  extra: (result) => ({
    failedCalls: result.failed,
    lateCalls: result.calls - result.ok - result.failed,
    lostAfterwards: lostBetween(result, 101, 120),
    busiestAfterwards: busiestAfterwards(result),
    ejections: countEvents(result, "endpoint.ejected"),
    circuitsOpened: countEvents(result, "circuit.opened"),
    budgetsExhausted: countEvents(result, "budget.exhausted"),
  }),
});
