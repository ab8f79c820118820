import type { Endpoint, Locality } from "@proxyless/core";

import { readHints } from "./hints.ts";
import type { OwnPlace } from "./hints.ts";
import type { ChosenPort } from "./port-choice.ts";
import type { SliceEndpoint } from "./slice.ts";

/** An endpoint of a slice with the port that is called. */
export interface Candidate extends ChosenPort {
  readonly endpoint: SliceEndpoint;
}

type Mutable = { -readonly [K in keyof Endpoint]: Endpoint[K] };

/**
 * Endpoints as the directory wants them, by their ids. Topology hints become priorities; an endpoint that another zone lends
 * to ours counts as ours in its locality, so that balancing by zones does not undo the loan, and has its own zone in
 * the metadata.
 */
export function labelled(
  chosen: ReadonlyMap<string, Candidate>,
  own: OwnPlace & { readonly hints: boolean },
): readonly Endpoint[] {
  const known = [...chosen.values()].map(({ endpoint }) => endpoint);
  const isReady = known.some(({ health }) => health === "healthy");
  const hints = own.hints ? readHints(known, own) : undefined;
  const endpoints: Endpoint[] = [];
  for (const [id, { endpoint, port, scheme }] of chosen) {
    const { address: host, health, zone } = endpoint;
    const isLent = hints?.isLent(endpoint) === true;
    const made: Mutable = {
      id,
      host,
      port,
      weight: 1,
      priority: hints?.rank(endpoint) ?? 0,
      health: health === "draining" && !isReady ? "degraded" : health,
      metadata: isLent && zone !== undefined ? { ...endpoint.metadata, zone } : endpoint.metadata,
    };
    if (scheme !== undefined) made.scheme = scheme;
    const locality = localityOf(endpoint, isLent ? own.zone : zone);
    if (locality !== undefined) made.locality = locality;
    endpoints.push(made);
  }
  return endpoints;
}

function localityOf({ region }: SliceEndpoint, zone: string | undefined): Locality | undefined {
  if (zone === undefined && region === undefined) return undefined;
  return { ...(region === undefined ? {} : { region }), ...(zone === undefined ? {} : { zone }) };
}
