import type { SliceEndpoint } from "./slice.ts";

/** Where this process runs, as far as it is known. */
export interface OwnPlace {
  readonly zone: string | undefined;
  readonly nodeName: string | undefined;
}

/** Which hints are followed. */
export interface Followed {
  readonly byNode: boolean;
  readonly byZone: boolean;
}

/** How many ready endpoints there are, have hints, and are meant for us by them. */
export class HintCount {
  ready = 0;
  #withNodes = 0;
  #forOurNode = 0;
  #withZones = 0;
  #forOurZone = 0;

  /** Counts one endpoint. */
  add(endpoint: SliceEndpoint, { zone, nodeName }: OwnPlace): void {
    if (endpoint.health !== "healthy") return;
    const { hintedNodes, hintedZones } = endpoint;
    this.ready++;
    if (hintedNodes.length > 0) this.#withNodes++;
    if (hintedZones.length > 0) this.#withZones++;
    if (isNamed(hintedNodes, nodeName)) this.#forOurNode++;
    if (isNamed(hintedZones, zone)) this.#forOurZone++;
  }

  /** Counts what another one counted. */
  addAll(other: HintCount): void {
    this.ready += other.ready;
    this.#withNodes += other.#withNodes;
    this.#forOurNode += other.#forOurNode;
    this.#withZones += other.#withZones;
    this.#forOurZone += other.#forOurZone;
  }

  /**
   * Which hints of a service are to be followed: those that every ready endpoint has and of which one at least is for us,
   * as kube-proxy does. Hints that are half written, or written for zones that changed, would send everything to a few
   * endpoints, or to none.
   */
  followed(): Followed {
    return {
      byNode: this.#forOurNode > 0 && this.#withNodes === this.ready,
      byZone: this.#forOurZone > 0 && this.#withZones === this.ready,
    };
  }
}

/** How near an endpoint is meant to be; 0 takes everything while it can. */
export function rankOf(endpoint: SliceEndpoint, own: OwnPlace, { byNode, byZone }: Followed): number {
  if (byNode && isNamed(endpoint.hintedNodes, own.nodeName)) return 0;
  // Those of our node are the nearest where nodes are hinted at all.
  const next = byNode ? 1 : 0;
  return !byZone || isNamed(endpoint.hintedZones, own.zone) ? next : next + 1;
}

/** Whether an endpoint of another zone is meant for ours. */
export function isLent(endpoint: SliceEndpoint, { zone }: OwnPlace, { byZone }: Followed): boolean {
  return byZone && isNamed(endpoint.hintedZones, zone) && endpoint.zone !== zone;
}

function isNamed(names: readonly string[], own: string | undefined): boolean {
  return own !== undefined && names.includes(own);
}
