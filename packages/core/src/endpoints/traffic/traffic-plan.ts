import type { EndpointState } from "../endpoint-state.ts";
import type { GateReasonKind } from "../gate/gate-record.ts";
import type { SubsetVariant, Subsetter } from "../subset/subsetter.ts";
import type { ResolvedLocality } from "./locality-policy.ts";
import { byDistance, splitByLocality } from "./locality.ts";
import { priorityLoads } from "./priorities.ts";

/** Endpoints that share a part of a service's traffic. */
export interface TrafficGroup {
  /** Those that may be picked; in panic all, open or not. */
  readonly endpoints: readonly EndpointState[];
  /** Of the traffic; those of a plan add up to 1. */
  readonly share: number;
}

/** Which endpoints get which part of a service's traffic. */
export interface TrafficPlan {
  readonly groups: readonly TrafficGroup[];
  /** So few endpoints are open that closed ones are picked as well. */
  readonly panic: boolean;
  /** Endpoints that may be picked, at the priorities that have traffic. */
  readonly healthy: number;
  /** Endpoints that this process may have connections to, whatever their health. */
  readonly members: ReadonlySet<EndpointState>;
}

/** What a plan is made by. */
export interface TrafficOptions {
  readonly locality: ResolvedLocality;
  readonly subsetter: Subsetter;
  /** Below this share of open endpoints health is not believed any more, 0 to 1; 0 for never. */
  readonly panicThreshold: number;
}

/**
 * Plans the traffic of a service: priorities by how healthy they are (with some overprovisioning, as Envoy), inside of each
 * the localities, and of each what belongs to this process' subset.
 */
export function planTraffic(all: Iterable<EndpointState>, options: TrafficOptions): TrafficPlan {
  const tiers = byPriority(all).map((endpoints) => options.subsetter.choose(endpoints));
  const groups: TrafficGroup[] = [];
  let isPanic = false;
  let healthy = 0;
  // One variant of each priority's subset, unless edges of an aperture are used in a part of the picks.
  for (const { probability, tier } of combinations(tiers)) {
    const plan = planVariant(tier, probability, options);
    groups.push(...plan.groups);
    isPanic ||= plan.isPanic;
    healthy = Math.max(healthy, plan.healthy);
  }
  const members = new Set(tiers.flatMap((variants) => variants.flatMap(({ endpoints }) => endpoints)));
  return { groups, panic: isPanic, healthy, members };
}

function planVariant(
  priorities: readonly (readonly EndpointState[])[],
  probability: number,
  options: TrafficOptions,
): { groups: TrafficGroup[]; isPanic: boolean; healthy: number } {
  const { locality } = options;
  const tiers =
    locality.mode === "failover"
      ? priorities.flatMap((members) => byDistance(members, locality))
      : priorities;
  const opens = tiers.map((members) => members.filter((state) => state.open));
  const loads = priorityLoads(tiers.map((members, index) => opens[index]!.length / members.length));
  const groups: TrafficGroup[] = [];
  let isPanic = false;
  let healthy = 0;
  for (const [index, members] of tiers.entries()) {
    const open = opens[index]!;
    const share = loads.shares[index]! * probability;
    if (share === 0) continue;
    healthy += open.length;
    // As long as the priorities together have enough, health is believed however few are healthy in one of them.
    const isBelow = open.length < members.length * options.panicThreshold || open.length === 0;
    if (isBelow && !loads.isEnough) {
      isPanic = true;
      groups.push({ endpoints: members, share });
    } else groups.push(...splitByLocality(open, members, share, locality));
  }
  return { groups, isPanic, healthy };
}

/** Every combination of the variants of each priority. There is one, or there are four for each aperture. */
function combinations(
  tiers: readonly (readonly SubsetVariant[])[],
): readonly { readonly tier: readonly (readonly EndpointState[])[]; readonly probability: number }[] {
  let found: { tier: readonly (readonly EndpointState[])[]; probability: number }[] = [
    { tier: [], probability: 1 },
  ];
  for (const variants of tiers) {
    found = found.flatMap(({ probability, tier }) =>
      variants.map((variant) => ({
        tier: [...tier, variant.endpoints],
        probability: probability * variant.probability,
      })),
    );
  }
  return found;
}

/** Why a plan passes over an endpoint that its gate would let through; undefined when it does not. */
export function passedOver(plan: TrafficPlan, state: EndpointState): GateReasonKind | undefined {
  let reach = reaches.get(plan);
  if (reach === undefined) {
    reach = reachOf(plan);
    reaches.set(plan, reach);
  }
  const { best, picked, priorities } = reach;
  if (picked.has(state)) return undefined;
  if (!plan.members.has(state)) return "not in subset";
  const { priority } = state.spec;
  if (priorities.has(priority)) return state.open ? "other zone" : undefined;
  return priority > best ? "worse priority" : "too few healthy";
}

/** Whom a plan has calls go to. */
interface PlanReach {
  readonly picked: ReadonlySet<EndpointState>;
  /** Those that they have. */
  readonly priorities: ReadonlySet<number>;
  readonly best: number;
}

/** Made when somebody asks, and once: who asks about all endpoints would otherwise look through all of them for each. */
const reaches = new WeakMap<TrafficPlan, PlanReach>();

function reachOf({ groups }: TrafficPlan): PlanReach {
  const picked = new Set<EndpointState>();
  const priorities = new Set<number>();
  for (const { endpoints } of groups) {
    for (const state of endpoints) {
      picked.add(state);
      priorities.add(state.spec.priority);
    }
  }
  return { picked, priorities, best: Math.min(...priorities) };
}

/** Best priority first. Who leaves, or is to have no traffic, belongs to none. */
function byPriority(all: Iterable<EndpointState>): readonly (readonly EndpointState[])[] {
  const found = new Map<number, EndpointState[]>();
  for (const state of all) {
    const { health, priority, weight } = state.spec;
    if (state.leaving || health === "draining" || weight === 0) continue;
    const tier = found.get(priority);
    if (tier === undefined) found.set(priority, [state]);
    else tier.push(state);
  }
  return [...found].toSorted(([a], [b]) => a - b).map(([, tier]) => tier);
}
