import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { emptyPicker, nextUntried } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker } from "./picker.ts";

/** Takes endpoints in turn, whatever their load; starts at a random one so that many clients do not march in step. */
export const roundRobin: Balancer = {
  name: "round-robin",
  build: (endpoints, { random }) =>
    endpoints.length === 0
      ? emptyPicker
      : new RoundRobinPicker(endpoints, Math.floor(random() * endpoints.length)),
};

class RoundRobinPicker implements Picker {
  readonly #endpoints: readonly EndpointState[];
  #next: number;

  constructor(endpoints: readonly EndpointState[], start: number) {
    this.#endpoints = endpoints;
    this.#next = start;
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const turn = this.#next;
    this.#next = turn + 1 === this.#endpoints.length ? 0 : turn + 1;
    const chosen =
      context.tried === undefined ? this.#endpoints[turn] : nextUntried(this.#endpoints, turn, context.tried);
    if (chosen !== undefined) trace?.push({ endpoint: chosen, cost: 0 });
    return chosen;
  }
}
