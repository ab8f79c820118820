import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import type { BalancerKind } from "./kind.ts";
import { emptyPicker, nextUsable } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/** Any endpoint, with a chance in proportion to its weight. */
export interface WeightedRandomPolicy {
  readonly type: "weighted-random";
}

export const weightedRandom: BalancerKind = { name: "weighted-random", keys: [], create: () => balancer };

const balancer: Balancer = {
  name: "weighted-random",
  build: (endpoints, deps) =>
    endpoints.length === 0 ? emptyPicker : new WeightedRandomPicker(endpoints, deps),
};

/**
 * The alias method (Walker 1977, built as Vose 1991 does): a draw picks a column, and what is left of it one of the two endpoints
 * that share the column. Constant time for any weights.
 */
class WeightedRandomPicker implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #chances: Float64Array;
  readonly #aliases: Int32Array;
  readonly #table: LoadTable;
  readonly #random: Random;

  constructor(endpoints: readonly EndpointState[], { random, table }: PickerDeps) {
    this.#endpoints = endpoints;
    this.#table = table;
    this.#random = random;
    const count = endpoints.length;
    this.#aliases = new Int32Array(count);
    const weights = Float64Array.from(endpoints, (endpoint) => endpoint.weight);
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / count;
    const chances = (this.#chances = weights.map((weight) => (mean > 0 ? weight / mean : 1)));
    const small: number[] = [];
    const large: number[] = [];
    for (let index = 0; index < count; index++) (chances[index]! < 1 ? small : large).push(index);
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!;
      const more = large.at(-1)!;
      this.#aliases[less] = more;
      chances[more]! -= 1 - chances[less]!;
      if (chances[more]! < 1) small.push(large.pop()!);
    }
    // What is left is 1 but for rounding.
    for (const index of [...small, ...large]) chances[index] = 1;
  }

  pick({ tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    const draw = this.#random() * this.#chances.length;
    const column = Math.floor(draw);
    const index = draw - column < this.#chances[column]! ? column : this.#aliases[column]!;
    const endpoint =
      tried === undefined && this.#table.troubled === 0
        ? this.#endpoints[index]
        : nextUsable(this.#endpoints, index, tried, this.#table);
    if (endpoint !== undefined) trace?.push({ endpoint, cost: 0 });
    return endpoint;
  }
}
