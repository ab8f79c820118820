import type { ServiceOptions } from "../../packages/core/src/index.ts";
import { simulate } from "../../packages/core/src/testing/index.ts";
import type { Scenario, SimulationResult } from "../../packages/core/src/testing/index.ts";
import type { Timeline } from "./plot/timeline.ts";
import { optionsOf } from "./policies.ts";
import type { Row } from "./row.ts";

/** A scenario with what is to be learnt from it. */
export interface Study {
  readonly name: string;
  /** One sentence for `--list`. */
  readonly about: string;
  /** Those that are compared unless the command line names others. */
  readonly policies: readonly string[];
  /** Success is counted within this time. */
  readonly okWithinMs: number;
  /** Endpoints that something happens to. */
  readonly affected: readonly string[];
  run(policy: string, seed: number): Promise<Run>;
}

/** What came of one policy. */
export interface Run {
  readonly row: Row;
  readonly timeline: Timeline | undefined;
}

/** What only this scenario shows; null for what never happened. */
export type Extra = Readonly<Record<string, number | null>>;

export interface StudyOptions {
  readonly about: string;
  readonly policies: readonly string[];
  readonly affected?: readonly string[];
  /** Laid over the options of every policy. */
  readonly service?: ServiceOptions;
  readonly extra?: (result: SimulationResult) => Extra;
  /** What takes further runs to know. */
  readonly further?: (result: SimulationResult) => Promise<Extra>;
}

/** A study of one run of the simulator for each policy. */
export function study(scenario: Scenario, options: StudyOptions): Study {
  const { about, affected = [], extra = () => ({}), further, policies, service } = options;
  return {
    name: scenario.name,
    about,
    policies,
    affected,
    okWithinMs: scenario.limitMs,
    run: async (policy, seed) => {
      const result = await runPolicy(scenario, policy, seed, service);
      const figures = { ...extra(result), ...(await further?.(result)) };
      return { row: rowOf(result, figures), timeline: timelineOf(scenario, result) };
    },
  };
}

/** Runs a scenario with a policy of the table, and `service` laid over it. */
export function runPolicy(
  scenario: Scenario,
  policy: string,
  seed: number,
  service: ServiceOptions = {},
): Promise<SimulationResult> {
  const options = { ...optionsOf(policy), ...service };
  return simulate(scenario, { policy: { name: policy, service: options }, seed });
}

export function rowOf(result: SimulationResult, extra: Extra): Row {
  const { calls, maxOverMean, okRatio, p50Ms, p9999Ms, p999Ms, p99Ms, policy, sendsPerCall, shares } = result;
  return { policy, calls, okRatio, p50Ms, p99Ms, p999Ms, p9999Ms, sendsPerCall, shares, maxOverMean, extra };
}

export function timelineOf({ durationMs, servers }: Scenario, result: SimulationResult): Timeline {
  const seconds = result.seconds.slice(0, Math.ceil(durationMs / 1_000));
  return {
    policy: result.policy,
    stepMs: 1_000,
    p50Ms: seconds.map(({ p50Ms }) => p50Ms),
    p99Ms: seconds.map(({ p99Ms }) => p99Ms),
    sends: Object.fromEntries(
      servers.map(({ id }, index) => [id, seconds.map(({ sends }) => sends[index] ?? 0)]),
    ),
  };
}
