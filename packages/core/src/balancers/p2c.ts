import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { STRIDE } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import { weightsOf } from "./alias-table.ts";
import type { Cost } from "./cost.ts";
import { Drawn } from "./drawn.ts";
import type { CostingPicker } from "./drawn.ts";
import { MAX_EFFORT, emptyPicker } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, PickerDeps } from "./picker.ts";
import { Remeasure } from "./remeasure.ts";
import { WeightedP2cPicker } from "./weighted-p2c.ts";

/**
 * The power of two choices: draws two different endpoints and takes the cheaper one, so that one pick costs the same
 * among ten and ten thousand. Drawing without replacement (as Finagle's `P2C`) matters for small sets: with
 * replacement the busier of two endpoints would still get a quarter of the traffic.
 *
 * Where one of the two is hopeless a third is drawn, or it would be no choice: the slow one of three endpoints would get
 * a third of the traffic for as long as another one is dead. Where both are closed it draws again, a few times.
 *
 * Where endpoints have different weights {@link WeightedP2cPicker} draws them.
 */
export function p2c(cost: Cost): Balancer {
  return {
    name: cost.name,
    build: (endpoints, deps) => (endpoints.length === 0 ? emptyPicker : twoOf(endpoints, deps, cost)),
  };
}

/** The picker of {@link p2c}, for balancers that bring statistics of their own. There must be an endpoint. */
export function twoOf(endpoints: readonly EndpointState[], deps: PickerDeps, cost: Cost): CostingPicker {
  const weights = weightsOf(endpoints);
  return isAllOf(weights, weights[0]!)
    ? new P2cPicker(endpoints, deps, cost)
    : new WeightedP2cPicker(endpoints, deps, cost, weights, 2);
}

/** Whether there is no other weight. */
export function isAllOf(weights: Float64Array, weight: number): boolean {
  for (let i = 0; i < weights.length; i++) if (weights[i] !== weight) return false;
  return true;
}

/** For endpoints of the same weight. */
class P2cPicker implements CostingPicker {
  readonly #endpoints: readonly EndpointState[];
  readonly #offsets: Int32Array;
  /** The first row where the rows of all endpoints lie side by side, as they do until some have come and gone; else -1. */
  readonly #start: number;
  readonly #table: LoadTable;
  readonly #random: Random;
  readonly #cost: Cost;
  readonly #drawn: Drawn;
  readonly #remeasure: Remeasure;

  constructor(endpoints: readonly EndpointState[], deps: PickerDeps, cost: Cost) {
    this.#endpoints = endpoints;
    const offsets = new Int32Array(endpoints.length);
    const start = endpoints[0]!.offset;
    let isDense = true;
    // Plain loops: `Int32Array.from` takes ten times as long, and this runs on each change of the list.
    for (let i = 0; i < endpoints.length; i++) {
      const { offset } = endpoints[i]!;
      offsets[i] = offset;
      if (offset !== start + i * STRIDE) isDense = false;
    }
    this.#offsets = offsets;
    this.#start = isDense ? start : -1;
    this.#table = deps.table;
    this.#random = deps.random;
    this.#cost = cost;
    this.#drawn = new Drawn(endpoints, deps.table, this);
    this.#remeasure = new Remeasure(deps.table, cost);
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
    const isTroubled = table.troubled > 0 && (table.isTroubled(one) || table.isTroubled(other));
    if (tried !== undefined || trace !== undefined || isTroubled) {
      return this.#reconsider(first, second, context, trace);
    }
    const isOther = this.#cost.of(table, other, now) < this.#cost.of(table, one, now);
    const isDue = this.#remeasure.isDue(isOther ? one : other, now);
    return this.#endpoints[isOther === isDue ? first : second];
  }

  cost(endpoint: EndpointState, now: number): number {
    return this.#cost.of(this.#table, endpoint.offset, now);
  }

  /** The rare part of a pick, apart so that the common one stays small enough to be compiled into its caller. */
  #reconsider(
    first: number,
    second: number,
    context: PickContext,
    trace: PickTrace | undefined,
  ): EndpointState {
    const drawn = this.#drawn;
    const { now } = context;
    const count = this.#offsets.length;
    let one = first;
    let other = second;
    drawn.clear();
    drawn.add(one, now);
    drawn.add(other, now);
    for (let effort = 1; effort < MAX_EFFORT && !drawn.hasOpen; effort++) {
      drawn.clear();
      one = this.#below(count);
      other = count === 1 ? one : this.#otherThan(one);
      drawn.add(one, now);
      drawn.add(other, now);
    }
    if (count > 2 && drawn.hasTroubled) drawn.add(this.#neitherOf(one, other), now);
    return drawn.choose(context, trace);
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #otherThan(one: number): number {
    const other = this.#below(this.#offsets.length - 1);
    return other + Number(other >= one);
  }

  #neitherOf(one: number, other: number): number {
    let third = this.#below(this.#offsets.length - 2);
    third += Number(third >= Math.min(one, other));
    third += Number(third >= Math.max(one, other));
    return third;
  }
}
