import type { Scenario } from "../../../packages/core/src/testing/index.ts";
import { countEvents, shareBetween } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { first, measured, s, servers } from "./models.ts";

/** W. Morgan, "Beyond Round Robin: Load Balancing for Latency", 2016, and Finagle's simulator behind it. */
const scenario: Scenario = {
  name: "linkerd-2016",
  durationMs: s(60),
  callsPerSecond: 1_000,
  limitMs: 1_000,
  servers: servers(11, { serviceTime: measured }, [{ fromMs: s(15), toMs: s(45), latencyFactor: 10 }]),
};

export const linkerd2016: Study = study(scenario, {
  about: "one of 11 is ten times slower from 15 s to 45 s, as in Linkerd's Beyond Round Robin",
  policies: [
    "round-robin",
    "random",
    "least-request",
    "peak-ewma",
    "default",
    "default+ejection",
    "default+hedge",
  ],
  affected: [first],
  extra: (result) => ({
    callsNotOk: result.calls - result.ok,
    slowSharePercent: 100 * shareBetween(scenario, result, [first], 15, 45),
    ejections: countEvents(result, "endpoint.ejected"),
  }),
});
