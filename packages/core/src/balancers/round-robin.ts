import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { BalancerKind } from "./kind.ts";
import { emptyPicker, nextUsable } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker } from "./picker.ts";

/** Endpoints in turn, whatever their load or weight; starts at a random one so that many clients do not march in step. */
export interface RoundRobinPolicy {
  readonly type: "round-robin";
}

export const roundRobin: BalancerKind = { name: "round-robin", keys: [], create: () => balancer };

const balancer: Balancer = {
  name: "round-robin",
  build: (endpoints, { random, table }, previous) =>
    endpoints.length === 0
      ? emptyPicker
      : new RoundRobinPicker(
          endpoints,
          table,
          previous instanceof RoundRobinPicker
            ? previous.turn % endpoints.length
            : Math.floor(random() * endpoints.length),
        ),
};

class RoundRobinPicker implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #table: LoadTable;
  /** Whose turn it is next. */
  turn: number;

  constructor(endpoints: readonly EndpointState[], table: LoadTable, turn: number) {
    this.#endpoints = endpoints;
    this.#table = table;
    this.turn = turn;
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const { turn } = this;
    this.turn = turn + 1 === this.#endpoints.length ? 0 : turn + 1;
    const chosen =
      context.tried === undefined && this.#table.troubled === 0
        ? this.#endpoints[turn]
        : nextUsable(this.#endpoints, turn, context.tried, this.#table);
    if (chosen !== undefined) trace?.push({ endpoint: chosen, cost: 0 });
    return chosen;
  }
}
