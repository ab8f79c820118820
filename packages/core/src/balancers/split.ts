import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { TrafficGroup } from "../endpoints/traffic/traffic-plan.ts";
import type { Random } from "../random.ts";
import { emptyPicker } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/**
 * A picker for a service whose traffic is divided between groups (priorities, zones). One group needs no dividing; a
 * balancer that keeps keys together gets all of them as one, or a key would move with each draw.
 */
export function buildSplit(
  balancer: Balancer,
  groups: readonly TrafficGroup[],
  deps: PickerDeps,
  previous: Picker | undefined,
): Picker {
  const before = previous instanceof SplitPicker ? previous.parts : previous === undefined ? [] : [previous];
  if (groups.length === 0) return emptyPicker;
  if (groups.length === 1) return balancer.build(groups[0]!.endpoints, deps, before[0]);
  if (balancer.consistent === true) {
    const all = new Set(groups.flatMap(({ endpoints }) => endpoints));
    return balancer.build([...all], deps, before[0]);
  }
  const parts = groups.map(({ endpoints }, index) => balancer.build(endpoints, deps, before[index]));
  return new SplitPicker(groups, parts, deps.random);
}

class SplitPicker implements Picker {
  readonly parts: readonly Picker[];
  readonly #groups: readonly TrafficGroup[];
  readonly #upTo: readonly number[];
  readonly #random: Random;

  constructor(groups: readonly TrafficGroup[], parts: readonly Picker[], random: Random) {
    let upTo = 0;
    this.#groups = groups;
    this.#upTo = groups.map(({ share }) => (upTo += share));
    this.parts = parts;
    this.#random = random;
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

  settled(...args: Parameters<NonNullable<Picker["settled"]>>): void {
    for (const part of this.parts) part.settled?.(...args);
  }

  close(): void {
    for (const part of this.parts) part.close?.();
  }
}
