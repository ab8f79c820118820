import type { EndpointState } from "../endpoint-state.ts";
import type { ResolvedLocality } from "./locality-policy.ts";
import { OVERPROVISIONING } from "./priorities.ts";
import type { TrafficGroup } from "./traffic-plan.ts";

/**
 * Divides a priority's share of the traffic between its localities.
 * @param open those that may be picked
 * @param members all of the priority, for how healthy each locality is
 */
export function splitByLocality(
  open: readonly EndpointState[],
  members: readonly EndpointState[],
  share: number,
  locality: ResolvedLocality,
): readonly TrafficGroup[] {
  const parts =
    locality.mode === "zone-aware"
      ? zoneAware(open, members.length, locality)
      : locality.mode === "weighted"
        ? weighted(open, members, locality.weights)
        : undefined;
  if (parts === undefined) return [{ endpoints: open, share }];
  return parts.flatMap((part) =>
    part.share > 1e-9 ? [{ endpoints: part.endpoints, share: part.share * share }] : [],
  );
}

/**
 * Envoy's zone-aware routing. Where the caller's zone has at least its part of the endpoints all calls stay; else as many as
 * keep it no busier than the rest, and what is left goes to the zones that have more endpoints than callers.
 */
function zoneAware(
  open: readonly EndpointState[],
  count: number,
  { callers, minimumEndpoints, zone }: Extract<ResolvedLocality, { readonly mode: "zone-aware" }>,
): readonly TrafficGroup[] | undefined {
  const zones = byZone(open);
  const local = zones.get(zone);
  // A zone without endpoints of the service has nothing to prefer, and too few endpoints are better kept together.
  if (local === undefined || zones.size < 2 || count < minimumEndpoints) return undefined;
  const total = open.length;
  const known = callers === undefined ? 0 : sum(Object.values(callers));
  const shareOfCallers = (name: string): number =>
    callers === undefined ? 1 / zones.size : (callers[name] ?? 0) / known;
  const shareOfEndpoints = (endpoints: readonly EndpointState[]): number => endpoints.length / total;
  const own = shareOfCallers(zone);
  const stays = own === 0 ? 1 : Math.min(1, shareOfEndpoints(local) / own);
  const groups: TrafficGroup[] = [{ endpoints: local, share: stays }];
  if (stays === 1) return groups;
  const others = [...zones].filter(([name]) => name !== zone);
  const room = others.map(([name, endpoints]) =>
    Math.max(0, shareOfEndpoints(endpoints) - shareOfCallers(name)),
  );
  const all = sum(room);
  for (const [index, [, endpoints]] of others.entries()) {
    const part = all > 0 ? room[index]! / all : endpoints.length / (total - local.length);
    groups.push({ endpoints, share: (1 - stays) * part });
  }
  return groups;
}

/** Envoy's locality weights: a zone keeps its weight until it has lost more than the overprovisioning allows for. */
function weighted(
  open: readonly EndpointState[],
  members: readonly EndpointState[],
  weights: Readonly<Record<string, number>>,
): readonly TrafficGroup[] | undefined {
  const all = byZone(members);
  const groups = [...byZone(open)].map(([zone, endpoints]) => {
    const healthy = endpoints.length / all.get(zone)!.length;
    return { endpoints, share: (weights[zone] ?? 0) * Math.min(1, OVERPROVISIONING * healthy) };
  });
  const total = sum(groups.map(({ share }) => share));
  // Where nothing that has a weight is left, what has none is better than nothing.
  if (total === 0) return undefined;
  return groups.map(({ endpoints, share }) => ({ endpoints, share: share / total }));
}

/**
 * The endpoints of a priority by how near they are, the nearest first: each distance is a priority of its own, so that the loss
 * of the near ones is no reason to disbelieve the health of the far ones.
 */
export function byDistance(
  members: readonly EndpointState[],
  { caller, order }: Extract<ResolvedLocality, { readonly mode: "failover" }>,
): readonly (readonly EndpointState[])[] {
  const distance = ({ spec }: EndpointState): number => {
    const { region, subZone, zone } = spec.locality ?? {};
    if (order !== undefined) {
      const found = order.findIndex((name) => name === zone || name === region);
      return found === -1 ? order.length : found;
    }
    if (zone !== undefined && zone === caller.zone) return subZone === caller.subZone ? 0 : 1;
    return region !== undefined && region === caller.region ? 2 : 3;
  };
  return [...Map.groupBy(members, distance)].toSorted(([a], [b]) => a - b).map(([, states]) => states);
}

/** Endpoints without a zone are a zone of their own. */
function byZone(states: readonly EndpointState[]): Map<string, EndpointState[]> {
  return Map.groupBy(states, ({ spec }) => spec.locality?.zone ?? "");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
