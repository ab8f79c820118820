import type { Endpoint, Locality } from "@proxyless/core";

import { isLent, rankOf } from "./hints.ts";
import type { Followed, OwnPlace } from "./hints.ts";
import type { ChosenPort } from "./port-choice.ts";
import type { SliceEndpoint } from "./slice.ts";

/** What the labels of an endpoint take from all the others of its service. */
export interface Labels extends Followed {
  /** Somebody is ready, so that nobody who terminates has to be called. */
  readonly isReady: boolean;
}

type Mutable = { -readonly [K in keyof Endpoint]: Endpoint[K] };

/**
 * An endpoint as the directory wants it. Topology hints become priorities; an endpoint that another zone lends to ours
 * counts as ours in its locality, so that balancing by zones does not undo the loan, and has its own zone in the metadata.
 */
export function labelled(
  id: string,
  endpoint: SliceEndpoint,
  { port, scheme }: ChosenPort,
  own: OwnPlace,
  labels: Labels,
): Endpoint {
  const { address: host, health, zone } = endpoint;
  const lent = isLent(endpoint, own, labels);
  const made: Mutable = {
    id,
    host,
    port,
    weight: 1,
    priority: rankOf(endpoint, own, labels),
    health: health === "draining" && !labels.isReady ? "degraded" : health,
    metadata: lent && zone !== undefined ? { ...endpoint.metadata, zone } : endpoint.metadata,
  };
  if (scheme !== undefined) made.scheme = scheme;
  const locality = localityOf(endpoint, lent ? own.zone : zone);
  if (locality !== undefined) made.locality = locality;
  return made;
}

function localityOf({ region }: SliceEndpoint, zone: string | undefined): Locality | undefined {
  if (zone === undefined && region === undefined) return undefined;
  return { ...(region === undefined ? {} : { region }), ...(zone === undefined ? {} : { zone }) };
}
