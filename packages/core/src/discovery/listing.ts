import { byId } from "./diff.ts";
import type { Change } from "./diff.ts";
import { sameEndpoint } from "./equal.ts";
import type { DirectoryEndpoint } from "./resolution.ts";
import type { Sliceable } from "./slices.ts";
import { placesById, rankOf } from "./sorting.ts";
import { isLoose, isProblem, readEndpoint } from "./validate-endpoint.ts";

/**
 * A checked list, in the order in which its source tells it. Registries have an order of their own and keep it from one
 * answer to the next, so that the next list is best compared place by place: looking ten thousand fresh strings up,
 * sorting them and comparing the result takes several times as long, most of it waiting for memory.
 */
export interface Listing {
  /** By id, frozen. */
  readonly sorted: readonly DirectoryEndpoint[];
  /** In the source's order. */
  readonly told: readonly DirectoryEndpoint[];
  /** What each of `told` was read from: whoever tells the very object again tells the same. */
  readonly entries: readonly unknown[];
  /** Where each of `told` stands in `sorted`. */
  readonly ranks: Int32Array;
  /** A hash of the address of each of `told`: who shares one can be found without looking into everybody. */
  readonly addresses: Int32Array;
}

/** A list of which a larger share stands elsewhere than before has a new order. */
const MAX_STRAYS_RATIO = 1 / 8;
/** However short the list is, so many may. */
const MIN_STRAYS = 8;
/** As many unchanged entries as are compared in one piece. */
const PIECE = 1_024;
/** As many entries that are new or elsewhere as are read in one piece. */
const STRAYS_PER_PIECE = 64;

/** Sorts a list; entries with the same id stay in their order. */
export function* listingOf(
  told: readonly DirectoryEndpoint[],
  entries: readonly unknown[],
): Sliceable<Listing> {
  const ranks = new Int32Array(told.length);
  const addresses = new Int32Array(told.length);
  let isSorted = true;
  for (let i = 0; i < told.length; i++) {
    const endpoint = told[i]!;
    ranks[i] = i;
    addresses[i] = addressHash(endpoint);
    if (i > 0 && told[i - 1]!.id > endpoint.id) isSorted = false;
    if (i % PIECE === 0) yield;
  }
  if (isSorted) return { sorted: Object.freeze(told), told, entries, ranks, addresses };
  const order = yield* placesById(told);
  for (const [rank, place] of order.entries()) ranks[place] = rank;
  return {
    sorted: Object.freeze(Array.from(order, (place) => told[place]!)),
    told,
    entries,
    ranks,
    addresses,
  };
}

/**
 * Reads a list that differs little from `last`. An unchanged entry becomes the very object it was.
 * @returns undefined for a list that has to be read entry by entry: one with bad, double or clashing entries, or in a
 *   new order
 */
export function* readNext(
  entries: readonly unknown[],
  last: Listing,
): Sliceable<{ readonly listing: Listing; readonly change: Change } | undefined> {
  const maxStrays = Math.max(MIN_STRAYS, last.told.length * MAX_STRAYS_RATIO);
  const seen = new Uint8Array(last.sorted.length);
  /** For each entry its rank in the last list, or -1 - its index among the fresh ones. */
  const origins = new Int32Array(entries.length);
  const addresses = new Int32Array(entries.length);
  const changed = new Map<number, DirectoryEndpoint>();
  const fresh: DirectoryEndpoint[] = [];
  /** Those who are where nobody was, or somebody else. */
  const moved: DirectoryEndpoint[] = [];
  let places: Int32Array | undefined;
  let strays = 0;
  let at = 0;
  for (let i = 0; i < entries.length; i++) {
    const run = sameRun(entries, i, last, at);
    if (run > 0) {
      const ranks = last.ranks.subarray(at, at + run);
      if (hasSeen(seen, ranks)) return undefined;
      origins.set(ranks, i);
      addresses.set(last.addresses.subarray(at, at + run), i);
      at += run;
      i += run;
      yield;
    }
    if (i === entries.length) break;
    if (run === PIECE) {
      i--;
      continue;
    }
    const read = readEndpoint(entries[i]);
    if (isProblem(read) || ++strays > maxStrays) return undefined;
    if (strays % STRAYS_PER_PIECE === 0) yield;
    addresses[i] = addressHash(read);
    const rank = rankOf(last.sorted, read.id);
    const before = last.sorted[rank];
    if (before?.id !== read.id) {
      origins[i] = -1 - fresh.length;
      fresh.push(read);
      moved.push(read);
      continue;
    }
    if (seen[rank] === 1) return undefined;
    seen[rank] = 1;
    origins[i] = rank;
    places ??= inverse(last.ranks);
    at = places[rank]! + 1;
    if (sameEndpoint(before, read)) continue;
    changed.set(rank, read);
    if (before.host !== read.host || before.port !== read.port) moved.push(read);
  }
  const listing = yield* merge(last, entries, { origins, addresses, seen, changed, fresh });
  if (listing === undefined || (yield* hasClash(listing, moved))) return undefined;
  yield;
  return { listing, change: newsOf(last, listing, { seen, changed, fresh }) };
}

/** How many entries of a piece from `i` on are the same as those told from `at` on. Apart from what is rare, which would slow it down. */
function sameRun(
  entries: readonly unknown[],
  i: number,
  { entries: before, told }: Listing,
  at: number,
): number {
  const most = Math.min(entries.length - i, told.length - at, PIECE);
  for (let run = 0; run < most; run++) {
    const entry = entries[i + run];
    if (entry === before[at + run]) continue;
    if (!isLoose(entry) || !sameEndpoint(told[at + run]!, entry)) return run;
  }
  return most;
}

/** Whether one of `ranks` was seen before; from now on all of them were. */
function hasSeen(seen: Uint8Array, ranks: Int32Array): boolean {
  for (let i = 0; i < ranks.length; i++) {
    const rank = ranks[i]!;
    if (seen[rank] === 1) return true;
    seen[rank] = 1;
  }
  return false;
}

function inverse(ranks: Int32Array): Int32Array {
  const places = new Int32Array(ranks.length);
  for (let place = 0; place < ranks.length; place++) places[ranks[place]!] = place;
  return places;
}

interface News {
  readonly seen: Uint8Array;
  readonly changed: ReadonlyMap<number, DirectoryEndpoint>;
  readonly fresh: readonly DirectoryEndpoint[];
}

interface Reading extends News {
  readonly origins: Int32Array;
  readonly addresses: Int32Array;
}

/** Puts together what stayed, what changed and what is fresh; undefined when an id came twice. */
function* merge(
  last: Listing,
  entries: readonly unknown[],
  { addresses, changed, fresh, origins, seen }: Reading,
): Sliceable<Listing | undefined> {
  const added = yield* listingOf(fresh, fresh);
  if (added.sorted.some(({ id }, i) => id === added.sorted[i - 1]?.id)) return undefined;
  const { ranks: newRanks, sorted } = splice(last.sorted, seen, added.sorted);
  yield;
  for (const [rank, endpoint] of changed) sorted[newRanks[rank]!] = endpoint;
  const freshRanks = added.sorted.map(({ id }) => rankOf(sorted, id));
  const ranks = new Int32Array(origins.length);
  const told: DirectoryEndpoint[] = [];
  for (let i = 0; i < origins.length; i++) {
    const origin = origins[i]!;
    const rank = origin >= 0 ? newRanks[origin]! : freshRanks[added.ranks[-1 - origin]!]!;
    ranks[i] = rank;
    told.push(sorted[rank]!);
    if (i % PIECE === 0) yield;
  }
  yield;
  const isSame = changed.size === 0 && fresh.length === 0 && sorted.length === last.sorted.length;
  return {
    sorted: isSame ? last.sorted : Object.freeze(sorted),
    told,
    entries: [...entries],
    ranks,
    addresses,
  };
}

/** Takes out who was not seen and puts in who was added; with the new rank of everybody who stayed. */
function splice(
  before: readonly DirectoryEndpoint[],
  seen: Uint8Array,
  added: readonly DirectoryEndpoint[],
): { readonly sorted: DirectoryEndpoint[]; readonly ranks: Int32Array } {
  const sorted: DirectoryEndpoint[] = [];
  const ranks = new Int32Array(before.length);
  const places = added.map(({ id }) => rankOf(before, id));
  let next = 0;
  for (let rank = 0; rank <= before.length; rank++) {
    while (places[next] === rank) sorted.push(added[next++]!);
    if (seen[rank] !== 1) continue;
    ranks[rank] = sorted.length;
    sorted.push(before[rank]!);
  }
  return { sorted, ranks };
}

/** Whether somebody else has the address of one of `moved`. */
function* hasClash({ addresses, told }: Listing, moved: readonly DirectoryEndpoint[]): Sliceable<boolean> {
  if (moved.length === 0) return false;
  const near = new Map<number, DirectoryEndpoint[]>();
  for (const endpoint of moved) near.set(addressHash(endpoint), []);
  for (let i = 0; i < told.length; i++) {
    near.get(addresses[i]!)?.push(told[i]!);
    if (i % PIECE === 0) yield;
  }
  return moved.some((one) =>
    near
      .get(addressHash(one))
      ?.some((other) => one !== other && one.host === other.host && one.port === other.port),
  );
}

function newsOf(last: Listing, next: Listing, { changed, fresh, seen }: News): Change {
  const { sorted } = last;
  const removed: DirectoryEndpoint[] = [];
  for (let rank = 0; rank < seen.length; rank++) if (seen[rank] === 0) removed.push(sorted[rank]!);
  const updated = [...changed]
    .toSorted(([a], [b]) => a - b)
    .map(([rank, endpoint]) => [sorted[rank]!, endpoint] as const);
  return { from: sorted, to: next.sorted, diff: { added: fresh.toSorted(byId), updated, removed } };
}

/** FNV-1a over the code units of the host, and the port. */
function addressHash({ host, port }: DirectoryEndpoint): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < host.length; i++) hash = Math.imul(hash ^ host.charCodeAt(i), 0x01000193);
  return Math.imul(hash ^ port, 0x01000193);
}
