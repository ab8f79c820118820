import type { Clock } from "../clock.ts";
import type { AttemptResult } from "../endpoints/attempt-result.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { Random } from "../random.ts";

/** The request that an endpoint is picked for. */
export interface PickRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** The path's template (`/orders/{id}`), where the caller named one. */
  readonly template?: string | undefined;
  /** Name, value, name, value… */
  readonly headers: readonly string[];
}

/** What a pick may look at. */
export interface PickContext {
  readonly request: PickRequest;
  /** The mesh clock's time of this pick. */
  readonly now: number;
  /** Endpoints this call has tried already; undefined on the first attempt. */
  readonly tried: readonly EndpointState[] | undefined;
  /** What the call says is to be hashed; comes before what the balancer would hash of the request. */
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
  /** What an endpoint costs now, where the balancer goes by cost; shown by inspection. */
  cost?(endpoint: EndpointState, now: number): number;
  /** Hears how each attempt ended that this picker, or one it replaced, chose an endpoint for. */
  settled?(endpoint: EndpointState, result: AttemptResult, now: number): void;
  /** The service is closed: ends what the picker started. Not called on a picker that was replaced. */
  close?(): void;
}

/** What a balancer builds pickers with. */
export interface PickerDeps {
  readonly table: LoadTable;
  readonly random: Random;
  readonly clock: Clock;
  /** Asks an endpoint something outside of any call, over the service's own connections. Rejects when no 2xx comes in time. */
  readonly probe: (endpoint: EndpointState, path: string, timeoutMs: number) => Promise<ProbeAnswer>;
}

/** What a probe brought. */
export interface ProbeAnswer {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Builds a picker for each new set of endpoints. */
export interface Balancer {
  readonly name: string;
  /**
   * It keeps keys to endpoints: traffic is then not divided between zones or priorities by chance before it is asked, and by
   * default neither zones nor a subset narrow its choice, so that every process finds the same endpoint for a key.
   */
  readonly consistent?: boolean;
  /**
   * `endpoints` are those that may be picked, in no particular order. `previous` is a picker of the same balancer, of the list
   * before, or of another part of the traffic where that is divided between zones or priorities: the place to take state from that
   * must outlive a change of the list (turns, averages, probes). Take over the thing itself, not a copy, and keep it by endpoint:
   * the pickers of all parts then have it in common, of which one alone is told how attempts ended.
   *
   * `parts` is given only to a {@link Balancer.consistent} balancer, where traffic is divided: of each endpoint's weight, what is to
   * count, above 0 to 1, in the order of `endpoints`.
   */
  build(
    endpoints: readonly EndpointState[],
    deps: PickerDeps,
    previous?: Picker,
    parts?: Float64Array,
  ): Picker;
}

/** The picker of a service without endpoints. */
export const emptyPicker: Picker = { pick: () => undefined };

/** How many closed endpoints a pick passes over before it takes one anyway (Finagle's panic mode at 1 % for a half-closed set). */
export const MAX_EFFORT = 5;

/**
 * The first usable endpoint from `start` on, round and round: untried and open; if there is none, one that is untried; if
 * there is none either, the one at `start`. Passes over {@link MAX_EFFORT} closed ones at most, so that a set in which nothing
 * is open costs no more than another: it then takes the first untried one (a panic pick).
 */
export function nextUsable(
  endpoints: readonly EndpointState[],
  start: number,
  tried: readonly EndpointState[] | undefined,
  table: LoadTable,
): EndpointState | undefined {
  let closed: EndpointState | undefined;
  let effort = 0;
  for (let step = 0; step < endpoints.length; step++) {
    const endpoint = endpoints[(start + step) % endpoints.length]!;
    if (tried?.includes(endpoint) === true) continue;
    if (!table.isClosed(endpoint.offset)) return endpoint;
    closed ??= endpoint;
    if (++effort === MAX_EFFORT) break;
  }
  return closed ?? endpoints[start % endpoints.length];
}
