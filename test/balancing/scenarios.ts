import { lognormalTime } from "@proxyless/core/testing";
import type { Scenario, ServerPhase } from "@proxyless/core/testing";

/** When the trouble begins; until then all are well. */
export const troubleAtMs = 1_000;

/** What can be wrong with a server. */
const faults = {
  slow: { latencyFactor: 10 },
  failing: { failRatio: 1, failStatus: 503, failAfterMs: 1 },
  hanging: { hangRatio: 1 },
  refusing: { refuse: true },
  resetting: { resetRatio: 1, failAfterMs: 1 },
} as const satisfies Record<string, Omit<ServerPhase, "fromMs" | "toMs">>;

export type Fault = keyof typeof faults;

/** Three of ten, so that a balancer that does not notice is far from one that does. */
const troubled = 3;

/** Ten servers that answer after some 60 ms, three of which turn bad after a second and stay so. */
export function scenarioOf(fault: Fault): Scenario {
  const phases = [{ fromMs: troubleAtMs, toMs: Infinity, ...faults[fault] }];
  return {
    name: fault,
    durationMs: 5_000,
    callsPerSecond: 150,
    // What is ten times slower is too late, and a machine with other things to do is not.
    limitMs: 350,
    servers: Array.from({ length: 10 }, (_, i) => ({
      id: `b-${i + 1}`,
      serviceTime: lognormalTime(60, 0.2),
      ...(i < troubled ? { phases } : undefined),
    })),
  };
}
