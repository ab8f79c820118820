import { emptyPicker } from "../balancers/picker.ts";
import type { Balancer, PickContext, PickTrace, Picker, PickerDeps } from "../balancers/picker.ts";
import { buildSplit } from "../balancers/split.ts";
import type { AttemptResult } from "../endpoints/attempt-result.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { GateReasonKind } from "../endpoints/gate/gate-record.ts";
import { filterMembers, matchesMetadata } from "../endpoints/subset/metadata-filter.ts";
import type { ResolvedMetadataFilter } from "../endpoints/subset/metadata-filter.ts";
import { noSubset } from "../endpoints/subset/subsetter.ts";
import { passedOver, planTraffic } from "../endpoints/traffic/traffic-plan.ts";
import type { TrafficOptions, TrafficPlan } from "../endpoints/traffic/traffic-plan.ts";

/** The endpoints as one balancer sees them: the service's own, or that of a route. */
export class BalancingView {
  readonly balancer: Balancer;
  /** Which endpoints its calls may go to; all of them when undefined. */
  readonly filter: ResolvedMetadataFilter | undefined;
  /** Replaced on every change. */
  picker: Picker = emptyPicker;
  plan: TrafficPlan = noPlan;
  /** Pickers for retries that go to other priorities; made when one does. */
  readonly beyond: Map<string, Picker> = new Map();

  constructor(balancer: Balancer, filter: ResolvedMetadataFilter | undefined) {
    this.balancer = balancer;
    this.filter = filter;
  }

  /** Whether its calls may go to an endpoint, were its gate open. */
  accepts(state: EndpointState): boolean {
    if (!this.plan.members.has(state)) return false;
    return this.filter === undefined || this.filter.fallback === "any" || matchesMetadata(state, this.filter);
  }

  /** Why its calls do not go to an endpoint whose gate is open; undefined where they do. */
  passesOver(state: EndpointState): GateReasonKind | undefined {
    if (this.filter !== undefined && !matchesMetadata(state, this.filter) && !this.plan.members.has(state)) {
      return "other subset";
    }
    return passedOver(this.plan, state);
  }
}

function closeAll(pickers: Map<string, Picker>): void {
  for (const picker of pickers.values()) picker.close?.();
  pickers.clear();
}

/** The subset of each process is another one, and its zone may be: a key would have an endpoint in each of them. */
function withoutDefaults(traffic: TrafficOptions): TrafficOptions {
  const { locality, subsetter } = traffic;
  const isPlainLocality = locality.mode !== "zone-aware" || locality.isDefault !== true;
  if (isPlainLocality && !subsetter.isDefault) return traffic;
  return {
    ...traffic,
    subsetter: subsetter.isDefault ? noSubset : subsetter,
    locality: isPlainLocality ? locality : { mode: "none" },
  };
}

const noPlan: TrafficPlan = { groups: [], panic: false, healthy: 0, members: new Set() };

/** The picker of a view that is no longer in use. */
class Forwarding implements Picker {
  readonly #to: BalancingView;

  constructor(to: BalancingView) {
    this.#to = to;
  }

  pick(context: PickContext, trace?: PickTrace): EndpointState | undefined {
    return this.#to.picker.pick(context, trace);
  }

  settled(endpoint: EndpointState, result: AttemptResult, now: number): void {
    this.#to.picker.settled?.(endpoint, result, now);
  }
}

function isSameFilter(
  one: ResolvedMetadataFilter | undefined,
  other: ResolvedMetadataFilter | undefined,
): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** The views of one service. Those with the same filter share a plan of the traffic, if they want the same of it. */
export class BalancingViews {
  readonly #deps: PickerDeps;
  #traffic: TrafficOptions;
  /** For balancers that keep keys to endpoints: what nobody asked for must not make each process find another endpoint. */
  #consistentTraffic: TrafficOptions;
  #views: BalancingView[] = [];
  #all: readonly EndpointState[] = [];

  constructor(deps: PickerDeps, traffic: TrafficOptions) {
    this.#deps = deps;
    this.#traffic = traffic;
    this.#consistentTraffic = withoutDefaults(traffic);
  }

  /** The view of a balancer; one serves all routes that have the same balancer and filter. */
  open(
    balancer: Balancer,
    filter: ResolvedMetadataFilter | undefined,
    members: Iterable<EndpointState>,
  ): BalancingView {
    const known = this.#views.find((view) => view.balancer === balancer && isSameFilter(view.filter, filter));
    if (known !== undefined) return known;
    const view = new BalancingView(balancer, filter);
    this.#views.push(view);
    this.rebuild(members);
    return view;
  }

  /** Divides traffic in another way from the next {@link BalancingViews.rebuild} on. */
  divide(traffic: TrafficOptions): void {
    this.#traffic = traffic;
    this.#consistentTraffic = withoutDefaults(traffic);
  }

  /**
   * Keeps some views only. A call that began with one of the others goes on with the view in its place: its own would know
   * nothing of endpoints that come and go.
   * @param successorOf the view in the place of another
   */
  keep(views: ReadonlySet<BalancingView>, successorOf: (view: BalancingView) => BalancingView): void {
    for (const view of this.#views) {
      if (views.has(view)) continue;
      view.picker.close?.();
      view.picker = new Forwarding(successorOf(view));
    }
    this.#views = this.#views.filter((view) => views.has(view));
  }

  /** Plans the traffic anew and has every balancer build its picker. @returns the plan that all endpoints share */
  rebuild(members: Iterable<EndpointState>): TrafficPlan {
    const all = (this.#all = [...members]);
    const done: BalancingView[] = [];
    for (const view of this.#views) {
      const traffic = this.#trafficOf(view);
      const alike = done.find((other) => other.filter === view.filter && this.#trafficOf(other) === traffic);
      view.plan = alike?.plan ?? planTraffic(filterMembers(all, view.filter), traffic);
      done.push(view);
      closeAll(view.beyond);
      const previous = view.picker === emptyPicker ? undefined : view.picker;
      view.picker = buildSplit(view.balancer, view.plan.groups, this.#deps, previous);
    }
    const shared = done.find(({ filter }) => filter === undefined) ?? done[0];
    return shared?.plan ?? noPlan;
  }

  /**
   * The picker of a view over what is left without some priorities, planned as if they did not exist (Envoy's `previous_priorities`); the
   * view's own where nothing is left.
   */
  without(view: BalancingView, priorities: readonly number[]): Picker {
    const key = priorities.toSorted((a, b) => a - b).join();
    const known = view.beyond.get(key);
    if (known !== undefined) return known;
    const left = this.#all.filter(({ spec }) => !priorities.includes(spec.priority));
    const plan = planTraffic(filterMembers(left, view.filter), this.#trafficOf(view));
    const picker = buildSplit(view.balancer, plan.groups, this.#deps, undefined);
    view.beyond.set(key, picker);
    return picker;
  }

  #trafficOf({ balancer }: BalancingView): TrafficOptions {
    return balancer.consistent === true ? this.#consistentTraffic : this.#traffic;
  }

  /** Endpoints that some view may use, whatever their health. */
  get members(): ReadonlySet<EndpointState> {
    const [first, ...others] = this.#views;
    if (others.every(({ plan }) => plan === first?.plan)) return first?.plan.members ?? noPlan.members;
    return new Set(this.#views.flatMap(({ plan }) => [...plan.members]));
  }

  close(): void {
    for (const view of this.#views) {
      view.picker.close?.();
      closeAll(view.beyond);
      view.picker = emptyPicker;
      view.plan = noPlan;
    }
  }
}
