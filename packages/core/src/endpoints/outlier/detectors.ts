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
 * @param states those with a result in the interval that are not ejected
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
  stats.endInterval();
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
  const findings: Finding[] = [];
  for (let i = 0; i < busy.length; i++) {
    if (rates[i]! >= threshold) continue;
    const text = `${rates[i]!.toFixed(1)} % successes, below ${threshold.toFixed(1)} %`;
    findings.push({ state: busy[i]!, detector: "successRate", text });
  }
  return findings;
}

function byFailurePercentage(
  states: readonly EndpointState[],
  stats: OutlierStats,
  { failurePercentage }: ResolvedOutlierDetection,
): readonly Finding[] {
  if (failurePercentage === false) return [];
  const busy = states.filter(({ offset }) => stats.total(offset) >= failurePercentage.requestVolume);
  if (busy.length < failurePercentage.minimumHosts) return [];
  const findings: Finding[] = [];
  for (const state of busy) {
    const percent = (100 * stats.failed(state.offset)) / stats.total(state.offset);
    if (percent < failurePercentage.threshold) continue;
    findings.push({ state, detector: "failurePercentage", text: `${percent.toFixed(0)} % failures` });
  }
  return findings;
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
  if (latency === false) return [];
  const measured = states.filter(({ offset }) => stats.measured(offset) >= latency.requestVolume);
  const medians = new Float64Array(measured.length);
  const priorities = new Map<number, Peers>();
  for (let i = 0; i < measured.length; i++) {
    const { offset, spec } = measured[i]!;
    const median = (medians[i] = stats.medianMs(offset));
    const all = peersAt(priorities, spec.priority);
    all.medians.push(median);
    peersAt(all.zones, spec.locality?.zone ?? "").medians.push(median);
  }
  const findings: Finding[] = [];
  for (let i = 0; i < measured.length; i++) {
    const state = measured[i]!;
    const all = peersAt(priorities, state.spec.priority);
    const near = peersAt(all.zones, state.spec.locality?.zone ?? "");
    const peers = near.medians.length >= latency.minimumHosts ? near : all;
    if (peers.medians.length < latency.minimumHosts) continue;
    const middle = (peers.middle ??= medianOf(peers.medians));
    const own = medians[i]!;
    const isSlow = own > latency.ratio * middle && own - middle >= latency.minimumDifferenceMs;
    if (stats.noteInterval(state.offset, isSlow) < latency.intervals) continue;
    const text = `a median latency of ${own.toPrecision(3)} ms beside ${middle.toPrecision(3)} ms of its peers`;
    findings.push({ state, detector: "latency", text });
  }
  return findings;
}

/** Endpoints that may be compared with each other: those of a priority, and among them those of each zone. */
interface Peers {
  readonly medians: number[];
  /** The median of them; worked out when it is first asked for. */
  middle: number | undefined;
  readonly zones: Map<string, Peers>;
}

function peersAt<K>(groups: Map<K, Peers>, key: K): Peers {
  let found = groups.get(key);
  if (found === undefined) groups.set(key, (found = { medians: [], middle: undefined, zones: new Map() }));
  return found;
}

function medianOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).toSorted();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
