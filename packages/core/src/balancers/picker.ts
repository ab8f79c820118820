import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";

/** What a pick may look at. */
export interface PickContext {
  /** The mesh clock's time of this pick. */
  readonly now: number;
  /** Endpoints this call has tried already; undefined on the first attempt. */
  readonly tried: readonly EndpointState[] | undefined;
  /** What hash-based balancers hash. */
  readonly hashKey: string | undefined;
}

/** The endpoints a pick compared, the choice first; filled only when somebody asked why. */
export type PickTrace = { readonly endpoint: EndpointState; readonly cost: number }[];

/**
 * A momentary, immutable view of a service that chooses an endpoint. It is replaced whenever the set of endpoints
 * changes; a pick does no work that grows with their number.
 */
export interface Picker {
  /** An endpoint, or undefined when the service has none. Avoids the tried ones while there are others. */
  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined;
}

/** What a balancer builds pickers with. */
export interface PickerDeps {
  readonly table: LoadTable;
  readonly random: Random;
}

/** Builds a picker for each new set of endpoints. */
export interface Balancer {
  readonly name: string;
  build(endpoints: readonly EndpointState[], deps: PickerDeps): Picker;
}

/** The picker of a service without endpoints. */
export const emptyPicker: Picker = { pick: () => undefined };

/**
 * The first untried endpoint from `start` on, round and round; the one at `start` when all were tried. Only
 * retries come here.
 */
export function nextUntried(
  endpoints: readonly EndpointState[],
  start: number,
  tried: readonly EndpointState[],
): EndpointState | undefined {
  for (let step = 0; step < endpoints.length; step++) {
    const endpoint = endpoints[(start + step) % endpoints.length]!;
    if (!tried.includes(endpoint)) return endpoint;
  }
  return endpoints[start % endpoints.length];
}
