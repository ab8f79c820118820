import type { Scenario, ServerPhase } from "../../../packages/core/src/testing/index.ts";
import { countEvents, fairAfter, firstEvent, lostBetween, sendsBetween, shareBetween } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { eightWorkers, first, measured, s, servers } from "./models.ts";

const compared = ["round-robin", "least-request", "peak-ewma", "default", "default+ejection"] as const;

/** Finagle's balancer simulator: ten good ones and one more that fails, after the time that an answer takes. */
function finagle(name: string, phase: ServerPhase): Scenario {
  return {
    name,
    durationMs: s(45),
    callsPerSecond: 1_250,
    limitMs: 1_000,
    servers: servers(11, { serviceTime: measured }, [{ failRatio: 1, failAfterMs: 170, ...phase }]),
  };
}

const temporary = finagle("temporary-failure", { fromMs: s(10), toMs: s(25) });

export const temporaryFailure: Study = study(temporary, {
  about: "one of 11 fails from 10 s to 25 s (Finagle's simulator)",
  policies: compared,
  affected: [first],
  extra: (result) => ({
    failedCalls: result.failed,
    failedAfter2s: lostBetween(result, 12, 25),
    failingSharePercent: 100 * shareBetween(temporary, result, [first], 10, 25),
    ejectedAfterS: firstEvent(result, "endpoint.ejected", first, s(10)),
    fairAfterS: fairAfter(temporary, result, first, 25),
  }),
});

const permanent = finagle("permanent-failure", { fromMs: s(10), toMs: Infinity });

export const permanentFailure: Study = study(permanent, {
  about: "one of 11 fails from 10 s on (Finagle's simulator)",
  policies: compared,
  affected: [first],
  extra: (result) => ({
    failedCalls: result.failed,
    failedAfter2s: lostBetween(result, 12, 45),
    failingSharePercent: 100 * shareBetween(permanent, result, [first], 10, 45),
    ejectedAfterS: firstEvent(result, "endpoint.ejected", first, s(10)),
  }),
});

const fast: Scenario = {
  name: "fast-failing",
  durationMs: s(45),
  callsPerSecond: 1_250,
  limitMs: 1_000,
  servers: servers(10, eightWorkers, [{ fromMs: s(5), toMs: s(30), failRatio: 1, failAfterMs: 1 }]),
};

export const fastFailing: Study = study(fast, {
  about: "one of 10 fails within a millisecond from 5 s to 30 s, which makes it look fast and idle",
  policies: ["random", ...compared.slice(1)],
  affected: [first],
  extra: (result) => ({
    failingSharePercent: 100 * shareBetween(fast, result, [first], 5, 30),
    failingSends: sendsBetween(fast, result, [first], 5, 30),
    ejectedAfterS: firstEvent(result, "endpoint.ejected", first, s(5)),
    fairAfterS: fairAfter(fast, result, first, 30),
  }),
});

const flaky: Scenario = {
  name: "flaky-30",
  durationMs: s(45),
  callsPerSecond: 1_250,
  limitMs: 1_000,
  servers: servers(10, eightWorkers, [{ fromMs: 0, toMs: Infinity, failRatio: 0.3, failAfterMs: 1 }]),
};

export const flaky30: Study = study(flaky, {
  about: "one of 10 fails 30 % of its requests all the time",
  policies: compared,
  affected: [first],
  extra: (result) => ({
    failedPercent: (100 * result.failed) / result.calls,
    ejectedAfterS: firstEvent(result, "endpoint.ejected", first, 0),
    ejections: countEvents(result, "endpoint.ejected"),
    othersEjected: countEvents(result, "endpoint.ejected", { except: [first] }),
  }),
});
