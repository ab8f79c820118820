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
  return new SplitPicker(
    groups.map(({ share }) => share),
    parts,
    deps.random,
  );
}

class SplitPicker implements Picker {
  readonly parts: readonly Picker[];
  readonly #upTo: readonly number[];
  readonly #random: Random;

  constructor(shares: readonly number[], parts: readonly Picker[], random: Random) {
    let upTo = 0;
    this.#upTo = shares.map((share) => (upTo += share));
    this.parts = parts;
    this.#random = random;
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const draw = this.#random() * this.#upTo.at(-1)!;
    let index = 0;
    while (index < this.parts.length - 1 && draw >= this.#upTo[index]!) index++;
    const chosen = this.parts[index]!.pick(context, trace);
    const { tried } = context;
    if (chosen !== undefined && tried?.includes(chosen) !== true) return chosen;
    // All of the group were tried: a retry is better off in another one.
    for (const part of this.parts) {
      const other = part.pick(context);
      if (other === undefined || tried?.includes(other) === true) continue;
      trace?.splice(0, trace.length, { endpoint: other, cost: 0 });
      return other;
    }
    return chosen;
  }

  settled(...args: Parameters<NonNullable<Picker["settled"]>>): void {
    for (const part of this.parts) part.settled?.(...args);
  }

  close(): void {
    for (const part of this.parts) part.close?.();
  }
}
