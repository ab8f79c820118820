import type { EndpointState, GateReason } from "./endpoint-state.ts";

/** Below this share of healthy endpoints the registry is taken to be wrong (Envoy's panic threshold). */
const PANIC_RATIO = 0.5;

/** What a picker is built from. */
export interface Tier {
  readonly endpoints: readonly EndpointState[];
  /** Health labels are ignored because too few endpoints of the tier are healthy. */
  readonly panic: boolean;
  /** Healthy endpoints of the tier. */
  readonly healthy: number;
}

/**
 * Chooses the endpoints that may be picked and writes into each record why the others may not: the healthy ones of
 * the best priority at which at least half are healthy. When there is no such priority, a registry that calls most of
 * a service dead is more often wrong than right, so everybody at the best priority that has anybody is taken (panic).
 */
export function selectTier(all: Iterable<EndpointState>): Tier {
  const tiers = byPriority(all);
  const chosen = tiers.find(
    ({ healthy, members }) => healthy.length > 0 && healthy.length >= members.length * PANIC_RATIO,
  );
  const last = chosen ?? tiers.find(({ healthy }) => healthy.length > 0) ?? tiers[0];
  if (last === undefined) return { endpoints: [], panic: false, healthy: 0 };
  const endpoints = chosen === undefined ? last.members : last.healthy;
  if (chosen === undefined) for (const endpoint of endpoints) endpoint.gate = none;
  for (const { members } of tiers) {
    if (members === last.members) continue;
    for (const endpoint of members) {
      const reason: GateReason =
        members[0]!.spec.priority > last.members[0]!.spec.priority ? "worse priority" : "too few healthy";
      endpoint.gate = [...endpoint.gate, reason];
    }
  }
  return { endpoints, panic: chosen === undefined, healthy: last.healthy.length };
}

interface Candidates {
  /** Everybody who is not on the way out and may have traffic at all. */
  readonly members: EndpointState[];
  readonly healthy: EndpointState[];
}

/** Best priority first; priorities without members are left out. */
function byPriority(all: Iterable<EndpointState>): readonly Candidates[] {
  const found = new Map<number, Candidates>();
  for (const endpoint of all) {
    endpoint.gate = standingReasons(endpoint);
    if (endpoint.gate.includes("draining") || endpoint.gate.includes("weight 0")) continue;
    const { priority } = endpoint.spec;
    const tier = found.get(priority) ?? { members: [], healthy: [] };
    found.set(priority, tier);
    tier.members.push(endpoint);
    if (endpoint.gate.length === 0) tier.healthy.push(endpoint);
  }
  return [...found].toSorted(([a], [b]) => a - b).map(([, tier]) => tier);
}

const none: readonly GateReason[] = [];

function standingReasons(endpoint: EndpointState): readonly GateReason[] {
  const reasons: GateReason[] = [];
  if (endpoint.leaving || endpoint.spec.health === "draining") reasons.push("draining");
  if (endpoint.spec.health === "unhealthy") reasons.push("unhealthy");
  if (endpoint.spec.health === "starting") reasons.push("starting");
  if (endpoint.spec.weight === 0) reasons.push("weight 0");
  return reasons.length === 0 ? none : reasons;
}
