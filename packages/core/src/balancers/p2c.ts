import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { FRESH_UNTIL, PENDING, STRIDE } from "../endpoints/load-table.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";
import type { Cost } from "./cost.ts";
import { MAX_EFFORT, emptyPicker, nextUsable } from "./picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/**
 * Every so many picks one goes to an endpoint that was drawn and has not been measured for three seconds, if there is one,
 * whatever it cost then (Kratos' and go-zero's forced pick, which do so always and so turn random where traffic is thin).
 */
const REMEASURE_EVERY = 32;

/**
 * The power of two choices: draws two different endpoints and takes the cheaper one, so that one pick costs the same
 * among ten and ten thousand. Drawing without replacement (as Finagle's `P2C`) matters for small sets: with
 * replacement the busier of two endpoints would still get a quarter of the traffic.
 *
 * Where one of the two is hopeless a third is drawn, or it would be no choice: the slow one of three endpoints would get
 * a third of the traffic for as long as another one is dead. Where both are closed it draws again, a few times.
 */
export function p2c(cost: Cost): Balancer {
  return {
    name: cost.name,
    build: (endpoints, deps) => (endpoints.length === 0 ? emptyPicker : new P2cPicker(endpoints, deps, cost)),
  };
}

/** The picker of {@link p2c}, for balancers that bring statistics of their own. */
export class P2cPicker implements Picker {
  readonly #endpoints: readonly EndpointState[];
  readonly #offsets: Int32Array;
  /** The first row where the rows of all endpoints lie side by side, as they do until some have come and gone; else -1. */
  readonly #start: number;
  readonly #table: LoadTable;
  readonly #random: Random;
  readonly #cost: Cost;
  #picks = 0;

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
    // Every so many picks the one that lost is looked at again.
    const isNeglected =
      ++this.#picks % REMEASURE_EVERY === 0 &&
      this.#cost.remembers &&
      this.#isNeglected(isOther ? one : other, now);
    return this.#endpoints[isOther === isNeglected ? first : second];
  }

  cost(endpoint: EndpointState, now: number): number {
    return this.#cost.of(this.#table, endpoint.offset, now);
  }

  /** The rare part of a pick, apart so that the common one stays small enough to be compiled into its caller. */
  #reconsider(
    first: number,
    second: number,
    { now, tried }: PickContext,
    trace: PickTrace | undefined,
  ): EndpointState {
    const table = this.#table;
    const offsets = this.#offsets;
    let drawn = [first, second];
    for (let effort = 1; effort < MAX_EFFORT; effort++) {
      if (drawn.some((index) => !table.isClosed(offsets[index]!))) break;
      drawn = this.#twoOf();
    }
    if (offsets.length > 2 && drawn.some((index) => table.isTroubled(offsets[index]!))) {
      drawn.push(this.#thirdOf(drawn[0]!, drawn[1]!));
    }
    const costs = new Map(drawn.map((index) => [index, this.#cost.of(table, offsets[index]!, now)]));
    const shut = (index: number): number => Number(table.isClosed(offsets[index]!));
    const ranked = [...costs.keys()].toSorted((a, b) => shut(a) - shut(b) || costs.get(a)! - costs.get(b)!);
    const best = ranked[0]!;
    const chosen = tried === undefined ? this.#endpoints[best]! : this.#untried(ranked, tried);
    if (trace !== undefined) {
      trace.push({ endpoint: chosen, cost: this.#cost.of(table, chosen.offset, now) });
      for (const index of ranked) {
        const endpoint = this.#endpoints[index]!;
        if (endpoint !== chosen) trace.push({ endpoint, cost: costs.get(index)! });
      }
    }
    return chosen;
  }

  /** The best of those drawn that this call has not tried, else whoever is left. */
  #untried(ranked: readonly number[], tried: readonly EndpointState[]): EndpointState {
    for (const index of ranked) {
      const endpoint = this.#endpoints[index]!;
      if (!tried.includes(endpoint) && !this.#table.isClosed(endpoint.offset)) return endpoint;
    }
    const [best = 0] = ranked;
    return nextUsable(this.#endpoints, best, tried, this.#table) ?? this.#endpoints[best]!;
  }

  /** Nothing was heard of it for a while and nothing is on its way: what is known of it may be long past. */
  #isNeglected(offset: number, now: number): boolean {
    const { data } = this.#table;
    return (
      data[offset + PENDING] === 0 && now >= data[offset + FRESH_UNTIL]! && !this.#table.isClosed(offset)
    );
  }

  #twoOf(): number[] {
    const count = this.#offsets.length;
    const first = Math.floor(this.#random() * count);
    const second = count === 1 ? 0 : Math.floor(this.#random() * (count - 1));
    return [first, second + Number(count > 1 && second >= first)];
  }

  /** One that is neither of the two. */
  #thirdOf(one: number, other: number): number {
    let third = Math.floor(this.#random() * (this.#offsets.length - 2));
    third += Number(third >= Math.min(one, other));
    third += Number(third >= Math.max(one, other));
    return third;
  }
}
