import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { BalancerKind } from "./kind.ts";
import { emptyPicker, nextUsable } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker } from "./picker.ts";
import { StaticStride } from "./static-stride.ts";

/** Each endpoint in turn, as often as its weight says, spread evenly over time. */
export interface WeightedRoundRobinPolicy {
  readonly type: "weighted-round-robin";
}

export const weightedRoundRobin: BalancerKind = {
  name: "weighted-round-robin",
  keys: [],
  create: () => balancer,
};

const balancer: Balancer = {
  name: "weighted-round-robin",
  build(endpoints, { random, table }, previous) {
    if (endpoints.length === 0) return emptyPicker;
    const weights = endpoints.map((endpoint) => endpoint.weight);
    const start =
      previous instanceof WeightedRoundRobinPicker ? previous.turn : Math.floor(random() * 2 ** 32);
    return new WeightedRoundRobinPicker(endpoints, table, new StaticStride(weights, start));
  },
};

class WeightedRoundRobinPicker implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #table: LoadTable;
  readonly #schedule: StaticStride;

  constructor(endpoints: readonly EndpointState[], table: LoadTable, schedule: StaticStride) {
    this.#endpoints = endpoints;
    this.#table = table;
    this.#schedule = schedule;
  }

  get turn(): number {
    return this.#schedule.turn;
  }

  pick({ tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    const index = this.#schedule.next();
    const endpoint =
      tried === undefined && this.#table.troubled === 0
        ? this.#endpoints[index]
        : nextUsable(this.#endpoints, index, tried, this.#table);
    if (endpoint !== undefined) trace?.push({ endpoint, cost: 0 });
    return endpoint;
  }
}
