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
    const offsets = this.#offsets;
    const count = offsets.length;
    const { table, random } = this.#deps;
    const { now, tried } = context;
    const draw = random() * count;
    const first = Math.floor(draw);
    // What the first choice left over of the draw is as random as a draw of its own.
    let second = Math.floor((draw - first) * (count - 1));
    // Added, not branched to: a processor cannot guess it. A single endpoint is compared with itself.
    second += count === 1 ? 0 : Number(second >= first);
    const one = this.#endpoints[first]!;
    const other = this.#endpoints[second]!;
    const isOther = this.#cost.of(table, offsets[second]!, now) < this.#cost.of(table, offsets[first]!, now);
    const chosen = isOther ? other : one;
    if (tried === undefined && trace === undefined) return chosen;
    return this.#reconsider(chosen, isOther ? one : other, context, trace);
  }

  /** The rare part of a pick, apart so that the common one stays small enough to be compiled into its caller. */
  #reconsider(
    better: EndpointState,
    worse: EndpointState,
    { now, tried }: PickContext,
    trace: PickTrace | undefined,
  ): EndpointState {
    let chosen = better;
    if (tried !== undefined && tried.includes(better)) {
      const next = this.#endpoints.indexOf(worse);
      chosen = tried.includes(worse) ? (nextUntried(this.#endpoints, next, tried) ?? worse) : worse;
    }
    if (trace !== undefined) {
      for (const endpoint of new Set([chosen, better, worse])) {
        trace.push({ endpoint, cost: this.#cost.of(this.#deps.table, endpoint.offset, now) });
      }
    }
    return chosen;
  }
}
