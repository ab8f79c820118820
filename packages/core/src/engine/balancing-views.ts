import { emptyPicker } from "../balancers/picker.ts";
import type { Balancer, Picker, PickerDeps } from "../balancers/picker.ts";
import { buildSplit } from "../balancers/split.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { GateReasonKind } from "../endpoints/gate/gate-record.ts";
import { filterMembers, matchesMetadata } from "../endpoints/subset/metadata-filter.ts";
import type { ResolvedMetadataFilter } from "../endpoints/subset/metadata-filter.ts";
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

const noPlan: TrafficPlan = { groups: [], panic: false, healthy: 0, members: new Set() };

/** The views of one service. Those with the same filter share a plan of the traffic. */
export class BalancingViews {
  readonly #deps: PickerDeps;
  readonly #traffic: TrafficOptions;
  readonly #views: BalancingView[] = [];

  constructor(deps: PickerDeps, traffic: TrafficOptions) {
    this.#deps = deps;
    this.#traffic = traffic;
  }

  /** The view of a balancer; one serves all routes that have the same balancer and filter. */
  open(
    balancer: Balancer,
    filter: ResolvedMetadataFilter | undefined,
    members: Iterable<EndpointState>,
  ): BalancingView {
    const known = this.#views.find((view) => view.balancer === balancer && view.filter === filter);
    if (known !== undefined) return known;
    const view = new BalancingView(balancer, filter);
    this.#views.push(view);
    this.rebuild(members);
    return view;
  }

  /** Plans the traffic anew and has every balancer build its picker. @returns the plan that all endpoints share */
  rebuild(members: Iterable<EndpointState>): TrafficPlan {
    const all = [...members];
    const plans = new Map<ResolvedMetadataFilter | undefined, TrafficPlan>();
    for (const view of this.#views) {
      const plan = plans.get(view.filter) ?? planTraffic(filterMembers(all, view.filter), this.#traffic);
      plans.set(view.filter, plan);
      const previous = view.picker === emptyPicker ? undefined : view.picker;
      view.plan = plan;
      view.picker = buildSplit(view.balancer, plan.groups, this.#deps, previous);
    }
    return plans.get(undefined) ?? plans.values().next().value ?? noPlan;
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
      view.picker = emptyPicker;
      view.plan = noPlan;
    }
  }
}
