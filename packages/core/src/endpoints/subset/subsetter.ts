import { xxhash53 } from "../../xxhash64.ts";
import type { EndpointState } from "../endpoint-state.ts";
import type { ResolvedSubset } from "./subset-policy.ts";

/** Endpoints that a process uses, and how often these and not another variant. */
export interface SubsetVariant {
  readonly endpoints: readonly EndpointState[];
  /** The probabilities of all variants add up to 1. */
  readonly probability: number;
}

/** Chooses the endpoints that this process uses. */
export interface Subsetter {
  /** Nobody asked for it: balancers that keep keys to endpoints do without. */
  readonly isDefault: boolean;
  /** @param endpoints of one priority, in any order */
  choose(endpoints: readonly EndpointState[]): readonly SubsetVariant[];
}

/** How many different hashes there are. */
const HASHES = 2 ** 53;

/** Which of the callers of a service a process is: `index` from 0, below `total`. */
export interface Ordinal {
  readonly index: number;
  readonly total: number;
}

/** @param seed tells this process from the others; 0 to 2^32 − 1 */
export function subsetterFor(
  policy: ResolvedSubset | false,
  seed: number,
  ordinal: Ordinal | undefined,
): Subsetter {
  if (policy === false) return noSubset;
  const { isDefault = false, size, type } = policy;
  const subset =
    type === "aperture" && ordinal !== undefined ? new Aperture(size, ordinal) : new Rendezvous(size, seed);
  return { isDefault, choose: (endpoints) => subset.choose(endpoints) };
}

/** All endpoints. */
export const noSubset: Subsetter = { isDefault: false, choose: whole };

function whole(endpoints: readonly EndpointState[]): readonly SubsetVariant[] {
  return [{ endpoints, probability: 1 }];
}

/** The hash of an endpoint, kept with it: one change among ten thousand must not cost ten thousand hashes. */
function hashOf(state: EndpointState, seed: number): number {
  if (state.hashSeed !== seed) {
    state.hash = xxhash53(state.id, seed);
    state.hashSeed = seed;
  }
  return state.hash;
}

/** What the registry calls unusable is not worth a place, as long as there are others. Ejections must not move connections. */
function usable(endpoints: readonly EndpointState[], size: number): readonly EndpointState[] {
  const found: EndpointState[] = [];
  for (const state of endpoints) {
    const { health } = state.spec;
    if (health !== "unhealthy" && health !== "starting") found.push(state);
  }
  return found.length >= size ? found : endpoints;
}

/**
 * Rendezvous (highest random weight) hashing, as gRPC's random subsetting (A68): each process ranks all endpoints by a hash of
 * its own and takes the first. A change of the list changes one endpoint of its subset at the most.
 */
class Rendezvous {
  readonly #size: number;
  readonly #seed: number;

  constructor(size: number, seed: number) {
    this.#size = size;
    this.#seed = seed;
  }

  choose(endpoints: readonly EndpointState[]): readonly SubsetVariant[] {
    const size = this.#size;
    if (endpoints.length <= size) return whole(endpoints);
    const candidates = usable(endpoints, size);
    // Hashes lie evenly, so the first are to be found among the lowest few: sorting all of ten thousand would take long.
    let bound = (2 * size * HASHES) / candidates.length;
    let low = this.#below(bound, candidates);
    while (low.length < size) {
      bound *= 2;
      low = this.#below(bound, candidates);
    }
    const last = Float64Array.from(low, (state) => hashOf(state, this.#seed)).toSorted()[size - 1]!;
    return whole(low.filter((state) => hashOf(state, this.#seed) <= last));
  }

  #below(bound: number, endpoints: readonly EndpointState[]): readonly EndpointState[] {
    const found: EndpointState[] = [];
    for (const state of endpoints) if (hashOf(state, this.#seed) < bound) found.push(state);
    return found;
  }
}

/**
 * Finagle's deterministic aperture: callers and endpoints lie on one ring, each caller takes the same length of it, one behind
 * the other, round and round; so every endpoint is covered equally often. An endpoint that is covered in part is used in that
 * part of the picks.
 */
class Aperture {
  readonly #size: number;
  readonly #ordinal: Ordinal;

  constructor(size: number, ordinal: Ordinal) {
    this.#size = size;
    this.#ordinal = ordinal;
  }

  choose(endpoints: readonly EndpointState[]): readonly SubsetVariant[] {
    const size = this.#size;
    if (endpoints.length <= size) return whole(endpoints);
    // By hash, so that endpoints that come and go together do not lie side by side, and all callers agree on the order.
    const ring = usable(endpoints, size).toSorted(
      (a, b) => hashOf(a, 0) - hashOf(b, 0) || (a.id < b.id ? -1 : 1),
    );
    const count = ring.length;
    const { index, total } = this.#ordinal;
    // In endpoints, not in parts of the ring: whole numbers stay whole.
    const unit = count / total;
    // Rounded, not up: the loss of one endpoint must not make every caller take another one.
    const width = Math.min(count, Math.max(1, Math.round(size / unit)) * unit);
    if (width >= count) return whole(endpoints);
    const from = index * unit;
    const first = Math.floor(from + 1e-9);
    const end = from + width;
    const last = Math.ceil(end - 1e-9) - 1;
    if (first === last) return whole([ring[first % count]!]);
    const at = (position: number): EndpointState => ring[position % count]!;
    const inner = Array.from({ length: Math.max(0, last - first - 1) }, (_, i) => at(first + 1 + i));
    const before = Math.min(1, first + 1 - from);
    const after = Math.min(1, end - last);
    // Almost the whole ring: both ends may lie on the same endpoint.
    if (last - first === count) return variants(inner, [[at(first), before + after]]);
    return variants(inner, [
      [at(first), before],
      [at(last), after],
    ]);
  }
}

/** Each edge is there in its part of the picks, whether the other one is or not. */
function variants(
  inner: readonly EndpointState[],
  edges: readonly (readonly [EndpointState, number])[],
): readonly SubsetVariant[] {
  if (inner.length === 0) {
    // Nothing but edges: one of them each time, or there would be times without any.
    const total = edges.reduce((sum, [, part]) => sum + part, 0);
    return edges.map(([edge, part]) => ({ endpoints: [edge], probability: part / total }));
  }
  let found: SubsetVariant[] = [{ endpoints: inner, probability: 1 }];
  for (const [edge, part] of edges) {
    found = found.flatMap(({ endpoints, probability }) => [
      { endpoints: [...endpoints, edge], probability: probability * part },
      { endpoints, probability: probability * (1 - part) },
    ]);
  }
  return found.filter(({ probability }) => probability > 1e-6);
}
