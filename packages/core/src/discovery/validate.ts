import type { Change } from "./diff.ts";
import { sameEndpoint } from "./equal.ts";
import { addressOf } from "./host.ts";
import { listingOf, readNext } from "./listing.ts";
import type { Listing } from "./listing.ts";
import type { DirectoryEndpoint } from "./resolution.ts";
import { workAtOnce } from "./slices.ts";
import type { Sliceable } from "./slices.ts";
import type { DiscoveryError, Snapshot } from "./source.ts";
import { readError } from "./trouble.ts";
import { healthRank, isLoose, isProblem, readEndpoint } from "./validate-endpoint.ts";

/** The outside of a snapshot, checked; the entries are not. */
export interface SnapshotHead {
  readonly kind: "bound" | "absent";
  readonly entries: readonly unknown[];
  readonly suspect: boolean;
  /** From a disk: it says nothing about now. */
  readonly cached: boolean;
  readonly explicit: boolean;
  /** What a part of the list suffers from. */
  readonly trouble: DiscoveryError | undefined;
  /** Beginnings of the ids of endpoints that the source has not heard of. */
  readonly unheard: readonly string[];
  readonly ageMs: number;
  /** Entries that the source itself left out. */
  readonly skipped: number;
}

/** The usable entries of a snapshot, sorted by id. */
export interface SnapshotBody {
  readonly endpoints: readonly DirectoryEndpoint[];
  /** The same in the order of the source; undefined where entries clashed. */
  readonly listing?: Listing;
  /** What came of what was known; undefined where that is not known without comparing them. */
  readonly change?: Change;
  readonly skipped: number;
  /** Why entries were skipped, most frequent first; empty when none were. */
  readonly reason: string;
}

/** As many entries as are read in one piece. */
const PIECE = 64;

/**
 * Checks everything of a snapshot but its entries. An unknown `trust` counts as suspect, which is the safe side.
 * @returns the head, or a sentence that says why the snapshot is refused as a whole
 */
export function readHead(raw: unknown, maxEndpoints: number): SnapshotHead | string {
  if (!isSnapshotLike(raw)) return "the snapshot is not an object";
  const { kind, endpoints, trust } = raw;
  if (kind !== "bound" && kind !== "absent") return "the snapshot's kind is neither bound nor absent";
  const absent = kind === "absent";
  if (!absent && !Array.isArray(endpoints)) return "the snapshot's endpoints are no array";
  const entries: readonly unknown[] = absent || !Array.isArray(endpoints) ? [] : endpoints;
  if (entries.length > maxEndpoints) {
    return `the snapshot has ${entries.length} endpoints, more than the limit of ${maxEndpoints}`;
  }
  return {
    kind,
    entries,
    suspect: trust !== "authoritative",
    cached: trust === "cached",
    trouble: raw.trouble === undefined ? undefined : readError(raw.trouble),
    unheard: readUnheard(raw.unheard),
    explicit: raw.explicitRemovals === true,
    ageMs: readAge(raw.ageMs),
    skipped: absent ? 0 : Math.floor(readAge(raw.skipped)),
  };
}

/** A finite number from 0, or 0 for anything else. */
export function readAge(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}

/** What is no list of texts is none. */
export function readUnheard(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each: unknown) => typeof each === "string") : [];
}

type Loose = {
  readonly [K in keyof Snapshot]?: unknown;
};

function isSnapshotLike(value: unknown): value is Loose {
  return typeof value === "object" && value !== null;
}

/**
 * Checks the entries one by one; a bad one is left out and counted. An entry equal to what is `known` under its id
 * becomes that very object, which makes an unchanged list cheap to check and to compare. Of two entries with one
 * id, or with one address, the one with the better health stays; among equals the one already known there, then the
 * smaller address or id, so that the order of the registry's list never matters.
 * @param last the listing of what is known, where there is one: it makes the work shorter, not different
 */
export function readBody(
  head: SnapshotHead,
  known: readonly DirectoryEndpoint[],
  last?: Listing,
): SnapshotBody {
  return workAtOnce(readingBody(head, known, last));
}

/** The same, piece by piece. */
export function* readingBody(
  head: SnapshotHead,
  known: readonly DirectoryEndpoint[],
  last?: Listing,
): Sliceable<SnapshotBody> {
  const reasons = new Map<string, number>();
  if (head.skipped > 0) reasons.set("not understood by the source", head.skipped);
  const near = yield* readNear(head, last);
  if (near !== undefined) return { ...near, endpoints: near.listing.sorted, ...summary(reasons) };
  const byId = new Map(known.map((endpoint) => [endpoint.id, endpoint]));
  const { told, from, movedTo } = yield* readAll(head, byId, reasons);
  const listing = yield* listingOf(told, from);
  const unclashed = isUnique(listing.sorted) ? listing.sorted : uniqueById(listing.sorted, byId, reasons);
  // What is known has unique addresses, so only an address that is new or moved can clash.
  const unique = movedTo.size === 0 ? unclashed : yield* uniqueByAddress(unclashed, movedTo, byId, reasons);
  const isWhole = unique === listing.sorted;
  return { endpoints: Object.freeze(unique), ...(isWhole ? { listing } : undefined), ...summary(reasons) };
}

function* readNear(head: SnapshotHead, last: Listing | undefined): ReturnType<typeof readNext> {
  if (last === undefined) return undefined;
  try {
    return yield* readNext(head.entries, last);
  } catch {
    // A getter threw; the full check says so.
    return undefined;
  }
}

interface Told {
  /** In the order of the source. */
  readonly told: readonly DirectoryEndpoint[];
  /** The entries that they were read from. */
  readonly from: readonly unknown[];
  /** Hosts at which there is somebody who was not there before. */
  readonly movedTo: ReadonlySet<string>;
}

function* readAll(
  head: SnapshotHead,
  known: ReadonlyMap<string, DirectoryEndpoint>,
  reasons: Map<string, number>,
): Sliceable<Told> {
  const told: DirectoryEndpoint[] = [];
  const from: unknown[] = [];
  const movedTo = new Set<string>();
  for (const [i, entry] of head.entries.entries()) {
    if (i % PIECE === 0) yield;
    let endpoint = knownAs(entry, known);
    if (endpoint === undefined) {
      const fresh = readEndpoint(entry);
      if (isProblem(fresh)) {
        count(reasons, `${fresh.field} is not ${fresh.expected}`);
        continue;
      }
      const previous = known.get(fresh.id);
      if (previous === undefined || addressOf(previous) !== addressOf(fresh)) movedTo.add(fresh.host);
      endpoint = previous !== undefined && sameEndpoint(previous, fresh) ? previous : fresh;
    }
    told.push(endpoint);
    from.push(entry);
  }
  return { told, from, movedTo };
}

function knownAs(
  entry: unknown,
  known: ReadonlyMap<string, DirectoryEndpoint>,
): DirectoryEndpoint | undefined {
  try {
    if (!isLoose(entry) || typeof entry.id !== "string") return undefined;
    const found = known.get(entry.id);
    return found !== undefined && sameEndpoint(found, entry) ? found : undefined;
  } catch {
    // A getter threw; the full check says so.
    return undefined;
  }
}

/** Whether in a list sorted by id no id comes twice. */
function isUnique(sorted: readonly DirectoryEndpoint[]): boolean {
  return sorted.every((endpoint, i) => i === 0 || endpoint.id !== sorted[i - 1]!.id);
}

function uniqueById(
  sorted: readonly DirectoryEndpoint[],
  known: ReadonlyMap<string, DirectoryEndpoint>,
  reasons: Map<string, number>,
): DirectoryEndpoint[] {
  const kept: DirectoryEndpoint[] = [];
  for (const endpoint of sorted) {
    const last = kept.at(-1);
    if (last?.id === endpoint.id) {
      const first = addressOf(last) <= addressOf(endpoint);
      kept[kept.length - 1] = first ? better(last, endpoint, known) : better(endpoint, last, known);
      count(reasons, "duplicate id");
    } else kept.push(endpoint);
  }
  return kept;
}

function* uniqueByAddress(
  sorted: readonly DirectoryEndpoint[],
  hosts: ReadonlySet<string>,
  known: ReadonlyMap<string, DirectoryEndpoint>,
  reasons: Map<string, number>,
): Sliceable<readonly DirectoryEndpoint[]> {
  const holders = new Map<string, DirectoryEndpoint>();
  const losers = new Set<DirectoryEndpoint>();
  for (const [i, endpoint] of sorted.entries()) {
    if (i % PIECE === 0) yield;
    if (!hosts.has(endpoint.host)) continue;
    const key = addressOf(endpoint);
    const holder = holders.get(key);
    const winner = holder === undefined ? endpoint : better(holder, endpoint, known);
    holders.set(key, winner);
    if (holder === undefined) continue;
    losers.add(winner === holder ? endpoint : holder);
    count(reasons, "duplicate address");
  }
  return losers.size === 0 ? sorted : sorted.filter((endpoint) => !losers.has(endpoint));
}

/** The one to keep of two that clash; `a` when nothing tells them apart. */
function better(
  a: DirectoryEndpoint,
  b: DirectoryEndpoint,
  known: ReadonlyMap<string, DirectoryEndpoint>,
): DirectoryEndpoint {
  const ranks = healthRank[a.health] - healthRank[b.health];
  if (ranks !== 0) return ranks < 0 ? a : b;
  const knowsA = known.get(a.id)?.host === a.host;
  const knowsB = known.get(b.id)?.host === b.host;
  return knowsB && !knowsA ? b : a;
}

function count(reasons: Map<string, number>, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

function summary(reasons: ReadonlyMap<string, number>): { skipped: number; reason: string } {
  let skipped = 0;
  for (const n of reasons.values()) skipped += n;
  const sorted = [...reasons].toSorted((a, b) => b[1] - a[1]);
  return { skipped, reason: sorted.map(([reason, n]) => `${n} × ${reason}`).join("; ") };
}
