import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { Cost } from "./cost.ts";
import { emptyPicker, nextUntried } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/**
 * The power of two choices: draws two different endpoints and takes the cheaper one, so that one pick costs the same
 * among ten and ten thousand. Drawing without replacement (as Finagle's `P2C`) matters for small sets: with
 * replacement the busier of two endpoints would still get a quarter of the traffic.
 */
export function p2c(cost: Cost): Balancer {
  return {
    name: "p2c",
    build: (endpoints, deps) => (endpoints.length === 0 ? emptyPicker : new P2cPicker(endpoints, deps, cost)),
  };
}

class P2cPicker implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #offsets: Int32Array;
  readonly #deps: PickerDeps;
  readonly #cost: Cost;

  constructor(endpoints: readonly EndpointState[], deps: PickerDeps, cost: Cost) {
    this.#endpoints = endpoints;
    this.#offsets = Int32Array.from(endpoints, (endpoint) => endpoint.offset);
    this.#deps = deps;
    this.#cost = cost;
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const count = this.#offsets.length;
    const { table, random } = this.#deps;
    let first = 0;
    let second = 0;
    if (count > 1) {
      first = Math.floor(random() * count);
      second = Math.floor(random() * (count - 1));
      if (second >= first) second++;
    }
    const { data, reference } = table;
    const firstCost = this.#cost.of(data, this.#offsets[first]!, context.now, reference);
    const secondCost = this.#cost.of(data, this.#offsets[second]!, context.now, reference);
    if (secondCost < firstCost) [first, second] = [second, first];
    let chosen = this.#endpoints[first]!;
    if (context.tried !== undefined && context.tried.includes(chosen)) {
      const other = this.#endpoints[second]!;
      chosen = context.tried.includes(other)
        ? (nextUntried(this.#endpoints, second, context.tried) ?? other)
        : other;
    }
    if (trace !== undefined) {
      for (const endpoint of new Set([chosen, this.#endpoints[first]!, this.#endpoints[second]!])) {
        trace.push({ endpoint, cost: this.#cost.of(data, endpoint.offset, context.now, reference) });
      }
    }
    return chosen;
  }
}
