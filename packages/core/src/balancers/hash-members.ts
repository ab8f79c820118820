import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { emptyHash, xxhash64 } from "./xxhash64.ts";

/**
 * The endpoints of a hash table, in an order that follows from nothing but themselves: every process that knows the same endpoints
 * builds the same table, in whatever order it learned of them.
 */
export interface HashMembers {
  readonly endpoints: readonly EndpointState[];
  /** Rows of the load table. */
  readonly offsets: Int32Array;
  /** What is hashed of each. */
  readonly keys: readonly string[];
  /** Halves of the keys' hashes. */
  readonly hi: Int32Array;
  readonly lo: Int32Array;
  /**
   * The weights of the source, not those of the load table: a key must not move from home to home while an endpoint warms up.
   * Above 0.
   */
  readonly weights: Float64Array;
}

/** An index in this many bits and half of a hash fit into a number together. */
const INDEX_RANGE = 2 ** 21;
/** What counts as no weight at all, where nobody has more. */
const LEAST_WEIGHT = 1e-6;

/** Puts endpoints in the order of their hashes. */
export function hashMembers(given: readonly EndpointState[]): HashMembers {
  const count = given.length;
  const ranks = rankByHash(given);
  const endpoints: EndpointState[] = [];
  const keys: string[] = [];
  const offsets = new Int32Array(count);
  const weights = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const endpoint = given[ranks.order[i]!]!;
    endpoints.push(endpoint);
    keys.push(keyOf(endpoint));
    offsets[i] = endpoint.offset;
    weights[i] = Math.max(endpoint.spec.weight, LEAST_WEIGHT);
  }
  return { endpoints, offsets, keys, hi: ranks.hi, lo: ranks.lo, weights };
}

/** Indices in the order of their hashes, and the halves of the hashes in that order. */
function rankByHash(given: readonly EndpointState[]): Pick<HashMembers, "hi" | "lo"> & { order: Int32Array } {
  const count = given.length;
  const hash = emptyHash();
  const lows = new Int32Array(count);
  // Numbers are sorted many times faster than objects by a function.
  const sortable = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    xxhash64(keyOf(given[i]!), hash);
    lows[i] = hash.lo;
    sortable[i] = (hash.hi >>> 0) * INDEX_RANGE + i;
  }
  const sorted = sortable.toSorted();
  const order = new Int32Array(count);
  const hi = new Int32Array(count);
  const lo = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const upper = Math.floor(sorted[i]! / INDEX_RANGE);
    const index = sorted[i]! - upper * INDEX_RANGE;
    const half = upper | 0;
    let rank = i;
    // Half of the hash decides but for one pair in billions: this ends at once.
    for (; rank > 0 && hi[rank - 1] === half; rank--) {
      const other = order[rank - 1]!;
      if (lows[other]! < lows[index]!) break;
      if (lows[other] === lows[index] && isInOrder(given[other]!, given[index]!)) break;
      order[rank] = other;
      lo[rank] = lo[rank - 1]!;
    }
    order[rank] = index;
    hi[i] = half;
    lo[rank] = lows[index]!;
  }
  return { order, hi, lo };
}

/** Whether two lists have the same places for the same keys: then one table serves both. */
export function isAlike(one: HashMembers, other: HashMembers): boolean {
  return (
    one.keys.length === other.keys.length &&
    one.keys.every((key, i) => key === other.keys[i] && one.weights[i] === other.weights[i])
  );
}

/** An instance that comes back under another address keeps its place if it has a name of its own (gRPC's A76). */
function keyOf({ address, spec }: EndpointState): string {
  const key = spec.metadata["hashKey"];
  return key === undefined || key === "" ? address : key;
}

/** Endpoints that share a key: the first takes its place, the others stand by. */
function isInOrder(one: EndpointState, other: EndpointState): boolean {
  return one.address === other.address ? one.id <= other.id : one.address < other.address;
}
