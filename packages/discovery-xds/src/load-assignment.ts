import type { Endpoint, Locality } from "@proxyless/core";
import type { Sliceable } from "@proxyless/core/discovery";

import { millisecondsOf } from "./basic-messages.ts";
import type { LocalityMessage } from "./basic-messages.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import type { ClusterLoadAssignment } from "./endpoint-messages.ts";
import { KnownEntries } from "./known-entries.ts";
import type { KnownEntry } from "./known-entries.ts";
import { readGroup } from "./locality-group.ts";
import type { Group } from "./locality-group.ts";

/** A share of calls that the control plane wants dropped. */
export interface DropOverload {
  readonly category: string;
  /** 0 to 1. */
  readonly ratio: number;
}

/** The endpoints of a cluster. */
export interface LoadAssignment {
  readonly endpoints: readonly Endpoint[];
  /** Entries that are no endpoint that HTTP can reach. */
  readonly skipped: number;
  readonly dropOverloads: readonly DropOverload[];
  /** 1.4 means that a priority is fully able with 1/1.4 of its endpoints; the mesh's own value is 1.4 too. */
  readonly overprovisioning: number | undefined;
  readonly staleAfterMs: number | undefined;
}

/** So many endpoints are made in one piece. */
const PIECE = 128;
const maxUint32 = 4_294_967_295;
const maxWeight = 1_000_000;
const noLocality: Locality = Object.freeze({});

/**
 * Reads endpoints and checks them as gRPC does: every locality is named, at most once in a priority; priorities count
 * from 0 without a gap; no address is there twice; weights add up to no more than 32 bits. One entry that has no address
 * for HTTP is left out and counted, unless there is no other.
 * @param isInline it stands in a cluster, of which types resolve names: localities may be missing, as Envoy has them
 * @param known the entries of the assignment of that name before, from here on those of this one
 * @throws Error with what is wrong
 */
export function* readAssignment(
  message: ClusterLoadAssignment,
  isInline = false,
  known: KnownEntries = new KnownEntries(),
): Sliceable<LoadAssignment> {
  let isGood = false;
  try {
    const assignment = yield* readGroups(message, isInline, known);
    isGood = true;
    return assignment;
  } finally {
    known.end(isGood);
  }
}

function* readGroups(
  message: ClusterLoadAssignment,
  isInline: boolean,
  known: KnownEntries,
): Sliceable<LoadAssignment> {
  const groups: Group[] = [];
  for (const bytes of message.endpoints) groups.push(yield* readGroup(bytes, known));
  checkPriorities(groups);
  const weigh = new Weights(groups);
  const endpoints: Endpoint[] = [];
  let skipped = 0;
  for (const group of groups) {
    if (group.locality === null || group.locality === undefined) {
      if (!isInline) throw new Error("a locality is missing");
    }
    skipped += yield* addEndpoints(group, weigh.factorOf(group), endpoints);
  }
  const repeated = yield* known.repeated();
  if (repeated !== undefined) throw new Error(`the address ${repeated} is there twice`);
  if (endpoints.length === 0 && skipped > 0) {
    throw new Error(`none of ${skipped} endpoints has an address and a port for HTTP`);
  }
  const { policy } = message;
  const factor = policy?.overprovisioningFactor?.value;
  return {
    endpoints,
    skipped,
    dropOverloads: (policy?.dropOverloads ?? []).map(({ category, dropPercentage }) => ({
      category,
      ratio: ratioOf(dropPercentage),
    })),
    overprovisioning: factor === undefined ? undefined : factor / 100,
    staleAfterMs: millisecondsOf(policy?.endpointStaleAfter),
  };
}

/** @returns how many were left out */
function* addEndpoints(
  { entries, locality: place, priority }: Group,
  factor: number,
  to: Endpoint[],
): Sliceable<number> {
  const locality = readLocality(place);
  let skipped = 0;
  for (const [i, entry] of entries.entries()) {
    if (i % PIECE === 0) yield;
    const { address } = entry;
    if (address === undefined) {
      skipped++;
      continue;
    }
    const weight = Math.min(entry.weight * factor, maxWeight);
    to.push(makeEndpoint(entry, address, { weight, priority, locality }));
  }
  return skipped;
}

/** What an entry is in its locality: the very object it was, where nothing is new. */
function makeEndpoint(
  entry: KnownEntry,
  address: EndpointAddress,
  { locality, priority, weight }: Required<Pick<Endpoint, "weight" | "priority" | "locality">>,
): Endpoint {
  const { endpoint: last, labels } = entry;
  if (last?.weight === weight && last.priority === priority && isSamePlace(last.locality, locality))
    return last;
  const made: Endpoint = {
    ...address,
    weight,
    priority,
    health: entry.health,
    metadata: labels.metadata,
    ...(labels.version === undefined ? {} : { version: labels.version }),
    ...(locality === noLocality ? {} : { locality }),
  };
  entry.endpoint = made;
  return made;
}

function isSamePlace(a: Locality = noLocality, b: Locality): boolean {
  return a.region === b.region && a.zone === b.zone && a.subZone === b.subZone;
}

function checkPriorities(groups: readonly Group[]): void {
  const priorities = new Map<number, Set<string>>();
  for (const { locality, priority } of groups) {
    const names = priorities.get(priority) ?? new Set<string>();
    const { region = "", zone = "", subZone = "" } = locality ?? {};
    const name = JSON.stringify([region, zone, subZone]);
    // Entries without a locality are those of a cluster that resolves names, which may be many.
    const isNamed = locality !== null && locality !== undefined;
    if (isNamed && names.has(name)) {
      throw new Error(`the locality ${name} is there twice with priority ${priority}`);
    }
    names.add(name);
    priorities.set(priority, names);
  }
  for (let priority = 0; priority < priorities.size; priority++) {
    if (!priorities.has(priority)) throw new Error(`priority ${priority} is missing below others`);
  }
}

/**
 * What the weights of localities make of those of endpoints. A locality gets a share in proportion to its weight, which
 * its endpoints divide: `locality weight × endpoint weight / sum of the locality's endpoint weights`. The plain product
 * would give ten endpoints a hundredfold of what one gets where a locality weighs as much as its endpoints together, which
 * is what Istio writes. Where no locality has a weight endpoints have their own; where some have, the others get nothing.
 */
class Weights {
  readonly #isWeighted: boolean;
  readonly #scale: number;

  constructor(groups: readonly Group[]) {
    this.#isWeighted = groups.some(({ loadBalancingWeight }) => (loadBalancingWeight?.value ?? 0) > 0);
    const totals = new Map<number, number>();
    let largest = 1;
    for (const group of groups) {
      const { heaviest, loadBalancingWeight, priority, sum } = group;
      if (sum > maxUint32)
        throw new Error("the weights of a locality's endpoints add up to more than 32 bits");
      const total = (totals.get(priority) ?? 0) + (loadBalancingWeight?.value ?? 0);
      if (total > maxUint32) {
        throw new Error(
          `the weights of the localities with priority ${priority} add up to more than 32 bits`,
        );
      }
      totals.set(priority, total);
      largest = Math.max(largest, heaviest * this.#shareOf(group));
    }
    // Weights beyond the mesh's largest become smaller together, or they would all be the same.
    this.#scale = largest > maxWeight ? maxWeight / largest : 1;
  }

  /** What the weight of each of its endpoints is multiplied by. */
  factorOf(group: Group): number {
    return this.#shareOf(group) * this.#scale;
  }

  #shareOf(group: Group): number {
    if (!this.#isWeighted) return 1;
    const weight = group.loadBalancingWeight?.value ?? 0;
    return group.sum === 0 ? 0 : weight / group.sum;
  }
}

function readLocality(message: LocalityMessage | null | undefined): Locality {
  const { region = "", zone = "", subZone = "" } = message ?? {};
  if (region === "" && zone === "" && subZone === "") return noLocality;
  return {
    ...(region === "" ? {} : { region }),
    ...(zone === "" ? {} : { zone }),
    ...(subZone === "" ? {} : { subZone }),
  };
}

function ratioOf(
  percentage: { readonly numerator: number; readonly denominator: number } | null | undefined,
): number {
  if (percentage === null || percentage === undefined) return 0;
  const denominator = [100, 10_000, 1_000_000][percentage.denominator] ?? 100;
  return Math.min(1, percentage.numerator / denominator);
}
