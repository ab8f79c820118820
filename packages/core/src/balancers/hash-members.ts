import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { emptyHash, xxhash64 } from "../xxhash64.ts";

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
   * The weights of the source, not those of the load table: a key must not move from home to home while an endpoint warms up. Where
   * traffic is divided between zones or priorities, the part of them that counts. Above 0.
   */
  readonly weights: Float64Array;
}

/** What counts as no weight at all, where nobody has more. */
export const LEAST_WEIGHT = 1e-6;

/**
 * Puts endpoints in the order of their hashes.
 * @param parts of the weight of each, what counts, above 0 to 1; all of it by default
 */
export function hashMembers(given: readonly EndpointState[], parts?: Float64Array): HashMembers {
  const count = given.length;
  const hash = emptyHash();
  const givenKeys = keysOf(given);
  const givenHi = new Int32Array(count);
  const givenLo = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    xxhash64(givenKeys[i]!, hash);
    givenHi[i] = hash.hi;
    givenLo[i] = hash.lo;
  }
  const order = orderOf(given, givenHi, givenLo);
  const endpoints: EndpointState[] = [];
  const keys: string[] = [];
  const offsets = new Int32Array(count);
  const hi = new Int32Array(count);
  const lo = new Int32Array(count);
  const weights = new Float64Array(count);
  for (let rank = 0; rank < count; rank++) {
    const i = order[rank]!;
    const endpoint = given[i]!;
    endpoints.push(endpoint);
    keys.push(givenKeys[i]!);
    offsets[rank] = endpoint.offset;
    hi[rank] = givenHi[i]!;
    lo[rank] = givenLo[i]!;
    // Rounded, or the order in which shares were added up would make another table.
    const part = parts === undefined ? 1 : Math.fround(parts[i]!);
    weights[rank] = Math.max(endpoint.spec.weight, LEAST_WEIGHT) * part;
  }
  return { endpoints, offsets, keys, hi, lo, weights };
}

/**
 * Indices in the order of the hashes. Hashes are evenly spread: into buckets by their beginning, then each in its place among the
 * one or two of its bucket, takes a tenth of the time that sorting does.
 */
function orderOf(given: readonly EndpointState[], hi: Int32Array, lo: Int32Array): Int32Array {
  const bits = Math.max(1, Math.ceil(Math.log2(Math.max(hi.length, 1))));
  const shift = 32 - bits;
  const begins = new Int32Array(2 ** bits + 1);
  for (let i = 0; i < hi.length; i++) begins[(hi[i]! >>> shift) + 1]! += 1;
  for (let bucket = 1; bucket < begins.length; bucket++) begins[bucket]! += begins[bucket - 1]!;
  const ends = begins.slice();
  const order = new Int32Array(hi.length);
  for (let i = 0; i < hi.length; i++) {
    const bucket = hi[i]! >>> shift;
    let rank = ends[bucket]!++;
    for (; rank > begins[bucket]!; rank--) {
      const other = order[rank - 1]!;
      const isSame = hi[other] === hi[i] && lo[other] === lo[i];
      if (isSame ? isInOrder(given[other]!, given[i]!) : isBefore(hi[other]!, lo[other]!, hi[i]!, lo[i]!))
        break;
      order[rank] = other;
    }
    order[rank] = i;
  }
  return order;
}

/** Whether one hash comes before another. */
export function isBefore(hi: number, lo: number, otherHi: number, otherLo: number): boolean {
  return hi === otherHi ? lo < otherLo : hi >>> 0 < otherHi >>> 0;
}

/** Whether two lists have the same places for the same keys: then one table serves both. */
export function isAlike(one: HashMembers, other: HashMembers): boolean {
  return (
    one.keys.length === other.keys.length &&
    one.keys.every((key, i) => key === other.keys[i] && one.weights[i] === other.weights[i])
  );
}

/**
 * What each endpoint is known by. An instance that comes back under another address keeps its place if it has a name of its own,
 * its `hashKey` (gRPC's A76). A name that several have is the first one's by address, or they would all be in one place.
 */
function keysOf(given: readonly EndpointState[]): readonly string[] {
  let owners: Map<string, EndpointState> | undefined;
  for (let i = 0; i < given.length; i++) {
    const name = given[i]!.spec.metadata["hashKey"];
    if (name === undefined || name === "") continue;
    owners ??= new Map();
    const owner = owners.get(name);
    if (owner === undefined || isInOrder(given[i]!, owner)) owners.set(name, given[i]!);
  }
  return given.map((endpoint) => {
    const name = endpoint.spec.metadata["hashKey"] ?? "";
    return owners?.get(name) === endpoint ? name : endpoint.address;
  });
}

function isInOrder(one: EndpointState, other: EndpointState): boolean {
  return one.address === other.address ? one.id <= other.id : one.address < other.address;
}
