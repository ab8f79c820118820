import type { EndpointView, ServiceView } from "@proxyless/core";

import { rounded } from "./rounded.ts";
import type { Candidate, Choice } from "./state.ts";

const maxOthers = 5;
const maxClosed = 10;

/**
 * What the choice of an endpoint is made of, as a service stands now. The one that was called is told apart from the others whether it is
 * open or not: the call itself may have closed it.
 */
export function choiceOf(
  { balancing, endpoints }: Pick<ServiceView, "balancing" | "endpoints">,
  address: string | undefined,
): Choice {
  const chosen = endpoints.find(({ endpoint }) => endpoint === address);
  const others: EndpointView[] = [];
  const closed: EndpointView[] = [];
  let othersOpen = 0;
  for (const endpoint of endpoints) {
    if (endpoint === chosen) continue;
    if (endpoint.gate.length > 0) closed.push(endpoint);
    else {
      othersOpen++;
      keepCheapest(others, endpoint);
    }
  }
  return {
    balancer: balancing.balancer,
    panic: balancing.panic,
    chosen: chosen && candidate(chosen),
    closedFor: chosen === undefined || chosen.gate.length === 0 ? undefined : reasonsOf(chosen),
    others: others.map(candidate),
    othersOpen,
    closed: closed
      .slice(0, maxClosed)
      .map((endpoint) => ({ address: endpoint.endpoint, reasons: reasonsOf(endpoint) })),
    closedInAll: closed.length,
  };
}

/** Keeps a short list in order, so that a long one need not be sorted. */
function keepCheapest(kept: EndpointView[], endpoint: EndpointView): void {
  const cost = endpoint.cost ?? 0;
  if (kept.length === maxOthers && cost >= (kept.at(-1)?.cost ?? 0)) return;
  const at = kept.findIndex((each) => (each.cost ?? 0) > cost);
  kept.splice(at === -1 ? kept.length : at, 0, endpoint);
  kept.length = Math.min(kept.length, maxOthers);
}

function reasonsOf({ gate }: EndpointView): string {
  return gate.map(({ text }) => text).join(", ");
}

function candidate({ cost, endpoint, latencyMs, pending }: EndpointView): Candidate {
  return {
    address: endpoint,
    cost: cost === undefined || !Number.isFinite(cost) ? undefined : rounded(cost, 100),
    pending,
    latencyMs: latencyMs === undefined ? undefined : rounded(latencyMs, 100),
  };
}
