import type { Scenario, SimulationResult } from "../../../packages/core/src/testing/index.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { leaf } from "./fan-out.ts";
import { s, servers } from "./models.ts";

const slowFrom = 30;
const slowTo = 60;
const endsAt = 90;

const scenario: Scenario = {
  name: "global-slowdown",
  durationMs: s(endsAt),
  callsPerSecond: 1_000,
  limitMs: 100,
  servers: servers(
    20,
    { serviceTime: leaf, phases: [{ fromMs: s(slowFrom), toMs: s(slowTo), latencyFactor: 3 }] },
    [{ fromMs: s(slowFrom), toMs: s(slowTo), latencyFactor: 3 }],
  ),
};

/** Attempts beyond one per call, in percent of the calls between two seconds. */
function more({ seconds }: SimulationResult, fromS: number, toS: number): number {
  let calls = 0;
  let sends = 0;
  for (const second of seconds.slice(fromS, toS)) {
    calls += second.calls;
    for (const count of second.sends) sends += count;
  }
  return 100 * (sends / calls - 1);
}

/** A hedge is worth nothing where every endpoint is slow, and costs most there. */
export const globalSlowdown: Study = study(scenario, {
  about: "all of 20 are three times slower from 30 s to 60 s: what hedging sends more",
  policies: ["default", "default+ejection", "default+hedge", "default+hedge-10ms"],
  extra: (result) => ({
    moreSendsPercentBefore: more(result, 0, slowFrom),
    moreSendsPercentWhileSlow: more(result, slowFrom, slowTo),
    // As long as the budget looks back.
    moreSendsPercentIn10s: Math.max(
      ...Array.from({ length: endsAt - 9 }, (_, second) => more(result, second, second + 10)),
    ),
    moreSendsPercentAfter: more(result, slowTo, endsAt),
  }),
});
