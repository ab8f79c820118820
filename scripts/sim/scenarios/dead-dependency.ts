import { lognormalTime } from "../../../packages/core/src/testing/index.ts";
import type {
  Scenario,
  ServerModel,
  ServerPhase,
  SimulationResult,
} from "../../../packages/core/src/testing/index.ts";
import { countEvents } from "../figures.ts";
import { rowOf, runPolicy, timelineOf } from "../study.ts";
import type { Extra, Study } from "../study.ts";
import { s } from "./models.ts";

/** The same rate of calls comes from so many processes, each with a mesh of its own. */
export const clientCounts = [10, 100, 1_000] as const;
const endsAt = 100;
const diesAt = 50;

const dead = { failRatio: 1, failStatus: 503, failAfterMs: 1 } as const;
const fromBeginning: ServerPhase = { ...dead, fromMs: 0, toMs: Infinity };
const fromMiddle: ServerPhase = { ...dead, fromMs: s(diesAt), toMs: Infinity };

function tier(letter: string, over: Partial<ServerModel>): readonly ServerModel[] {
  return Array.from({ length: 5 }, (_, index) => ({
    id: `${letter}-${index + 1}`,
    serviceTime: lognormalTime(5, 0.35),
    ...over,
  }));
}

function scenario(clients: number, phase: ServerPhase): Scenario {
  return {
    name: "dead-dependency",
    durationMs: s(endsAt),
    callsPerSecond: 200,
    limitMs: 1_000,
    clients: Array.from({ length: clients }, () => ({})),
    servers: tier("b", { phases: [phase] }),
  };
}

/** Attempts per call from second `fromS` to the end. */
function sendsPerCallFrom({ seconds }: SimulationResult, fromS: number): number {
  let calls = 0;
  let sends = 0;
  for (const second of seconds.slice(fromS)) {
    calls += second.calls;
    for (const count of second.sends) sends += count;
  }
  return sends / calls;
}

/**
 * What a policy sends to a service that is dead. The row is that of the number of clients with the most attempts per call, with the
 * service dead from the beginning.
 */
export const deadDependency: Study = {
  name: "dead-dependency",
  about:
    "all of 5 answer 503 at once (also: from the middle of the run on); 200 calls per second from 10, 100 and 1,000 clients",
  policies: ["default", "default+retry", "all-defaults"],
  affected: [],
  okWithinMs: 1_000,
  run: async (policy, seed) => {
    const extra: Record<string, number> = {};
    let worst: SimulationResult | undefined;
    for (const clients of clientCounts) {
      const result = await runPolicy(scenario(clients, fromBeginning), policy, seed);
      extra[`sendsPerCall${clients}`] = result.sendsPerCall;
      if (result.sendsPerCall > (worst?.sendsPerCall ?? 0)) worst = result;
    }
    for (const clients of clientCounts) {
      const result = await runPolicy(scenario(clients, fromMiddle), policy, seed);
      extra[`sendsPerCallFromMiddle${clients}`] = result.sendsPerCall;
      extra[`sendsPerCallOnceDead${clients}`] = sendsPerCallFrom(result, diesAt);
    }
    if (worst === undefined) throw new Error("there is no number of clients to run with");
    return { row: rowOf(worst, extra), timeline: timelineOf(scenario(1, fromBeginning), worst) };
  },
};

/** Clients call `a`, which calls `b`, which calls `c`. */
function layered(phase: ServerPhase): Scenario {
  const last = tier("c", { phases: [phase] });
  const middle = tier("b", { calls: last });
  return {
    name: "dead-dependency-3-layers",
    durationMs: s(endsAt),
    callsPerSecond: 200,
    limitMs: 1_000,
    clients: Array.from({ length: 10 }, () => ({})),
    servers: tier("a", { calls: middle }),
  };
}

/** Attempts on a tier per call of the clients. */
function sendsTo(letter: string, { calls, sends }: SimulationResult): number {
  const counts = Object.entries(sends).map(([id, count]) => (id.startsWith(`${letter}-`) ? count : 0));
  return counts.reduce((sum, count) => sum + count, 0) / calls;
}

function layers(result: SimulationResult, label: string): Extra {
  return Object.fromEntries(
    ["a", "b", "c"].map((letter) => [
      `sendsTo${letter.toUpperCase()}PerCall${label}`,
      sendsTo(letter, result),
    ]),
  );
}

/** `sendsPerCall` is what arrives at the last layer for each call of a client. */
export const deadDependency3Layers: Study = {
  name: "dead-dependency-3-layers",
  about:
    "10 clients call a, a calls b, b calls c, five of each; all of c answer 503 at once; attempts on c per call",
  policies: ["default", "default+retry", "all-defaults"],
  affected: [],
  okWithinMs: 1_000,
  run: async (policy, seed) => {
    const result = await runPolicy(layered(fromBeginning), policy, seed);
    const middle = await runPolicy(layered(fromMiddle), policy, seed);
    const extra = {
      ...layers(result, ""),
      ...layers(middle, "FromMiddle"),
      circuitsOpened: countEvents(result, "circuit.opened"),
    };
    const row = { ...rowOf(result, extra), sendsPerCall: sendsTo("c", result) };
    return { row, timeline: timelineOf(layered(fromBeginning), result) };
  },
};
