import { lognormalTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario } from "../../../packages/core/src/testing/index.ts";
import { countEvents, fairAfter, firstEvent, shareBetween } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { first, s } from "./models.ts";

const greyFrom = 10;
const greyTo = 60;
const allSlowFrom = 150;
const allSlowTo = 200;

const scenario: Scenario = {
  name: "grey-latency",
  durationMs: s(220),
  callsPerSecond: 500,
  limitMs: 200,
  servers: Array.from({ length: 10 }, (_, index) => ({
    id: `b-${index + 1}`,
    serviceTime: lognormalTime(20, 0.35),
    phases: [
      ...(index === 0 ? [{ fromMs: s(greyFrom), toMs: s(greyTo), latencyFactor: 3 }] : []),
      { fromMs: s(allSlowFrom), toMs: s(allSlowTo), latencyFactor: 3 },
    ],
  })),
};

export const greyLatency: Study = study(scenario, {
  about:
    "one of 10 is three times slower than its peers from 10 s to 60 s without an error; all are from 150 s to 200 s",
  policies: ["round-robin", "least-request", "peak-ewma", "default", "default+ejection"],
  affected: [first],
  extra: (result) => ({
    greySharePercent: 100 * shareBetween(scenario, result, [first], greyFrom, greyTo),
    ejectedAfterS: firstEvent(result, "endpoint.ejected", first, s(greyFrom)),
    returnedAfterS: firstEvent(result, "endpoint.returned", first, s(greyTo)),
    fairAfterS: fairAfter(scenario, result, first, greyTo),
    othersEjected: countEvents(result, "endpoint.ejected", { except: [first] }),
    ejectedWhenAllSlow: countEvents(result, "endpoint.ejected", {
      fromMs: s(allSlowFrom),
    }),
  }),
});
