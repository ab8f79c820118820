import type { Balancer, PickContext, PickTrace, PickerDeps } from "../balancers/picker.ts";
import type { TimerHandle } from "../clock.ts";
import type { Endpoint } from "../discovery/source.ts";
import type { AttemptResult } from "../endpoints/attempt-result.ts";
import { EndpointState } from "../endpoints/endpoint-state.ts";
import { gateReasons } from "../endpoints/gate/gate-reasons.ts";
import type { GateReason } from "../endpoints/gate/gate-record.ts";
import { Gate } from "../endpoints/gate/gate.ts";
import { LoadTable } from "../endpoints/load-table.ts";
import type { ResolvedOutlierDetection } from "../endpoints/outlier/outlier-policy.ts";
import type { ResolvedSlowStart } from "../endpoints/slow-start.ts";
import type { ResolvedMetadataFilter } from "../endpoints/subset/metadata-filter.ts";
import type { TrafficOptions } from "../endpoints/traffic/traffic-plan.ts";
import type { PickFlag } from "../events.ts";
import { plainText } from "../plain-text.ts";
import type { Random } from "../random.ts";
import { mayGoOn } from "../routing/stateful-session.ts";
import { BalancingViews } from "./balancing-views.ts";
import type { BalancingView } from "./balancing-views.ts";
import { reportGate } from "./gate-report.ts";
import { LeavingEndpoints } from "./leaving-endpoints.ts";
import type { LeavingOptions } from "./leaving-endpoints.ts";
import { isPanicPick } from "./panic.ts";
import type { Wanted } from "./targeting.ts";

/** A change of the list, as the directory reports it. */
export interface EndpointDiff {
  readonly added: readonly Endpoint[];
  readonly updated: readonly (readonly [Endpoint, Endpoint])[];
  readonly removed: readonly Endpoint[];
}

export interface EndpointSetOptions extends LeavingOptions {
  readonly random: Random;
  readonly outliers: ResolvedOutlierDetection | false;
  readonly slowStart: ResolvedSlowStart | false;
  readonly traffic: TrafficOptions;
  /** Asks an endpoint something outside of any call. */
  readonly probe: PickerDeps["probe"];
  /** Opens connections to an endpoint ahead of its first call; undefined where that is not wanted. */
  readonly warm: ((endpoint: EndpointState) => Promise<void>) | undefined;
  /** Another endpoint stands at the address of one that left, and takes over its connections. */
  readonly handOver: (before: EndpointState, after: EndpointState) => void;
  /** The endpoints that this process may use have changed. */
  readonly onMembers: (members: ReadonlySet<EndpointState>) => void;
}

/** What a pick needs to know of a call. */
export interface PickCall extends PickContext {
  /** The call can be tried again elsewhere, should the attempt fail. */
  readonly mayRepeat: boolean;
  /** Priorities to stay away from, where there are others. */
  readonly avoided: readonly number[] | undefined;
}

/** Up to so many endpoints pickers are built anew at each change of a gate; of more, changes are collected. */
const SMALL_SET = 256;
/** How long they are collected; until then the pickers pass over what is closed. */
const COLLECT_MS = 20;

/**
 * The endpoints of one service, the gate before them and the pickers over them. A change keeps the statistics of the endpoints
 * that stay, installs new pickers first, and only then lets go of what left.
 */
export class EndpointSet {
  /** How the last pick was made. */
  flag: PickFlag = "LB";
  /** Picks of an endpoint that should not be picked, because nothing better was found: closed, or failing as all of them are. */
  panics = 0;
  readonly #options: EndpointSetOptions;
  readonly #table = new LoadTable();
  readonly #gate: Gate;
  readonly #views: BalancingViews;
  readonly #members = new Map<string, EndpointState>();
  readonly #leaving: LeavingEndpoints;
  /** By address, for callers who name one; made when the first does, after each change. */
  #byAddress: Map<string, EndpointState> | undefined;
  /** Endpoints whose connections have been asked for ahead of their calls. */
  readonly #warmed = new WeakSet<EndpointState>();
  #panicking = false;
  /** The first list is told in steps, and was not told whole yet. */
  #isFilling = false;
  #rebuildTimer: TimerHandle | undefined;

  constructor(options: EndpointSetOptions) {
    this.#options = options;
    const { clock, events, outliers, probe, random, service, slowStart } = options;
    this.#gate = new Gate({
      outliers,
      slowStart,
      table: this.#table,
      random,
      report: reportGate(events, service),
      onChange: () => {
        this.#gateChanged();
      },
    });
    this.#leaving = new LeavingEndpoints(options, this.#table);
    this.#views = new BalancingViews({ table: this.#table, random, clock, probe }, options.traffic);
  }

  /**
   * Takes other policies of who is let in and how traffic is divided. Everything that is known of the endpoints stays.
   * @param views those that are in use from now on
   * @param successorOf the view that a call goes on with that began with another
   */
  reconfigure(
    policies: Pick<EndpointSetOptions, "outliers" | "slowStart" | "traffic">,
    views: ReadonlySet<BalancingView>,
    successorOf: (view: BalancingView) => BalancingView,
  ): void {
    this.#gate.reconfigure(policies.outliers, policies.slowStart, this.#options.clock.now());
    this.#views.keep(views, successorOf);
    this.#views.divide(policies.traffic);
    this.#rebuild();
  }

  /** What health checks have found is forgotten. */
  unchecked(): void {
    for (const state of this.#members.values()) this.#gate.unchecked(state);
  }

  /** The endpoints as `balancer` sees them, of those that `filter` lets through. */
  view(balancer: Balancer, filter: ResolvedMetadataFilter | undefined): BalancingView {
    return this.#views.open(balancer, filter, this.#members.values());
  }

  /**
   * Chooses an endpoint for one attempt; undefined when the service has none. How it was chosen stands in
   * {@link EndpointSet.flag} until the next pick.
   * @param wanted what comes before the balancer's choice
   */
  pick(
    view: BalancingView,
    call: PickCall,
    wanted: Wanted | undefined,
    trace?: PickTrace,
  ): EndpointState | undefined {
    if (wanted !== undefined) {
      const endpoint = this.#wanted(wanted, call.tried);
      if (endpoint !== undefined) return this.#flagged(wanted.flag, endpoint, trace);
      if (wanted.strict) return undefined;
    }
    // One that waits for a probe must be sent one, or nobody would ever learn that it is well again.
    if (call.now >= this.#gate.probeAt) {
      const accepts = (state: EndpointState): boolean => view.accepts(state);
      const probed = this.#gate.claimProbe(call.now, call.mayRepeat, call.tried, accepts);
      if (probed !== undefined) return this.#flagged("PR", probed, trace);
    }
    const { avoided } = call;
    const beyond = avoided === undefined ? undefined : this.#views.without(view, avoided).pick(call, trace);
    const endpoint = beyond ?? view.picker.pick(call, trace);
    const isPanic =
      endpoint !== undefined && this.#table.troubled > 0 && isPanicPick(view.plan, this.#table, endpoint);
    this.flag = isPanic ? "PA" : "LB";
    if (isPanic) this.panics++;
    return endpoint;
  }

  /** An attempt begins. @returns what `settled` wants to know of the beginning */
  started(state: EndpointState, now: number): number {
    state.usedAt = now;
    this.#table.started(state.offset);
    return state.gate.generation;
  }

  /** An endpoint was picked as a probe, and nothing came of the attempt: another call may be the probe. */
  unused(state: EndpointState): void {
    this.#gate.released(state, state.gate.generation);
  }

  /** The head of an answer came that streams: the endpoint is known to work now, not when the stream ends, if it ever does. */
  answered(
    state: EndpointState,
    generation: number,
    isProbe: boolean,
    head: AttemptResult,
    now: number,
  ): void {
    this.#table.succeeded(state.offset, head.latencyMs, now);
    if (isProbe) this.#gate.settled(state, generation, true, head, undefined, now);
  }

  /** An attempt ended: every book on the endpoint is kept here. */
  settled(
    state: EndpointState,
    view: BalancingView,
    generation: number,
    isProbe: boolean,
    result: AttemptResult,
    retryAfterMs: number | undefined,
    now: number,
  ): void {
    const table = this.#table;
    table.finished(state.offset);
    const { latencyMs, outcome } = result;
    if (outcome === "success") {
      if (!result.isAnswered) table.succeeded(state.offset, latencyMs, now);
    } else if (outcome !== "ignored") table.failed(state.offset, now);
    else if (result.isSuperseded) table.tookAtLeast(state.offset, latencyMs, now);
    this.#gate.settled(state, generation, isProbe, result, retryAfterMs, now);
    view.picker.settled?.(state, result, now);
    if (state.leaving) this.#leaving.settled(state);
  }

  /** What active health checks say of an endpoint. */
  setActiveHealth(state: EndpointState, health: "healthy" | "unhealthy", detail: string): void {
    const { clock, events, service } = this.#options;
    const isNews = state.gate.activeHealth !== health;
    this.#gate.setActiveHealth(state, health, detail, clock.now());
    if (isNews && events.wants("endpoint.health_changed")) {
      const subject = { service, endpoint: state.address, id: state.id };
      events.emit({ type: "endpoint.health_changed", ...subject, health, detail: plainText(detail) });
    }
  }

  /** Looks after what no call does; about once a second. */
  tick(now: number): void {
    this.#gate.tick(now);
  }

  /** Why an endpoint gets no calls of a view; empty when it does. */
  reasonsOf(state: EndpointState, view: BalancingView, now: number): readonly GateReason[] {
    const reasons = gateReasons(state, now);
    const kind = reasons.length > 0 ? undefined : view.passesOver(state);
    return kind === undefined ? reasons : [{ kind, text: kind }];
  }

  /** The median latency of an endpoint, in milliseconds; 0 where none was measured lately. */
  medianMs(state: EndpointState, now: number): number {
    return this.#table.medianMs(state.offset, now);
  }

  /** The median latency over all endpoints, in milliseconds; 0 while it is not known. */
  get typicalMs(): number {
    return this.#table.typicalMs;
  }

  get size(): number {
    return this.#members.size;
  }

  /** How many are ejected or being probed. */
  get ejected(): number {
    return this.#gate.ejected;
  }

  /** The present endpoints, then those that left and are not finished. */
  *[Symbol.iterator](): IterableIterator<EndpointState> {
    yield* this.#members.values();
    yield* this.#leaving;
  }

  /** @param isPartial more of the same list follows at once: connections and health checks wait for all of it */
  apply(diff: EndpointDiff, isPartial = false): void {
    const { events, service } = this.#options;
    const now = this.#options.clock.now();
    const isInitial = this.#isFilling || this.#members.size === 0;
    this.#isFilling = isInitial && isPartial;
    const gone: EndpointState[] = [];
    for (const spec of diff.removed) {
      const state = this.#members.get(spec.id);
      if (state === undefined) continue;
      this.#members.delete(spec.id);
      gone.push(state);
    }
    const predecessors = new Map(
      diff.added.length === 0 ? [] : gone.map((state) => [state.address, state] as const),
    );
    for (const spec of diff.added) {
      const state = this.#add(spec, isInitial);
      const before = predecessors.get(state.address);
      if (before !== undefined && !needsNewConnections(before.spec, spec)) {
        this.#options.handOver(before, state);
      }
      if (events.wants("endpoint.added")) {
        events.emit({ type: "endpoint.added", service, endpoint: state.address, id: state.id });
      }
    }
    for (const [, spec] of diff.updated) {
      const before = this.#members.get(spec.id);
      const state =
        before === undefined || needsNewConnections(before.spec, spec) ? this.#add(spec, isInitial) : before;
      if (state === before) {
        state.update(spec);
        this.#gate.update(state, now);
      } else if (before !== undefined) gone.push(before);
      if (events.wants("endpoint.updated")) {
        events.emit({ type: "endpoint.updated", service, endpoint: state.address, id: state.id });
      }
    }
    for (const state of gone) this.#gate.remove(state, now);
    this.#rebuild(isPartial);
    for (const state of gone) this.#leaving.add(state);
  }

  /** Ends every connection. Attempts that are still in flight fail. */
  close(): void {
    const { clock, disconnect } = this.#options;
    this.#leaving.close();
    for (const state of this.#members.values()) disconnect(state, true);
    if (this.#rebuildTimer !== undefined) clock.clearTimer(this.#rebuildTimer);
    this.#members.clear();
    this.#views.close();
  }

  /** The first that is wanted and may be picked. */
  #wanted(
    { addresses, isSession, strict }: Wanted,
    tried: readonly EndpointState[] | undefined,
  ): EndpointState | undefined {
    this.#byAddress ??= new Map(Array.from(this.#members.values(), (state) => [state.address, state]));
    for (const address of addresses) {
      const state = this.#byAddress.get(address);
      if (state === undefined || (!strict && tried?.includes(state) === true)) continue;
      if (state.open || (isSession && mayGoOn(gateReasons(state, this.#options.clock.now())))) return state;
    }
    return undefined;
  }

  #flagged(flag: PickFlag, endpoint: EndpointState, trace: PickTrace | undefined): EndpointState {
    this.flag = flag;
    trace?.push({ endpoint, cost: 0 });
    return endpoint;
  }

  #add(spec: Endpoint, isInitial: boolean): EndpointState {
    const { clock, warm } = this.#options;
    const state = new EndpointState(spec, this.#table, clock.now());
    this.#members.set(spec.id, state);
    // Where nobody is warm there is no one else to take the calls.
    if (warm !== undefined && !isInitial) state.gate.warming = true;
    this.#gate.add(state, clock.now(), isInitial);
    return state;
  }

  /** Opens connections to those that may be used and have none yet; who is not in the subset needs none. */
  #warmUp(used: ReadonlySet<EndpointState>, warm: (endpoint: EndpointState) => Promise<void>): void {
    for (const state of used) {
      if (this.#warmed.has(state)) continue;
      this.#warmed.add(state);
      void this.#letInWhen(warm(state), state);
    }
  }

  /** One that cannot be warmed up is let in all the same: the first calls will tell. */
  async #letInWhen(warm: Promise<void>, state: EndpointState): Promise<void> {
    await warm.catch(() => {});
    if (!state.leaving) this.#gate.setWarming(state, false);
  }

  #gateChanged(): void {
    if (this.#members.size <= SMALL_SET) this.#rebuild();
    else {
      this.#rebuildTimer ??= this.#options.clock.setTimer(
        () => {
          this.#rebuild();
        },
        COLLECT_MS,
        undefined,
        true,
      );
    }
  }

  #rebuild(isPartial = false): void {
    const { clock, events, onMembers, service, warm } = this.#options;
    if (this.#rebuildTimer !== undefined) clock.clearTimer(this.#rebuildTimer);
    this.#rebuildTimer = undefined;
    this.#byAddress = undefined;
    const { healthy, members, panic } = this.#views.rebuild(this.#members.values());
    if (panic && !this.#panicking && events.wants("balancer.panicked")) {
      events.emit({ type: "balancer.panicked", service, endpoints: members.size, healthy });
    }
    this.#panicking = panic;
    const used = this.#views.members;
    if (!isPartial) {
      if (warm !== undefined) this.#warmUp(used, warm);
      onMembers(used);
    }
    // Last, because it may let an endpoint back, which leads here again.
    this.#gate.use(used, clock.now());
  }
}

/** Another address or TLS name is another machine: under the same identity nothing measured carries over. */
function needsNewConnections(before: Endpoint, after: Endpoint): boolean {
  return (
    before.host !== after.host ||
    before.port !== after.port ||
    before.scheme !== after.scheme ||
    before.serverName !== after.serverName
  );
}
