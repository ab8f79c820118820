import type { Clock, TimerHandle } from "../clock.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { LoadTable } from "../endpoints/load-table.ts";
import type { EventHub } from "../event-hub.ts";

/** What endpoints are let go with. */
export interface LeavingOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly events: EventHub;
  /** How long an endpoint that left may finish its calls, in milliseconds. */
  readonly drainMs: number;
  /** Closes the connections of an endpoint; `abort` also ends what is in flight on them. */
  readonly disconnect: (endpoint: EndpointState, abort: boolean) => void;
}

/** Endpoints that left and still have calls in flight, each with the timer that ends its patience. */
export class LeavingEndpoints {
  readonly #options: LeavingOptions;
  readonly #table: LoadTable;
  readonly #timers = new Map<EndpointState, TimerHandle>();

  constructor(options: LeavingOptions, table: LoadTable) {
    this.#options = options;
    this.#table = table;
  }

  [Symbol.iterator](): IterableIterator<EndpointState> {
    return this.#timers.keys();
  }

  /** Nobody picks it any more: lets go of it when its calls are over. */
  add(state: EndpointState): void {
    const { clock, disconnect, drainMs, events, service } = this.#options;
    state.leaving = true;
    const inFlight = state.pending;
    if (events.wants("endpoint.removed")) {
      events.emit({ type: "endpoint.removed", service, endpoint: state.address, id: state.id, inFlight });
    }
    if (inFlight === 0) {
      this.#release(state);
      return;
    }
    const abort = (): void => {
      disconnect(state, true);
    };
    this.#timers.set(state, clock.setTimer(abort, drainMs, undefined, true));
  }

  /** An attempt on one of them is over: lets go of the endpoint when it was the last one. */
  settled(state: EndpointState): void {
    const timer = this.#timers.get(state);
    if (timer === undefined || state.pending > 0) return;
    this.#options.clock.clearTimer(timer);
    this.#release(state);
  }

  /** Ends every connection. Attempts that are still in flight fail. */
  close(): void {
    const { clock, disconnect } = this.#options;
    for (const [state, timer] of this.#timers) {
      clock.clearTimer(timer);
      disconnect(state, true);
    }
    this.#timers.clear();
  }

  #release(state: EndpointState): void {
    const { disconnect, events, service } = this.#options;
    this.#timers.delete(state);
    disconnect(state, false);
    this.#table.release(state.offset);
    if (events.wants("endpoint.drained")) {
      events.emit({ type: "endpoint.drained", service, endpoint: state.address, id: state.id });
    }
  }
}
