import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { TrafficGroup } from "../endpoints/traffic/traffic-plan.ts";
import type { Random } from "../random.ts";
import { emptyPicker } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/**
 * A picker for a service whose traffic is divided between groups (priorities, zones). One group needs no dividing. A
 * balancer that keeps keys together gets all of them as one, or a key would move with each draw; what part of the keys is whose
 * says how traffic is divided then.
 *
 * The parts of a split are built one from the other, so that what a balancer hands on from picker to picker is one for all of
 * them: groups come, go and change places, and what was measured of an endpoint must be found wherever the endpoint is now.
 */
export function buildSplit(
  balancer: Balancer,
  groups: readonly TrafficGroup[],
  deps: PickerDeps,
  previous: Picker | undefined,
): Picker {
  const before = previous instanceof SplitPicker ? previous.parts : previous === undefined ? [] : [previous];
  if (groups.length === 0) return emptyPicker;
  const [first] = before;
  if (groups.length === 1) return balancer.build(groups[0]!.endpoints, deps, first);
  if (balancer.consistent === true) {
    const parts = partsOf(groups);
    return balancer.build([...parts.keys()], deps, first, Float64Array.from(parts.values()));
  }
  const parts: Picker[] = [];
  for (const [index, { endpoints }] of groups.entries()) {
    parts.push(balancer.build(endpoints, deps, before[index] ?? first ?? parts[0]));
  }
  return new SplitPicker(groups, parts, deps.random);
}

/** Of the weight of each endpoint, what has to count for its groups to have their shares; 1 where the most does. */
function partsOf(groups: readonly TrafficGroup[]): Map<EndpointState, number> {
  const parts = new Map<EndpointState, number>();
  let most = 0;
  for (const { endpoints, share } of groups) {
    // What the source says, as hashing goes by: keys must not move while an endpoint warms up.
    const perWeight = share / endpoints.reduce((sum, { spec }) => sum + spec.weight, 0);
    for (const endpoint of endpoints) {
      // It may be in several groups, and has a part of each.
      const part = (parts.get(endpoint) ?? 0) + perWeight;
      parts.set(endpoint, part);
      most = Math.max(most, part);
    }
  }
  for (const [endpoint, part] of parts) parts.set(endpoint, part / most);
  return parts;
}

class SplitPicker implements Picker {
  readonly parts: readonly Picker[];
  readonly cost?: NonNullable<Picker["cost"]>;
  readonly #groups: readonly TrafficGroup[];
  readonly #upTo: readonly number[];
  readonly #random: Random;

  constructor(groups: readonly TrafficGroup[], parts: readonly Picker[], random: Random) {
    let upTo = 0;
    this.#groups = groups;
    this.#upTo = groups.map(({ share }) => (upTo += share));
    this.parts = parts;
    this.#random = random;
    const [first] = parts;
    if (first?.cost !== undefined) this.cost = (endpoint, now) => first.cost!(endpoint, now);
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const draw = this.#random() * this.#upTo.at(-1)!;
    let index = 0;
    while (index < this.parts.length - 1 && draw >= this.#upTo[index]!) index++;
    const { tried } = context;
    if (tried !== undefined) index = this.#elsewhere(tried, index);
    return this.parts[index]!.pick(context, trace);
  }

  /** A retry goes where the call has not been: what failed may be the whole zone. Else to where somebody is left to try. */
  #elsewhere(tried: readonly EndpointState[], drawn: number): number {
    const count = this.parts.length;
    let fallback: number | undefined;
    for (let step = 0; step < count; step++) {
      const index = (drawn + step) % count;
      const { endpoints } = this.#groups[index]!;
      if (!tried.some((endpoint) => endpoints.includes(endpoint))) return index;
      if (endpoints.some((endpoint) => !tried.includes(endpoint))) fallback ??= index;
    }
    return fallback ?? drawn;
  }

  /** One of them hears of it, for all: what it makes of it is in what they share. */
  settled(...args: Parameters<NonNullable<Picker["settled"]>>): void {
    this.parts[0]!.settled?.(...args);
  }

  close(): void {
    for (const part of this.parts) part.close?.();
  }
}
