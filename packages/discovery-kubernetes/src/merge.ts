import type { Endpoint, Health } from "@proxyless/core";
import { SourceError } from "@proxyless/core/discovery";

import { labelled } from "./labelled.ts";
import type { Candidate } from "./labelled.ts";
import type { AddressFamily } from "./options.ts";
import { choosePort } from "./port-choice.ts";
import type { Slice, SliceEndpoint } from "./slice.ts";

/** How the slices of a service become its endpoints. */
export interface Reading {
  readonly port: string | number | undefined;
  readonly family: AddressFamily;
  readonly zone: string | undefined;
  readonly nodeName: string | undefined;
  readonly hints: boolean;
}

/** The endpoints of a service. */
export interface Merged {
  readonly endpoints: readonly Endpoint[];
  readonly skipped: number;
}

const rank: Readonly<Record<Health, number>> = {
  healthy: 0,
  degraded: 1,
  unknown: 2,
  starting: 3,
  draining: 4,
  unhealthy: 5,
};

/**
 * Makes one list of all slices of a service. Where nobody is ready, those who terminate and still serve are called, as
 * kube-proxy does: they are `degraded` then instead of `draining`. What is
 * listed twice (while it moves from slice to slice, or under both of its addresses) is taken once: at its preferred
 * address, and there as ready as anybody says.
 * @throws SourceError of class `config` when it is unclear which port is wanted, `data` when no entry is usable
 */
export function mergeSlices(slices: readonly Slice[], reading: Reading): Merged {
  const portOf = choosePort(slices, reading.port);
  const chosen = new Map<string, Candidate>();
  const nameless: Candidate[] = [];
  let skipped = 0;
  for (const slice of slices) {
    skipped += slice.skipped;
    const port = portOf(slice);
    // A slice without any port, or without the number of one, is of no use; one without the wanted port is of other use.
    if (port === undefined && slice.ports.every((each) => each.port === undefined))
      skipped += slice.endpoints.length;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints) {
      if (!isWanted(endpoint, reading.family)) continue;
      const candidate = { ...port, endpoint };
      const { identity } = endpoint;
      if (identity === undefined) nameless.push(candidate);
      else keepBetter(chosen, identity, candidate, reading.family);
    }
  }
  for (const candidate of ofOneFamily(nameless, reading.family)) {
    keepBetter(chosen, addressOf(candidate), candidate, reading.family);
  }
  if (chosen.size === 0 && skipped > 0) {
    throw new SourceError("data", `none of ${skipped} endpoints in ${slices.length} slices is usable`);
  }
  return { endpoints: labelled(chosen, reading), skipped };
}

function keepBetter(
  chosen: Map<string, Candidate>,
  identity: string,
  candidate: Candidate,
  family: AddressFamily,
): void {
  const known = chosen.get(identity);
  if (known === undefined || order(candidate, family) < order(known, family)) chosen.set(identity, candidate);
}

function order({ endpoint }: Candidate, family: AddressFamily): number {
  return (endpoint.family === preferred(family) ? 0 : 10) + rank[endpoint.health];
}

function isWanted(endpoint: SliceEndpoint, family: AddressFamily): boolean {
  if (family === "ipv4") return endpoint.family === 4;
  return family !== "ipv6" || endpoint.family === 6;
}

function preferred(family: AddressFamily): 4 | 6 {
  return family === "ipv4" || family === "prefer-ipv4" ? 4 : 6;
}

/** Without an identity nobody can tell which two addresses are one endpoint's: one family's list is the whole list. */
function ofOneFamily(candidates: readonly Candidate[], family: AddressFamily): readonly Candidate[] {
  const better = candidates.filter(({ endpoint }) => endpoint.family === preferred(family));
  return better.length > 0 ? better : candidates;
}

function addressOf({ endpoint, port }: Candidate): string {
  return endpoint.family === 6 ? `[${endpoint.address}]:${port}` : `${endpoint.address}:${port}`;
}
