import type { EndpointState } from "../endpoint-state.ts";
import type { ResolvedOutlierDetection } from "./outlier-policy.ts";
import type { Detector, OutlierStats } from "./outlier-stats.ts";

/** An endpoint that misbehaves, and how one can tell. */
export interface Finding {
  readonly state: EndpointState;
  readonly detector: Detector;
  /** Reads on after "ejected for 30 s: ". */
  readonly text: string;
}

/**
 * Compares the endpoints by what the interval brought, and ends it.
 * @param states those that may be picked; an ejected one has nothing to compare
 */
export function compareEndpoints(
  states: readonly EndpointState[],
  stats: OutlierStats,
  policy: ResolvedOutlierDetection,
): readonly Finding[] {
  const findings = [
    ...bySuccessRate(states, stats, policy),
    ...byFailurePercentage(states, stats, policy),
    ...byLatency(states, stats, policy),
  ];
  return findings;
}

/**
 * Envoy's and gRPC's (A50): below the mean by so many standard deviations. Blind where several fail together. Unlike theirs it
 * wants a difference that matters: of ten endpoints that all fail 1 % of calls, one is always some deviations below.
 */
function bySuccessRate(
  states: readonly EndpointState[],
  stats: OutlierStats,
  { successRate }: ResolvedOutlierDetection,
): readonly Finding[] {
  if (successRate === false) return [];
  const busy = states.filter(({ offset }) => stats.total(offset) >= successRate.requestVolume);
  if (busy.length < successRate.minimumHosts) return [];
  const rates = busy.map(({ offset }) => 100 * (1 - stats.failed(offset) / stats.total(offset)));
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  const margin = Math.max(successRate.stdevFactor * Math.sqrt(variance), successRate.minimumDifference);
  const threshold = mean - margin;
  return busy.flatMap((state, i) =>
    rates[i]! < threshold
      ? [
          {
            state,
            detector: "successRate" as const,
            text: `${rates[i]!.toFixed(1)} % successes, below ${threshold.toFixed(1)} %`,
          },
        ]
      : [],
  );
}

function byFailurePercentage(
  states: readonly EndpointState[],
  stats: OutlierStats,
  { failurePercentage }: ResolvedOutlierDetection,
): readonly Finding[] {
  if (failurePercentage === false) return [];
  const busy = states.filter(({ offset }) => stats.total(offset) >= failurePercentage.requestVolume);
  if (busy.length < failurePercentage.minimumHosts) return [];
  return busy.flatMap((state) => {
    const percent = (100 * stats.failed(state.offset)) / stats.total(state.offset);
    if (percent < failurePercentage.threshold) return [];
    return [{ state, detector: "failurePercentage" as const, text: `${percent.toFixed(0)} % failures` }];
  });
}

/**
 * The grey endpoint: slow, and never wrong. Medians, because one pause of a garbage collector must not eject; against
 * peers, because a service that is slow everywhere has no outliers; against those of its own zone where there are enough of
 * them, because distance is no fault.
 */
function byLatency(
  states: readonly EndpointState[],
  stats: OutlierStats,
  { latency }: ResolvedOutlierDetection,
): readonly Finding[] {
  const findings: Finding[] = [];
  const medians = new Map<EndpointState, number>();
  if (latency !== false) {
    for (const state of states) {
      if (stats.measured(state.offset) >= latency.requestVolume)
        medians.set(state, stats.medianMs(state.offset));
    }
  }
  const groups = latency === false ? undefined : peerGroups([...medians.keys()], latency.minimumHosts);
  const middles = new Map<readonly EndpointState[], number>();
  for (const state of states) {
    const own = medians.get(state);
    const peers = groups?.get(state);
    let isSlow = false;
    if (latency !== false && own !== undefined && peers !== undefined) {
      let middle = middles.get(peers);
      if (middle === undefined)
        middles.set(peers, (middle = medianOf(peers.map((peer) => medians.get(peer)!))));
      isSlow = own > latency.ratio * middle && own - middle >= latency.minimumDifferenceMs;
      const running = stats.endInterval(state.offset, isSlow);
      if (isSlow && running >= latency.intervals) {
        const text = `a median latency of ${own.toPrecision(3)} ms beside ${middle.toPrecision(3)} ms of its peers`;
        findings.push({ state, detector: "latency", text });
      }
    } else stats.endInterval(state.offset, false);
  }
  return findings;
}

/** Whom each endpoint is compared with: its own zone where enough was measured there, else all of its priority. */
function peerGroups(
  states: readonly EndpointState[],
  minimum: number,
): Map<EndpointState, readonly EndpointState[]> {
  const groups = new Map<string, EndpointState[]>();
  const add = (key: string, state: EndpointState): void => {
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [state]);
    else group.push(state);
  };
  for (const state of states) {
    add(`${state.spec.priority}`, state);
    add(`${state.spec.priority} ${state.spec.locality?.zone ?? ""}`, state);
  }
  const found = new Map<EndpointState, readonly EndpointState[]>();
  for (const state of states) {
    const near = groups.get(`${state.spec.priority} ${state.spec.locality?.zone ?? ""}`)!;
    const peers = near.length >= minimum ? near : groups.get(`${state.spec.priority}`)!;
    if (peers.length >= minimum) found.set(state, peers);
  }
  return found;
}

function medianOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).toSorted();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
