import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { PENDING } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import { weightsOf } from "./alias-table.ts";
import { toFront } from "./least-of-many.ts";
import type { PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/** A closed endpoint is chosen where there is no other, and of several the least busy one. */
const CLOSED_LEVEL = 1e12;

/**
 * Looks at all endpoints: an endpoint has as many places as its weight says, an average one having one, and requests fill places
 * evenly. Takes any of the places that are filled least, so that idle endpoints get calls in proportion to their weights, and busy
 * ones are kept as busy as each other in proportion.
 */
export class LeastOfAll implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #mean: number;
  readonly #places: Float64Array;
  readonly #table: LoadTable;
  readonly #random: Random;
  /** Of the present pick: how often the places of each endpoint are filled at the least, and how many of them not more often. */
  readonly #levels: Float64Array;
  readonly #free: Float64Array;

  constructor(endpoints: readonly EndpointState[], { random, table }: PickerDeps) {
    this.#endpoints = endpoints;
    const weights = weightsOf(endpoints);
    this.#mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.#places = weights.map((weight) => weight / this.#mean);
    this.#levels = new Float64Array(weights.length);
    this.#free = new Float64Array(weights.length);
    this.#table = table;
    this.#random = random;
  }

  pick({ tried }: PickContext, trace?: PickTrace): EndpointState | undefined {
    const endpoints = this.#endpoints;
    const table = this.#table;
    let lowest = Infinity;
    let free = 0;
    for (let i = 0; i < endpoints.length; i++) {
      const { offset } = endpoints[i]!;
      this.#levels[i] = Infinity;
      if (tried?.includes(endpoints[i]!) === true) continue;
      if (trace !== undefined) trace.push({ endpoint: endpoints[i]!, cost: this.cost(endpoints[i]!) });
      const pending = table.data[offset + PENDING]!;
      const filled = Math.floor(pending / this.#places[i]!);
      const level = filled + (table.isClosed(offset) ? CLOSED_LEVEL : 0);
      this.#levels[i] = level;
      if (level > lowest) continue;
      if (level < lowest) free = 0;
      lowest = level;
      free += this.#free[i] = this.#places[i]! * (filled + 1) - pending;
    }
    const index = lowest === Infinity ? 0 : this.#placeAt(this.#random() * free, lowest);
    if (trace !== undefined) toFront(trace, endpoints[index]!, this.cost(endpoints[index]!));
    return endpoints[index];
  }

  /** What it has in flight by its places, this request included. */
  cost({ offset }: EndpointState): number {
    return (this.#table.data[offset + PENDING]! * this.#mean) / this.#table.weight(offset) + 1;
  }

  /** Whose one of the places is that are filled least, counted from 0. */
  #placeAt(place: number, lowest: number): number {
    let left = place;
    let last = 0;
    for (let i = 0; i < this.#levels.length; i++) {
      if (this.#levels[i] !== lowest) continue;
      last = i;
      left -= this.#free[i]!;
      if (left < 0) break;
    }
    return last;
  }
}
