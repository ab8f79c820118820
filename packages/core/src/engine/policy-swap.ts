import type { Circuit } from "../policies/circuit/circuit.ts";
import { noLimits } from "../policies/limit/limits-policy.ts";
import type { Limits } from "../policies/limit/limits.ts";
import type { ResolvedMatch, ResolvedPolicy } from "../policies/policy.ts";
import { compileRoutes } from "../routing/match.ts";
import type { RouteMatcher } from "../routing/match.ts";
import type { ResponseStore } from "./around/response-store.ts";
import type { BalancingView } from "./balancing-views.ts";
import type { Circuits } from "./circuits.ts";
import { openLimits, openResponses, openRules } from "./route-rules.ts";
import type { RouteRules, RulesParts } from "./route-rules.ts";

/** What outlives every policy of a service. */
export interface SwapParts extends Omit<RulesParts, "responses"> {
  readonly circuits: Circuits;
}

/** The rules of a service's calls. They never change: a call keeps those that it began with, and a swap makes others. */
export interface ServiceRules {
  readonly policy: ResolvedPolicy;
  /** For calls that no route matches. */
  readonly service: RouteRules;
  readonly routes: readonly RouteRules[];
  readonly matcher: RouteMatcher;
  /** The circuit of the service, which routes pass as well. */
  readonly circuit: readonly Circuit[];
  /** Undefined where no responses are kept. */
  readonly responses: ResponseStore | undefined;
  /** By what a route matches. */
  readonly own: ReadonlyMap<string, OwnState>;
}

/** What a route has of its own and must outlive a swap. */
interface OwnState {
  readonly rules: RouteRules;
  readonly circuit: readonly Circuit[];
}

/**
 * Makes the rules of a policy. Whatever counts is taken over from the rules before, for the service and for each route that matches
 * the same as one before: circuits, limits, what was measured for hedges. Everything else is only numbers.
 * @param before the rules that are in force; undefined at first
 */
export function makeRules(policy: ResolvedPolicy, shared: SwapParts, before?: ServiceRules): ServiceRules {
  const { circuits, clock } = shared;
  const responses = openResponses([policy, ...policy.routes], clock, before?.responses);
  const parts: RulesParts = { ...shared, responses };
  const circuit = circuits.renew(before?.circuit ?? [], policy.circuit, undefined);
  const sharedLimits = before?.service.limits;
  const limits = openLimits(policy.limits, parts, sharedLimits);
  const service = openRules(
    parts,
    { label: undefined, route: undefined },
    policy,
    limits,
    circuit,
    before?.service,
  );
  const own = new Map<string, OwnState>();
  for (const route of policy.routes) {
    const key = keyOf(route.match);
    const known = before?.own.get(key);
    const { methods, path } = route.match;
    const label = methods === undefined ? path : `${methods.join(",")} ${path}`;
    const routeCircuit = circuits.renew(known?.circuit ?? [], route.circuit, path, label);
    const routeLimits = openLimits(route.limits ?? noLimits, parts, ownLimits(known, sharedLimits));
    const all = [...(route.serviceCircuit ? circuit : []), ...routeCircuit];
    const used = route.limits === undefined ? limits : routeLimits;
    const rules = openRules(parts, { label, route: path }, route, used, all, known?.rules);
    own.set(key, { rules, circuit: routeCircuit });
  }
  for (const [key, gone] of before?.own ?? []) {
    if (own.has(key)) continue;
    circuits.close(gone.circuit);
    openLimits(noLimits, parts, ownLimits(gone, sharedLimits));
  }
  const routes = Array.from(own.values(), ({ rules }) => rules);
  const matcher = compileRoutes(policy.routes.map(({ match }) => match));
  return { policy, service, routes, matcher, circuit, responses, own };
}

/** The views that rules choose endpoints by. */
export function viewsOf({ routes, service }: ServiceRules): ReadonlySet<BalancingView> {
  return new Set([service, ...routes].map(({ view }) => view));
}

/** The view that calls with another go on with: that of the same route, or else the service's. */
export function successorOf(view: BalancingView, before: ServiceRules, after: ServiceRules): BalancingView {
  const found = [...before.own].find(([, { rules }]) => rules.view === view && before.service.view !== view);
  return (found === undefined ? undefined : after.own.get(found[0])?.rules.view) ?? after.service.view;
}

/** The limits that a route had of its own. */
function ownLimits(known: OwnState | undefined, shared: Limits | undefined): Limits | undefined {
  return known?.rules.limits === shared ? undefined : known?.rules.limits;
}

function keyOf({ methods, path }: ResolvedMatch): string {
  return `${methods?.toSorted().join(",") ?? "*"} ${path}`;
}
