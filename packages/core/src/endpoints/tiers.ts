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
 * Chooses the endpoints that may be picked and writes into each record why the others may not: the best priority
 * that has anything usable; in it the healthy ones, or everybody (panic) when fewer than half are healthy, because a
 * registry that calls most of a service dead is more often wrong than right.
 */
export function selectTier(all: Iterable<EndpointState>): Tier {
  const byPriority = new Map<number, EndpointState[]>();
  for (const endpoint of all) {
    endpoint.gate = standingReasons(endpoint);
    const tier = byPriority.get(endpoint.spec.priority);
    if (tier === undefined) byPriority.set(endpoint.spec.priority, [endpoint]);
    else tier.push(endpoint);
  }
  let chosen: Tier = { endpoints: [], panic: false, healthy: 0 };
  for (const priority of [...byPriority.keys()].toSorted((a, b) => a - b)) {
    const tier = byPriority.get(priority)!;
    if (chosen.endpoints.length > 0) {
      for (const endpoint of tier) endpoint.gate = [...endpoint.gate, "worse priority"];
    } else {
      chosen = usable(tier);
    }
  }
  return chosen;
}

function usable(tier: readonly EndpointState[]): Tier {
  const members = tier.filter(
    (endpoint) => !endpoint.gate.includes("draining") && !endpoint.gate.includes("weight 0"),
  );
  const healthy = members.filter((endpoint) => endpoint.gate.length === 0);
  const panic = members.length > 0 && healthy.length < members.length * PANIC_RATIO;
  if (!panic) return { endpoints: healthy, panic, healthy: healthy.length };
  for (const endpoint of members) endpoint.gate = [];
  return { endpoints: members, panic, healthy: healthy.length };
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
