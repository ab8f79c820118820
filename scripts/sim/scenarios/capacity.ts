import { exponentialTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario } from "../../../packages/core/src/testing/index.ts";
import { probePath } from "../policies.ts";
import { runPolicy, study } from "../study.ts";
import type { Study } from "../study.ts";
import { s } from "./models.ts";

/** Five of 200 calls per second and five of 100. */
const able = 1_500;
/** Parts of what all can do together, in percent. */
const loads = [60, 70, 80, 90, 95] as const;
const shownLoad = 80;

function scenario(percent: number): Scenario {
  return {
    name: "capacity",
    durationMs: s(30),
    callsPerSecond: (able * percent) / 100,
    limitMs: 500,
    reportsLoad: true,
    probePath,
    servers: Array.from({ length: 10 }, (_, index) => ({
      id: `${index < 5 ? "fast" : "slow"}-${(index % 5) + 1}`,
      serviceTime: exponentialTime(index < 5 ? 40 : 80),
      workers: 8,
    })),
  };
}

const slow = scenario(shownLoad)
  .servers.filter(({ id }) => id.startsWith("slow"))
  .map(({ id }) => id);

export const capacity: Study = study(scenario(shownLoad), {
  about:
    "five of 10 are twice as fast as the others; 80 % of what all can do, and how much more goes (99.9 % within 500 ms)",
  policies: [
    "round-robin",
    "least-request",
    "peak-ewma",
    "client-side-weighted-round-robin",
    "prequal",
    "default",
  ],
  affected: slow,
  further: async ({ policy, seed }) => {
    let held: number | null = null;
    for (const percent of loads) {
      const { okRatio } = await runPolicy(scenario(percent), policy, seed);
      if (okRatio < 0.999) break;
      held = percent;
    }
    return { loadHeldPercent: held };
  },
});
