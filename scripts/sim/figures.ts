import type { Scenario, SimulationResult } from "../../packages/core/src/testing/index.ts";

/** The share of the attempts between two whole seconds that some endpoints had together, 0 to 1. */
export function shareBetween(
  { servers }: Scenario,
  { seconds }: SimulationResult,
  endpoints: readonly string[],
  fromS: number,
  toS: number,
): number {
  const counted = seconds
    .slice(fromS, toS)
    .flatMap(({ sends }) =>
      sends.map((count, index) => ({ count, isTheirs: endpoints.includes(servers[index]?.id ?? "") })),
    );
  const total = counted.reduce((sum, { count }) => sum + count, 0);
  return counted.reduce((sum, { count, isTheirs }) => sum + (isTheirs ? count : 0), 0) / total;
}

/** Attempts between two whole seconds on some endpoints together. */
export function sendsBetween(
  { servers }: Scenario,
  { seconds }: SimulationResult,
  endpoints: readonly string[],
  fromS: number,
  toS: number,
): number {
  let count = 0;
  for (const { sends } of seconds.slice(fromS, toS)) {
    for (const [index, { id }] of servers.entries()) if (endpoints.includes(id)) count += sends[index] ?? 0;
  }
  return count;
}

/** Calls that began between two whole seconds and were not well. */
export function lostBetween({ seconds }: SimulationResult, fromS: number, toS: number): number {
  return seconds.slice(fromS, toS).reduce((sum, { calls, ok }) => sum + calls - ok, 0);
}

/**
 * Seconds from `fromS` until an endpoint had 80 % of an equal share for two seconds running; null when it never had.
 * Resolution: a second.
 */
export function fairAfter(
  scenario: Scenario,
  result: SimulationResult,
  endpoint: string,
  fromS: number,
): number | null {
  const fair = 0.8 / scenario.servers.length;
  const last = Math.floor(scenario.durationMs / 1_000) - 2;
  for (let second = fromS; second <= last; second++) {
    if (shareBetween(scenario, result, [endpoint], second, second + 2) >= fair) return second - fromS;
  }
  return null;
}

/** When something was first done to an endpoint (to any when undefined) at or after `fromMs`, in seconds since then; null for never. */
export function firstEvent(
  { events }: SimulationResult,
  type: string,
  endpoint: string | undefined,
  fromMs: number,
): number | null {
  const found = events.find(
    (event) =>
      event.type === type && event.atMs >= fromMs && (endpoint === undefined || event.endpoint === endpoint),
  );
  return found === undefined ? null : (found.atMs - fromMs) / 1_000;
}

export function countEvents(
  { events }: SimulationResult,
  type: string,
  { fromMs = 0, toMs = Infinity, except = [] }: EventFilter = {},
): number {
  return events.filter(
    (event) =>
      event.type === type &&
      event.atMs >= fromMs &&
      event.atMs < toMs &&
      !except.includes(event.endpoint ?? ""),
  ).length;
}

interface EventFilter {
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Endpoints that do not count. */
  readonly except?: readonly string[];
}

/** The mean, over the seconds of the run, of the busiest endpoint's load by the average one's. Chance alone makes it more than 1. */
export function secondlyMaxOverMean({ durationMs }: Scenario, { seconds }: SimulationResult): number {
  const whole = seconds.slice(0, Math.floor(durationMs / 1_000));
  const ratios = whole.map(({ sends }) => {
    const mean = sends.reduce((sum, count) => sum + count, 0) / sends.length;
    return Math.max(...sends) / mean;
  });
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}
