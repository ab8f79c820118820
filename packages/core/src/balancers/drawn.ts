import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import { nextUsable } from "./picker.ts";
import type { PickContext, PickTrace, Picker } from "./picker.ts";

/** A picker that goes by cost. */
export type CostingPicker = Picker & { cost(endpoint: EndpointState, now: number): number };

/** No pick draws more. */
const MOST = 16;

/**
 * The few endpoints that a pick has drawn, where more than their cost has to be looked at: some are closed or were tried, or
 * somebody wants to know. One for each picker, used anew by each such pick: nothing is allocated.
 */
export class Drawn {
  readonly #endpoints: readonly EndpointState[];
  readonly #table: LoadTable;
  readonly #picker: CostingPicker;
  readonly #indices = new Int32Array(MOST);
  readonly #costs = new Float64Array(MOST);
  #count = 0;
  /** Whether one of them is open. */
  hasOpen = false;
  /** Whether one of them is no alternative to the others. */
  hasTroubled = false;

  constructor(endpoints: readonly EndpointState[], table: LoadTable, picker: CostingPicker) {
    this.#endpoints = endpoints;
    this.#table = table;
    this.#picker = picker;
  }

  /** How many different ones they are. */
  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
    this.hasOpen = false;
    this.hasTroubled = false;
  }

  has(index: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#indices[i] === index) return true;
    return false;
  }

  add(index: number, now: number): void {
    if (this.has(index) || this.#count === MOST) return;
    const endpoint = this.#endpoints[index]!;
    const { offset } = endpoint;
    this.#indices[this.#count] = index;
    this.#costs[this.#count++] = this.#picker.cost(endpoint, now);
    if (!this.#table.isClosed(offset)) this.hasOpen = true;
    if (this.#table.isTroubled(offset)) this.hasTroubled = true;
  }

  /**
   * The cheapest that is open and that the call has not tried, else the next such one of the list; closed ones, and then tried ones,
   * where there is no other.
   */
  choose({ now, tried }: PickContext, trace: PickTrace | undefined): EndpointState {
    let best = 0;
    let usable = -1;
    for (let i = 0; i < this.#count; i++) {
      if (this.#isBefore(i, best)) best = i;
      const endpoint = this.#endpoints[this.#indices[i]!]!;
      if (this.#table.isClosed(endpoint.offset) || tried?.includes(endpoint) === true) continue;
      if (usable === -1 || this.#costs[i]! < this.#costs[usable]!) usable = i;
    }
    const index = this.#indices[usable === -1 ? best : usable]!;
    const own = this.#endpoints[index]!;
    const chosen =
      usable !== -1 || tried === undefined
        ? own
        : (nextUsable(this.#endpoints, index, tried, this.#table) ?? own);
    if (trace !== undefined) this.#tell(trace, chosen, now);
    return chosen;
  }

  /** The open ones first, each by their cost. */
  #isBefore(one: number, other: number): boolean {
    const isShut = this.#isClosed(one);
    return isShut === this.#isClosed(other) ? this.#costs[one]! < this.#costs[other]! : !isShut;
  }

  #isClosed(i: number): boolean {
    return this.#table.isClosed(this.#endpoints[this.#indices[i]!]!.offset);
  }

  #tell(trace: PickTrace, chosen: EndpointState, now: number): void {
    const ranked = Array.from({ length: this.#count }, (_, i) => i).toSorted((a, b) =>
      this.#isBefore(a, b) ? -1 : Number(this.#isBefore(b, a)),
    );
    const told = ranked.map((i) => ({
      endpoint: this.#endpoints[this.#indices[i]!]!,
      cost: this.#costs[i]!,
    }));
    const own = told.find(({ endpoint }) => endpoint === chosen);
    trace.push(own ?? { endpoint: chosen, cost: this.#picker.cost(chosen, now) });
    for (const entry of told) if (entry !== own) trace.push(entry);
  }
}
