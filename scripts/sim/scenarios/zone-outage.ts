import { exponentialTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario, SimulationResult } from "../../../packages/core/src/testing/index.ts";
import { lostBetween, sendsBetween } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { s } from "./models.ts";

const zones = ["a", "b", "c"] as const;
const perZone = 4;
const lostFrom = 15;
const lostTo = 75;
/** From here on everybody should know. */
const knownFrom = 20;

const scenario: Scenario = {
  name: "zone-outage",
  durationMs: s(90),
  callsPerSecond: 1_200,
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

/** Calls in the caller's own zone cannot be told apart by server; a balanced world has a third of the load in each zone. */
export const zoneOutage: Study = study(scenario, {
  about:
    "three zones of four with callers in each; one zone refuses connections from 15 s to 75 s, discovery does not notice",
  policies: ["round-robin", "least-request", "default", "default+ejection"],
  affected: lost,
  service: { retry: {} },
  extra: (result) => ({
    "failed calls": result.failed,
    "failed after detection": lostBetween(result, knownFrom, lostTo),
    "lost sends after detection": sendsBetween(scenario, result, lost, knownFrom, lostTo),
    "rest off by %": 100 * spread(result),
    "sends at the end %":
      (100 * sendsBetween(scenario, result, lost, lostTo + 10, 90)) /
      sendsBetween(scenario, result, [...lost, ...rest], lostTo + 10, 90),
  }),
});
