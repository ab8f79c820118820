import type { Scenario } from "../../../packages/core/src/testing/index.ts";
import { fairAfter, shareBetween } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { first, measured, s, servers } from "./models.ts";

const scenario: Scenario = {
  name: "cold-start",
  durationMs: s(45),
  callsPerSecond: 1_250,
  limitMs: 1_000,
  // Finagle's warm-up is min(5, 10 s / t); straight lines between points of it.
  servers: servers(11, { serviceTime: measured }, [
    { fromMs: 0, toMs: s(2), latencyFactor: 5 },
    { fromMs: s(2), toMs: s(3), latencyFactor: [5, 10 / 3] },
    { fromMs: s(3), toMs: s(5), latencyFactor: [10 / 3, 2] },
    { fromMs: s(5), toMs: s(10), latencyFactor: [2, 1] },
    { fromMs: s(19), toMs: s(23), latencyFactor: 10 },
  ]),
};

export const coldStart: Study = study(scenario, {
  about:
    "one of 11 begins five times slower and warms up for 10 s, then pauses from 19 s to 23 s (Finagle's simulator)",
  policies: ["round-robin", "least-request", "peak-ewma", "default", "default+ejection"],
  affected: [first],
  extra: (result) => ({
    coldSharePercent: 100 * shareBetween(scenario, result, [first], 0, 5),
    fairAfterS: fairAfter(scenario, result, first, 10),
    pausedSharePercent: 100 * shareBetween(scenario, result, [first], 19, 23),
    fairAfterPauseS: fairAfter(scenario, result, first, 23),
  }),
});
