import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { PENDING } from "../endpoints/load-table.ts";
import { emptyHash } from "../xxhash64.ts";
import { BoundedLoad } from "./bounded-load.ts";
import type { ResolvedBoundedLoad } from "./bounded-load.ts";
import { hashKeyOf } from "./hash-key.ts";
import type { ResolvedHashOn } from "./hash-key.ts";
import type { HashMembers } from "./hash-members.ts";
import { mixed } from "./mix.ts";
import type { PickContext, PickTrace, Picker, PickerDeps } from "./picker.ts";

/** Where hashes find their endpoints. */
export interface HashTable {
  readonly members: HashMembers;
  readonly size: number;
  /** The place, from 0 to `size` − 1, of a hash of 32 bits. */
  find(hash: number): number;
  /** Index of the member at a place. */
  memberAt(place: number): number;
}

/** What the hashing balancers have in common. */
export interface HashPickerOptions<T extends HashTable> {
  readonly table: T;
  /** Who cannot be had is replaced by the next one of the table; else by one anywhere. */
  readonly neighbours: boolean;
  readonly hashOn: readonly ResolvedHashOn[];
  readonly boundedLoad: ResolvedBoundedLoad | undefined;
}

/** How many places a pick looks at before it takes what it has seen: enough that half of all endpoints may be closed. */
const MAX_PLACES = 64;

/** The endpoint that a request's key falls to, or the one that stands in for it. */
export class HashPicker<T extends HashTable> implements Picker {
  readonly table: T;
  readonly #options: HashPickerOptions<T>;
  readonly #deps: PickerDeps;
  readonly #bound: BoundedLoad | undefined;
  readonly #hash = emptyHash();

  constructor(options: HashPickerOptions<T>, deps: PickerDeps) {
    const { boundedLoad, table } = options;
    this.table = table;
    this.#options = options;
    this.#deps = deps;
    this.#bound =
      boundedLoad === undefined ? undefined : new BoundedLoad(table.members, deps.table, boundedLoad);
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    const { table } = this;
    const hash = this.#hash;
    if (!hashKeyOf(this.#options.hashOn, context, hash)) {
      // Anywhere, evenly: a request that says nothing must not make the home of "nothing" hot.
      hash.hi = (this.#deps.random() * 0x100000000) | 0;
      hash.lo = hash.hi;
    }
    const place = table.find(hash.hi);
    const index = table.memberAt(place);
    const isPlain = context.tried === undefined && this.#deps.table.troubled === 0;
    const isHome = isPlain && (this.#bound === undefined || this.#bound.hasRoom(index));
    const chosen = isHome ? index : this.#standIn(place, context.tried);
    if (trace !== undefined) {
      this.#tell(trace, chosen);
      if (chosen !== index) this.#tell(trace, index);
    }
    return table.members.endpoints[chosen];
  }

  /**
   * Who takes a request whose home may not: the next one on the ring for a home that is closed or tried, as if it had left;
   * one anywhere for a home that is full (random jumps: Chen, Coleman and Shrivastava, arXiv 1908.08762), or its neighbour would
   * be the next to be full. The key decides, so that it always has the same stand-ins in the same order.
   */
  #standIn(home: number, tried: readonly EndpointState[] | undefined): number {
    const { members, size } = this.table;
    const load = this.#deps.table;
    const { hi, lo } = this.#hash;
    if (load.troubled > 0) this.#bound?.recount();
    let place = home;
    let isFull = false;
    for (let turn = 1; turn <= MAX_PLACES; turn++) {
      const index = this.table.memberAt(place);
      const isOut =
        load.isClosed(members.offsets[index]!) || tried?.includes(members.endpoints[index]!) === true;
      if (!isOut) {
        if (this.#bound === undefined || this.#bound.hasRoom(index)) return index;
        isFull = true;
      }
      const isWalking = isOut && this.#options.neighbours;
      place = isWalking ? (place + 1) % size : this.table.find(mixed(hi, lo, turn));
    }
    return this.#search(this.table.memberAt(home), tried, isFull);
  }

  /**
   * One member after the other: the first that may be taken, else the one of least load, else the first untried one, else the
   * first. Goes through all of them only where a bound would be broken too soon.
   */
  #search(start: number, tried: readonly EndpointState[] | undefined, isFull: boolean): number {
    const { endpoints, offsets } = this.table.members;
    const bound = isFull ? this.#bound : undefined;
    const steps = bound === undefined ? Math.min(endpoints.length, MAX_PLACES) : endpoints.length;
    let least = -1;
    let untried = -1;
    for (let step = 0; step < steps; step++) {
      const index = (start + step) % endpoints.length;
      if (tried?.includes(endpoints[index]!) === true) continue;
      if (untried === -1) untried = index;
      if (this.#deps.table.isClosed(offsets[index]!)) continue;
      if (bound === undefined || bound.hasRoom(index)) return index;
      if (least === -1 || bound.loadOf(index) < bound.loadOf(least)) least = index;
    }
    if (least !== -1) return least;
    return untried === -1 ? start : untried;
  }

  #tell(trace: PickTrace, index: number): void {
    const endpoint = this.table.members.endpoints[index]!;
    trace.push({ endpoint, cost: this.#deps.table.data[endpoint.offset + PENDING]! });
  }
}
