import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { STRIDE } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import type { Cost } from "./cost.ts";
import { emptyPicker, nextUntried } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/**
 * The power of two choices: draws two different endpoints and takes the cheaper one, so that one pick costs the same
 * among ten and ten thousand. Drawing without replacement (as Finagle's `P2C`) matters for small sets: with
 * replacement the busier of two endpoints would still get a quarter of the traffic.
 *
 * Where one of the two is hopeless a third is drawn, or it would be no choice: the slow one of three endpoints would get
 * a third of the traffic for as long as another one is dead.
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
  /** The first row where the rows of all endpoints lie side by side, as they do until some have come and gone; else -1. */
  readonly #start: number;
  readonly #table: LoadTable;
  readonly #random: Random;
  readonly #cost: Cost;

  constructor(endpoints: readonly EndpointState[], deps: PickerDeps, cost: Cost) {
    this.#endpoints = endpoints;
    this.#offsets = Int32Array.from(endpoints, (endpoint) => endpoint.offset);
    const [start = 0] = this.#offsets;
    this.#start = this.#offsets.every((offset, i) => offset === start + i * STRIDE) ? start : -1;
    this.#table = deps.table;
    this.#random = deps.random;
    this.#cost = cost;
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const offsets = this.#offsets;
    const count = offsets.length;
    const table = this.#table;
    const { now, tried } = context;
    const draw = this.#random() * count;
    const first = Math.floor(draw);
    // What the first choice left over of the draw is as random as a draw of its own.
    let second = Math.floor((draw - first) * (count - 1));
    // Added, not branched to: a processor cannot guess it. A single endpoint is compared with itself.
    second += count === 1 ? 0 : Number(second >= first);
    // Saves two of the four places in memory that a pick among thousands would have to wait for.
    const start = this.#start;
    const one = start === -1 ? offsets[first]! : start + first * STRIDE;
    const other = start === -1 ? offsets[second]! : start + second * STRIDE;
    const isOther = this.#cost.of(table, other, now) < this.#cost.of(table, one, now);
    const better = isOther ? second : first;
    const worse = isOther ? first : second;
    const isNoChoice = table.hopeless > 0 && (table.isHopeless(one) || table.isHopeless(other));
    if (tried === undefined && trace === undefined && !isNoChoice) return this.#endpoints[better];
    return isNoChoice && count > 2
      ? this.#reconsider(...this.#withThird(better, worse, now), context, trace)
      : this.#reconsider(better, worse, context, trace);
  }

  /** The better of two and another one, the cheaper first. */
  #withThird(better: number, worse: number, now: number): [better: number, worse: number] {
    const table = this.#table;
    let third = Math.floor(this.#random() * (this.#offsets.length - 2));
    third += Number(third >= Math.min(better, worse));
    third += Number(third >= Math.max(better, worse));
    const cost = this.#cost.of(table, this.#offsets[better]!, now);
    return this.#cost.of(table, this.#offsets[third]!, now) < cost ? [third, better] : [better, third];
  }

  /** The rare part of a pick, apart so that the common one stays small enough to be compiled into its caller. */
  #reconsider(
    better: number,
    worse: number,
    { now, tried }: PickContext,
    trace: PickTrace | undefined,
  ): EndpointState {
    const one = this.#endpoints[better]!;
    const other = this.#endpoints[worse]!;
    let chosen = one;
    if (tried !== undefined && tried.includes(one)) {
      chosen = tried.includes(other) ? (nextUntried(this.#endpoints, worse, tried) ?? other) : other;
    }
    if (trace !== undefined) {
      for (const endpoint of new Set([chosen, one, other])) {
        trace.push({ endpoint, cost: this.#cost.of(this.#table, endpoint.offset, now) });
      }
    }
    return chosen;
  }
}
