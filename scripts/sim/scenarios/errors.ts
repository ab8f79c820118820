import { lognormalTime } from "../../../packages/core/src/testing/index.ts";
import type { Scenario, SimulationResult } from "../../../packages/core/src/testing/index.ts";
import { countEvents } from "../figures.ts";
import { rowOf, runPolicy, timelineOf } from "../study.ts";
import type { Study } from "../study.ts";
import { clientCounts } from "./dead-dependency.ts";
import { s } from "./models.ts";

function scenario(percent: number, clients: number): Scenario {
  return {
    name: `errors-${percent}`,
    durationMs: s(100),
    callsPerSecond: 200,
    limitMs: 1_000,
    clients: Array.from({ length: clients }, () => ({})),
    servers: Array.from({ length: 5 }, (_, index) => ({
      id: `b-${index + 1}`,
      serviceTime: lognormalTime(20, 0.35),
      phases: [{ fromMs: 0, toMs: Infinity, failRatio: percent / 100, failStatus: 503, failAfterMs: 1 }],
    })),
  };
}

/** The row is that of the number of clients that lost the most. */
function errors(percent: number): Study {
  return {
    name: `errors-${percent}`,
    about: `all of 5 answer ${percent} % of their requests with 503; 200 calls per second from 10, 100 and 1,000 clients`,
    policies: ["default", "default+retry", "all-defaults"],
    affected: [],
    okWithinMs: 1_000,
    run: async (policy, seed) => {
      const extra: Record<string, number> = {};
      let worst: SimulationResult | undefined;
      for (const clients of clientCounts) {
        const result = await runPolicy(scenario(percent, clients), policy, seed);
        extra[`okPercent${clients}`] = 100 * result.okRatio;
        extra[`sendsPerCall${clients}`] = result.sendsPerCall;
        extra[`ejections${clients}`] = countEvents(result, "endpoint.ejected");
        if (result.okRatio < (worst?.okRatio ?? Infinity)) worst = result;
      }
      if (worst === undefined) throw new Error("there is no number of clients to run with");
      return { row: rowOf(worst, extra), timeline: timelineOf(scenario(percent, 1), worst) };
    },
  };
}

export const errors5: Study = errors(5);
export const errors10: Study = errors(10);
