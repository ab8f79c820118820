import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import { AliasTable, weightsOf } from "./alias-table.ts";
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

class WeightedRandomPicker implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #chances: AliasTable;
  readonly #table: LoadTable;
  readonly #random: Random;

  constructor(endpoints: readonly EndpointState[], { random, table }: PickerDeps) {
    this.#endpoints = endpoints;
    this.#chances = new AliasTable(weightsOf(endpoints));
    this.#table = table;
    this.#random = random;
  }

  pick({ tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    const index = this.#chances.draw(this.#random);
    const endpoint =
      tried === undefined && this.#table.troubled === 0
        ? this.#endpoints[index]
        : nextUsable(this.#endpoints, index, tried, this.#table);
    if (endpoint !== undefined) trace?.push({ endpoint, cost: 0 });
    return endpoint;
  }
}
