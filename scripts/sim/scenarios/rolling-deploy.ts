import type { Scenario, ServerModel } from "../../../packages/core/src/testing/index.ts";
import { countEvents } from "../figures.ts";
import { study } from "../study.ts";
import type { Study } from "../study.ts";
import { measured, s } from "./models.ts";

const count = 10;
/** From one replacement to the next. */
const everyS = 5;

/** Each old one stops half a second before discovery takes it out; its replacement came two seconds earlier, cold. */
const servers: readonly ServerModel[] = Array.from({ length: count }, (_, index) => {
  const at = s(5 + everyS * index);
  return [
    {
      id: `old-${index + 1}`,
      serviceTime: measured,
      present: [[0, at] as const],
      phases: [{ fromMs: at - 500, toMs: Infinity, refuse: true }],
    },
    {
      id: `new-${index + 1}`,
      serviceTime: measured,
      present: [[at - s(2), Infinity] as const],
      phases: [{ fromMs: at - s(2), toMs: at + s(2), latencyFactor: [5, 1] as const }],
    },
  ];
}).flat();

const scenario: Scenario = {
  name: "rolling-deploy",
  durationMs: s(5 + everyS * count + 5),
  callsPerSecond: 1_000,
  limitMs: 1_000,
  servers,
};

export const rollingDeploy: Study = study(scenario, {
  about:
    "ten instances are replaced one by one; each refuses connections for 0.5 s before discovery knows, each new one is cold",
  policies: ["round-robin", "least-request", "peak-ewma", "default", "default+ejection"],
  service: { retry: {} },
  extra: (result) => ({
    failedCalls: result.failed,
    callsNotOk: result.calls - result.ok,
    ejections: countEvents(result, "endpoint.ejected"),
  }),
});
