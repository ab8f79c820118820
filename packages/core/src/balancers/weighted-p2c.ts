import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { PENDING } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import { AliasTable } from "./alias-table.ts";
import type { Cost } from "./cost.ts";
import { Drawn } from "./drawn.ts";
import type { CostingPicker } from "./drawn.ts";
import { MAX_EFFORT } from "./picker.ts";
import type { PickContext, PickTrace, PickerDeps } from "./picker.ts";
import { Remeasure } from "./remeasure.ts";

/** An endpoint that was drawn against itself must cost so many times as much as another one to lose to it. */
const FAR = 3;
/** Draws for an endpoint that was not drawn yet, before it is just the next one of the list. */
const MAX_DRAWS = 4;

/**
 * The power of two choices among endpoints of different weights. Draws each of the two with a chance in proportion to its weight,
 * with replacement, and compares what they have in flight in proportion to their weights: as if an endpoint of twice the weight were
 * two endpoints. While they all cost the same each then gets exactly its part of the picks, and the busier they are the closer
 * to their weights are their requests in flight.
 *
 * What an endpoint of twice the weight has in flight is half of that on each of the two, in whole requests: one request is on
 * either of them, by chance. Comparing one with a half would favour whichever of two nearly idle endpoints is the lighter one.
 *
 * An endpoint that is drawn twice has nothing to be compared with, and the slow one of two would keep a good part of the calls:
 * it loses to another one if that is far cheaper.
 */
export class WeightedP2cPicker implements CostingPicker {
  readonly #endpoints: readonly EndpointState[];
  /** Offset and weight of each endpoint, in turn: both are read at once. */
  readonly #rows: Float64Array;
  readonly #mean: number;
  readonly #chances: AliasTable;
  readonly #table: LoadTable;
  readonly #random: Random;
  readonly #cost: Cost;
  /** What the present pick has drawn. */
  readonly #draws: Int32Array;
  /** Whether the last two that were compared differed in nothing but what they have in flight. */
  #isAlike = false;
  readonly #drawn: Drawn;
  readonly #remeasure: Remeasure;

  /**
   * @param weights of the endpoints, in their order
   * @param choices how many are drawn, 2 to 10
   */
  constructor(
    endpoints: readonly EndpointState[],
    { random, table }: PickerDeps,
    cost: Cost,
    weights: Float64Array,
    choices: number,
  ) {
    this.#endpoints = endpoints;
    this.#rows = new Float64Array(2 * weights.length);
    for (let i = 0; i < weights.length; i++) {
      this.#rows[2 * i] = endpoints[i]!.offset;
      this.#rows[2 * i + 1] = weights[i]!;
    }
    this.#mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.#chances = new AliasTable(weights);
    this.#table = table;
    this.#random = random;
    this.#cost = cost;
    this.#draws = new Int32Array(choices);
    this.#drawn = new Drawn(endpoints, table, this);
    this.#remeasure = new Remeasure(table, cost);
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const { now, tried } = context;
    const rows = this.#rows;
    const table = this.#table;
    const draws = this.#draws;
    let isTroubled = false;
    for (let i = 0; i < draws.length; i++) {
      const index = this.#chances.draw(this.#random);
      draws[i] = index;
      if (table.troubled > 0 && table.isTroubled(rows[2 * index]!)) isTroubled = true;
    }
    if (tried !== undefined || trace !== undefined || isTroubled) return this.#reconsider(context, trace);
    let best = draws[0]!;
    let loser = best;
    for (let i = 1; i < draws.length; i++) {
      const other = draws[i]!;
      if (other === best) continue;
      const isOther = this.#isCheaper(other, best, now, 1);
      loser = isOther ? best : other;
      if (isOther) best = other;
    }
    if (loser === best) {
      this.#drawn.clear();
      this.#drawn.add(best, now);
      loser = this.#undrawn();
      return this.#endpoints[this.#isCheaper(loser, best, now, FAR) ? loser : best];
    }
    // Who lost for what was measured of it may deserve another look; who lost a draw gets its part anyway.
    const isDue = !this.#isAlike && this.#remeasure.isDue(rows[2 * loser]!, now);
    return this.#endpoints[isDue ? loser : best];
  }

  /** In flight counts in proportion to the weight, an average weight being 1. */
  cost({ offset }: EndpointState, now: number): number {
    const table = this.#table;
    const load = (table.data[offset + PENDING]! * this.#mean) / table.weight(offset);
    return this.#cost.idle(table, offset, now) * (load + 1);
  }

  /** Whether one costs less than another by a factor; where it is 1 and their prices differ by noise only, who has less in flight. */
  #isCheaper(one: number, other: number, now: number, by: number): boolean {
    const table = this.#table;
    const { data } = table;
    const cost = this.#cost;
    const rows = this.#rows;
    const offset = rows[2 * one]!;
    const otherOffset = rows[2 * other]!;
    const price = cost.idle(table, offset, now);
    const otherPrice = cost.idle(table, otherOffset, now);
    const weight = rows[2 * one + 1]!;
    const otherWeight = rows[2 * other + 1]!;
    const unit = Math.min(weight, otherWeight);
    // Rounds up with the chance of the fraction, which one of the two may have; whole numbers stay what they are.
    const chance = this.#random();
    const load = Math.floor((data[offset + PENDING]! * unit) / weight + chance);
    const otherLoad = Math.floor((data[otherOffset + PENDING]! * unit) / otherWeight + chance);
    this.#isAlike = price <= otherPrice * cost.noise && otherPrice <= price * cost.noise;
    return by === 1 && this.#isAlike
      ? load < otherLoad
      : price * (load + 1) * by < otherPrice * (otherLoad + 1);
  }

  /** The rare part of a pick. */
  #reconsider(context: PickContext, trace: PickTrace | undefined): EndpointState {
    const drawn = this.#drawn;
    const draws = this.#draws;
    const { now } = context;
    drawn.clear();
    for (let i = 0; i < draws.length; i++) drawn.add(draws[i]!, now);
    for (let effort = 1; effort < MAX_EFFORT && !drawn.hasOpen; effort++) {
      drawn.clear();
      for (let i = 0; i < draws.length; i++) drawn.add(this.#chances.draw(this.#random), now);
    }
    // One that was drawn against itself is no help to a call that has tried it.
    const isLacking = drawn.hasTroubled || (drawn.count === 1 && context.tried !== undefined);
    if (isLacking && drawn.count < this.#endpoints.length) drawn.add(this.#undrawn(), now);
    return drawn.choose(context, trace);
  }

  /** One that is not among the drawn; there must be one. */
  #undrawn(): number {
    const drawn = this.#drawn;
    const count = this.#endpoints.length;
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const index = this.#chances.draw(this.#random);
      if (!drawn.has(index)) return index;
    }
    let index = Math.floor(this.#random() * count);
    while (drawn.has(index)) index = index + 1 === count ? 0 : index + 1;
    return index;
  }
}
