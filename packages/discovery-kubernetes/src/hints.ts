import type { SliceEndpoint } from "./slice.ts";

/** Where this process runs, as far as it is known. */
export interface OwnPlace {
  readonly zone: string | undefined;
  readonly nodeName: string | undefined;
}

/** What the hints of a service come to for us. */
export interface Hints {
  /** How near an endpoint is meant to be; 0 takes everything while it can. */
  rank(endpoint: SliceEndpoint): number;
  /** Whether an endpoint of another zone is meant for ours. */
  isLent(endpoint: SliceEndpoint): boolean;
}

/**
 * Reads the topology hints of a service: which endpoints the control plane gave to the callers of which zone or node.
 * Followed only if every ready endpoint has such hints and one at least is for us, as kube-proxy does: hints that are half
 * written, or written for zones that changed, would send everything to a few endpoints, or to none.
 * @returns `undefined` where they are not to be followed
 */
export function readHints(
  endpoints: readonly SliceEndpoint[],
  { zone, nodeName }: OwnPlace,
): Hints | undefined {
  const ready = endpoints.filter(({ health }) => health === "healthy");
  const byNode = usable(ready, ({ hintedNodes }) => hintedNodes, nodeName);
  const byZone = usable(ready, ({ hintedZones }) => hintedZones, zone);
  // Nearest first.
  const circles = [byNode, byZone].filter((isOurs) => isOurs !== undefined);
  if (circles.length === 0) return undefined;
  return {
    rank: (endpoint) => {
      const found = circles.findIndex((isOurs) => isOurs(endpoint));
      return found < 0 ? circles.length : found;
    },
    isLent: (endpoint) => byZone?.(endpoint) === true && endpoint.zone !== zone,
  };
}

function usable(
  ready: readonly SliceEndpoint[],
  hintsOf: (endpoint: SliceEndpoint) => readonly string[],
  own: string | undefined,
): ((endpoint: SliceEndpoint) => boolean) | undefined {
  if (own === undefined || !ready.every((endpoint) => hintsOf(endpoint).length > 0)) return undefined;
  const isOurs = (endpoint: SliceEndpoint): boolean => hintsOf(endpoint).includes(own);
  return ready.some(isOurs) ? isOurs : undefined;
}
