import { hash } from "node:crypto";

import { configError } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";
import { merge } from "@proxyless/core/discovery";

/** A part of Consul that is watched by itself. */
export interface Place {
  /** The agent's own when neither this nor a peer is named. */
  readonly datacenter?: string;
  readonly peer?: string;
}

/** Where to look, best first. */
export function placesOf(datacenters: readonly string[], peers: readonly string[]): readonly Place[] {
  const places = [...datacenters.map((datacenter) => ({ datacenter })), ...peers.map((peer) => ({ peer }))];
  return places.length === 0 ? [{}] : places;
}

/**
 * One source for all places: a single one is itself; several are merged, each with its own watch, index, connections and
 * protections, and the position as priority.
 * @param make makes the source of a place; `isPart` when its endpoints get the place's name in front of their ids
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` when two places have the same name
 */
export function inPlaces(
  name: string,
  places: readonly Place[],
  make: (place: Place, isPart: boolean) => DiscoverySource,
): DiscoverySource {
  const [only] = places;
  if (places.length === 1 && only !== undefined) return make(only, false);
  const sources = Object.fromEntries(places.map((place) => [labelOf(place), make(place, true)]));
  if (Object.keys(sources).length < places.length) {
    throw configError(
      "peer",
      "names that are different from the datacenters'",
      places.map(labelOf).join(", "),
    );
  }
  return { ...merge(sources, { mode: "failover", priorityStep: 1 }), name };
}

/** The name of a datacenter, `peer-…` of a peer; what is too long or too odd for a label is cut and told apart by a digest. */
function labelOf({ datacenter, peer }: Place): string {
  const wanted = peer === undefined ? (datacenter ?? "local") : `peer-${peer}`;
  if (/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/.test(wanted)) return wanted;
  return `dc-${wanted.replaceAll(/[^A-Za-z0-9_.-]/g, "-").slice(0, 20)}-${hash("sha256", wanted).slice(0, 8)}`;
}
