import type { Scenario } from "../../../packages/core/src/testing/index.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { eightWorkers, first, s, servers } from "./models.ts";

const scenario: Scenario = {
  name: "slow-endpoint",
  durationMs: s(45),
  callsPerSecond: 1_250,
  limitMs: 1_000,
  servers: servers(10, eightWorkers, [{ fromMs: 0, toMs: Infinity, latencyFactor: 3 }]),
};

export const slowEndpoint: Study = study(scenario, {
  about:
    "one of 10 is three times slower all the time; eight workers each, 84 % of what they can do together",
  policies: ["round-robin", "least-request", "peak-ewma", "default", "default+ejection"],
  affected: [first],
});
