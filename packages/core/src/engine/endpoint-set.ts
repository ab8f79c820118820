import { emptyPicker } from "../balancers/picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "../balancers/picker.ts";
import type { Clock, TimerHandle } from "../clock.ts";
import type { Endpoint } from "../discovery/source.ts";
import type { AttemptResult } from "../endpoints/attempt-result.ts";
import { EndpointState } from "../endpoints/endpoint-state.ts";
import { LoadTable } from "../endpoints/load-table.ts";
import { selectTier } from "../endpoints/tiers.ts";
import type { EventHub, PickFlag } from "../events.ts";
import type { Random } from "../random.ts";

/** A change of the list, as the directory reports it. */
export interface EndpointDiff {
  readonly added: readonly Endpoint[];
  readonly updated: readonly (readonly [Endpoint, Endpoint])[];
  readonly removed: readonly Endpoint[];
}

export interface EndpointSetOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  /** How long an endpoint that left may finish its calls, in milliseconds. */
  readonly drainMs: number;
  /** Closes the connections of an endpoint; `abort` also ends what is in flight on them. */
  readonly disconnect: (endpoint: EndpointState, abort: boolean) => void;
  /** Asks an endpoint something outside of any call. */
  readonly probe: PickerDeps["probe"];
}

/** The endpoints as one balancer sees them: the service's own, or that of a route. */
export interface EndpointView {
  readonly balancer: Balancer;
  /** Replaced on every change. */
  picker: Picker;
}

/**
 * The endpoints of one service and the pickers over them. A change keeps the statistics of the endpoints that stay,
 * installs new pickers first, and only then lets go of what left.
 */
export class EndpointSet {
  readonly #views: EndpointView[] = [];
  readonly #options: EndpointSetOptions;
  readonly #table = new LoadTable();
  readonly #members = new Map<string, EndpointState>();
  /** Endpoints that left and still have calls in flight, with the timer that ends their patience. */
  readonly #leaving = new Map<EndpointState, TimerHandle>();
  #panicking = false;
  /** By address, for callers who name one; made when the first does, after each change. */
  #byAddress: Map<string, EndpointState> | undefined;
  /** How the last pick was made. */
  flag: PickFlag = "LB";
  /** Picks of an endpoint whose gate is closed, because nothing better was found. */
  panics = 0;

  constructor(options: EndpointSetOptions) {
    this.#options = options;
  }

  /** The endpoints as `balancer` sees them; one view serves all routes that have the same one. */
  view(balancer: Balancer): EndpointView {
    const known = this.#views.find((other) => other.balancer === balancer);
    if (known !== undefined) return known;
    const view = { balancer, picker: emptyPicker };
    this.#views.push(view);
    if (this.#members.size > 0) this.#rebuild();
    return view;
  }

  /**
   * Chooses an endpoint for one attempt; undefined when the service has none. How it was chosen stands in
   * {@link EndpointSet.flag} until the next pick.
   * @param wanted addresses that the caller prefers to the balancer's choice, best first
   */
  pick(
    view: EndpointView,
    context: PickContext,
    wanted: string | readonly string[] | undefined,
    trace?: PickTrace,
  ): EndpointState | undefined {
    if (wanted !== undefined) {
      const endpoint = this.#open(wanted, context.tried);
      if (endpoint !== undefined) return this.#flagged("OH", endpoint, trace);
    }
    const endpoint = view.picker.pick(context, trace);
    const isPanic =
      endpoint !== undefined && this.#table.troubled > 0 && this.#table.isClosed(endpoint.offset);
    this.flag = isPanic ? "PA" : "LB";
    if (isPanic) this.panics++;
    return endpoint;
  }

  #flagged(flag: PickFlag, endpoint: EndpointState, trace: PickTrace | undefined): EndpointState {
    this.flag = flag;
    trace?.push({ endpoint, cost: 0 });
    return endpoint;
  }

  /** The first of the addresses that is an untried endpoint which may be picked. */
  #open(
    wanted: string | readonly string[],
    tried: readonly EndpointState[] | undefined,
  ): EndpointState | undefined {
    this.#byAddress ??= new Map(Array.from(this.#members.values(), (state) => [state.address, state]));
    for (const address of typeof wanted === "string" ? [wanted] : wanted) {
      const state = this.#byAddress.get(address);
      if (state === undefined || state.gate.length > 0 || tried?.includes(state) === true) continue;
      return state;
    }
    return undefined;
  }

  /** Looks after what no call does; about once a second. */
  tick(_now: number): void {}

  /** An attempt begins. */
  started(state: EndpointState, now: number): void {
    state.usedAt = now;
    this.#table.started(state.offset);
  }

  /** An attempt ended: every book on the endpoint is kept here. */
  settled(state: EndpointState, view: EndpointView, result: AttemptResult, now: number): void {
    const table = this.#table;
    table.finished(state.offset);
    const { latencyMs, outcome } = result;
    if (outcome === "success") table.succeeded(state.offset, latencyMs, now);
    else if (outcome !== "ignored") table.failed(state.offset, now);
    view.picker.settled?.(state, result, now);
    if (state.leaving) this.#finished(state);
  }

  get size(): number {
    return this.#members.size;
  }

  /** The present endpoints, then those that left and are not finished. */
  *[Symbol.iterator](): IterableIterator<EndpointState> {
    yield* this.#members.values();
    yield* this.#leaving.keys();
  }

  apply(diff: EndpointDiff): void {
    const { events, service } = this.#options;
    const gone: EndpointState[] = [];
    for (const spec of diff.removed) {
      const state = this.#members.get(spec.id);
      if (state === undefined) continue;
      this.#members.delete(spec.id);
      gone.push(state);
    }
    for (const spec of diff.added) {
      const state = this.#add(spec);
      if (events.wants("endpoint.added")) {
        events.emit({ type: "endpoint.added", service, endpoint: state.address, id: state.id });
      }
    }
    for (const [, spec] of diff.updated) {
      const before = this.#members.get(spec.id);
      const state = before === undefined || needsNewConnections(before.spec, spec) ? this.#add(spec) : before;
      if (state === before) state.update(spec);
      else if (before !== undefined) gone.push(before);
      if (events.wants("endpoint.updated")) {
        events.emit({ type: "endpoint.updated", service, endpoint: state.address, id: state.id });
      }
    }
    this.#rebuild();
    for (const state of gone) this.#leave(state);
  }

  /** An attempt on an endpoint that left is over: lets go of the endpoint when it was the last one. */
  #finished(state: EndpointState): void {
    const timer = this.#leaving.get(state);
    if (timer === undefined || state.pending > 0) return;
    this.#options.clock.clearTimer(timer);
    this.#release(state);
  }

  /** Ends every connection. Attempts that are still in flight fail. */
  close(): void {
    for (const [state, timer] of this.#leaving) {
      this.#options.clock.clearTimer(timer);
      this.#options.disconnect(state, true);
    }
    for (const state of this.#members.values()) this.#options.disconnect(state, true);
    this.#leaving.clear();
    this.#members.clear();
    for (const view of this.#views) {
      view.picker.close?.();
      view.picker = emptyPicker;
    }
  }

  #add(spec: Endpoint): EndpointState {
    const state = new EndpointState(spec, this.#table, this.#options.clock.now());
    this.#members.set(spec.id, state);
    return state;
  }

  #rebuild(): void {
    this.#byAddress = undefined;
    const { clock, events, probe, random, service } = this.#options;
    const tier = selectTier(this.#members.values());
    const deps = { table: this.#table, random, clock, probe };
    for (const view of this.#views) {
      const previous = view.picker === emptyPicker ? undefined : view.picker;
      view.picker = view.balancer.build(tier.endpoints, deps, previous);
    }
    if (tier.panic && !this.#panicking && events.wants("balancer.panicked")) {
      const endpoints = tier.endpoints.length;
      events.emit({ type: "balancer.panicked", service, endpoints, healthy: tier.healthy });
    }
    this.#panicking = tier.panic;
  }

  #leave(state: EndpointState): void {
    const { clock, disconnect, drainMs, events, service } = this.#options;
    state.leaving = true;
    state.gate = ["draining"];
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
    this.#leaving.set(state, clock.setTimer(abort, drainMs, undefined, true));
  }

  #release(state: EndpointState): void {
    const { disconnect, events, service } = this.#options;
    this.#leaving.delete(state);
    disconnect(state, false);
    this.#table.release(state.offset);
    if (events.wants("endpoint.drained")) {
      events.emit({ type: "endpoint.drained", service, endpoint: state.address, id: state.id });
    }
  }
}

/** Another address or TLS name under the same identity is another machine: nothing measured carries over. */
function needsNewConnections(before: Endpoint, after: Endpoint): boolean {
  return (
    before.host !== after.host ||
    before.port !== after.port ||
    before.scheme !== after.scheme ||
    before.serverName !== after.serverName
  );
}
