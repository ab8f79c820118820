import { exponentialTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario, SimulationResult } from "../../../packages/core/src/testing/index.ts";
import { lostBetween, sendsBetween, shareBetween } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { s } from "./models.ts";

const zones = ["a", "b", "c"] as const;
const perZone = 4;
const lostFrom = 15;
const lostTo = 60;
const endsAt = 130;
/** From here on everybody should know. */
const knownFrom = 20;

const scenario: Scenario = {
  name: "zone-outage",
  durationMs: s(endsAt),
  callsPerSecond: 900,
  limitMs: 1_000,
  clients: zones.flatMap((zone) => [{ locality: { zone } }, { locality: { zone } }]),
  servers: zones.flatMap((zone) =>
    Array.from({ length: perZone }, (_, index) => ({
      id: `${zone}-${index + 1}`,
      locality: { zone },
      serviceTime: exponentialTime(20),
      workers: 8,
      phases: zone === "c" ? [{ fromMs: s(lostFrom), toMs: s(lostTo), refuse: true }] : [],
    })),
  ),
};

const lost = scenario.servers.filter(({ id }) => id.startsWith("c-")).map(({ id }) => id);
const rest = scenario.servers.filter(({ id }) => !id.startsWith("c-")).map(({ id }) => id);

/**
 * How far the busiest and the idlest of those that are left are from their part. With two equal zones left, and each caller
 * keeping to its own zone or, where that is gone, to all alike, the part is the same for each.
 */
function spread(result: SimulationResult): number {
  const loads = rest.map((id) => sendsBetween(scenario, result, [id], knownFrom, lostTo));
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  return Math.max(...loads.map((load) => Math.abs(load / mean - 1)));
}

export const zoneOutage: Study = study(scenario, {
  about:
    "three zones of four with callers in each; one zone refuses connections from 15 s to 60 s, discovery does not notice",
  policies: ["round-robin", "least-request", "default", "default+ejection"],
  affected: lost,
  service: { retry: {} },
  extra: (result) => ({
    failedCalls: result.failed,
    failedAfterDetection: lostBetween(result, knownFrom, lostTo),
    lostSendsAfterDetection: sendsBetween(scenario, result, lost, knownFrom, lostTo),
    restOffPercent: 100 * spread(result),
    lostZoneAtEndPercent: 100 * shareBetween(scenario, result, lost, endsAt - 10, endsAt),
  }),
});
