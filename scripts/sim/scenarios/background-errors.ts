import type { Scenario } from "../../../packages/core/src/testing/index.ts";
import { countEvents, secondlyMaxOverMean } from "../figures.ts";
import { rowOf, runPolicy, timelineOf } from "../study.ts";
import type { Study } from "../study.ts";
import { eightWorkers, s } from "./models.ts";

/** Shares of failed requests on every endpoint alike, the worst first. */
const rates = [0.01, 0.001, 0.0003] as const;

/** 10 servers of 160 calls per second at 84 % of that. */
function scenario(rate: number): Scenario {
  return {
    name: "background-errors",
    durationMs: s(45),
    callsPerSecond: 1_344,
    limitMs: 1_000,
    servers: Array.from({ length: 10 }, (_, index) => ({
      ...eightWorkers,
      id: `b-${index + 1}`,
      phases: [{ fromMs: 0, toMs: Infinity, failRatio: rate, failAfterMs: 1 }],
    })),
  };
}

export const backgroundErrors: Study = {
  name: "background-errors",
  about: "all of 10 fail 1 % (also 0.1 % and 0.03 %) of their requests at 84 % of what they can do",
  policies: ["least-request", "peak-ewma", "default", "default+ejection"],
  affected: [],
  okWithinMs: 1_000,
  run: async (policy, seed) => {
    const results = [];
    for (const rate of rates) results.push(await runPolicy(scenario(rate), policy, seed));
    const extra = Object.fromEntries(
      results.flatMap((result, index) => {
        const label = `At${String(100 * (rates[index] ?? 0)).replace(".", "_")}Percent`;
        return [
          [`p99Ms${label}`, result.p99Ms],
          [`maxOverMean${label}`, result.maxOverMean],
          [`maxOverMeanBySecond${label}`, secondlyMaxOverMean(scenario(0), result)],
          [`ejections${label}`, countEvents(result, "endpoint.ejected")],
        ];
      }),
    );
    const [worst] = results;
    if (worst === undefined) throw new Error("there is no rate of errors to run");
    return { row: rowOf(worst, extra), timeline: timelineOf(scenario(0), worst) };
  },
};
