import type { DeadlinePolicy, ResolvedDeadline } from "../context/deadline-policy.ts";
import type { AroundPolicy, ResolvedAround } from "./around-policy.ts";
import type {
  BalancingPolicy,
  ResolvedBalancing,
  ResolvedRouteBalancing,
  RouteBalancingPolicy,
} from "./balancing-policy.ts";
import type { CircuitPolicy, ResolvedCircuit } from "./circuit/circuit-policy.ts";
import type { PresetName } from "./data/presets.ts";
import type { HedgePolicy, ResolvedHedge } from "./hedge/hedge-policy.ts";
import type { LimitsPolicy, ResolvedLimits } from "./limit/limits-policy.ts";
import type { ResolvedBudget, ResolvedRetry, RetryPolicy, RouteRetryPolicy } from "./retry/retry-policy.ts";
import type { ResolvedTimeout, TimeoutPolicy } from "./timeout/timeout-policy.ts";

/** Which requests a route is for. */
export interface RouteMatch {
  /** One method or several, in any case; every method when absent. */
  readonly method?: string | readonly string[] | undefined;
  /**
   * A path in which `{name}` stands for exactly one segment (`/orders/{id}`) and a final `/*` for any rest,
   * also none (`/orders/*`). Case and a trailing slash matter.
   */
  readonly path: string;
}

/**
 * What differs for some requests of a service. Each given field replaces the service's; the rest is inherited.
 * The first route of the list that matches a request is taken, and no other.
 */
export interface RoutePolicy extends RouteBalancingPolicy, LimitsPolicy, AroundPolicy {
  readonly match: RouteMatch;
  /** What the given fields are laid over; its fields come before those of the service. None by default. */
  readonly preset?: PresetName | undefined;
  readonly timeout?: TimeoutPolicy | undefined;
  readonly retry?: false | RouteRetryPolicy | undefined;
  readonly hedge?: false | HedgePolicy | undefined;
  readonly deadline?: false | DeadlinePolicy | undefined;
  /** An object gives the route a circuit of its own besides the service's; `false` takes it out of both. */
  readonly circuit?: false | CircuitPolicy | undefined;
}

/**
 * How calls to a service behave. Plain data, unless the balancer is one of your own; everything has a default, and
 * `undefined` means that default.
 */
export interface ServicePolicy extends BalancingPolicy, LimitsPolicy, AroundPolicy {
  /** What the given fields are laid over: `standard` (what the defaults are too), `aggressive`, `batch` or `none`. */
  readonly preset?: PresetName | undefined;
  readonly timeout?: TimeoutPolicy | undefined;
  readonly retry?: false | RetryPolicy | undefined;
  /** None by default. */
  readonly hedge?: false | HedgePolicy | undefined;
  readonly deadline?: false | DeadlinePolicy | undefined;
  readonly circuit?: false | CircuitPolicy | undefined;
  readonly routes?: readonly RoutePolicy[] | undefined;
}

/** {@link RouteMatch}, checked; methods in upper case, `undefined` for all of them. */
export interface ResolvedMatch {
  readonly methods: readonly string[] | undefined;
  readonly path: string;
}

/** {@link RoutePolicy} laid over its service. */
export interface ResolvedRoute {
  readonly match: ResolvedMatch;
  readonly timeout: ResolvedTimeout;
  readonly retry: ResolvedRetry | false;
  readonly hedge: ResolvedHedge | false;
  readonly deadline: ResolvedDeadline;
  readonly around: ResolvedAround;
  /** Its own, where it names some; else undefined, and those of its service hold for it. */
  readonly limits: ResolvedLimits | undefined;
  /** The route's own circuit. */
  readonly circuit: ResolvedCircuit | false;
  /** Whether the route's calls also pass, and count in, the service's circuit (when it has one). */
  readonly serviceCircuit: boolean;
  readonly balancing: ResolvedRouteBalancing;
}

/** {@link ServicePolicy} with every field known, checked and frozen. */
export interface ResolvedPolicy {
  readonly timeout: ResolvedTimeout;
  readonly retry: ResolvedRetry | false;
  readonly hedge: ResolvedHedge | false;
  readonly deadline: ResolvedDeadline;
  readonly around: ResolvedAround;
  readonly limits: ResolvedLimits;
  /** Always there: a route may retry where the service does not. */
  readonly budget: ResolvedBudget;
  readonly circuit: ResolvedCircuit | false;
  readonly balancing: ResolvedBalancing;
  readonly routes: readonly ResolvedRoute[];
}
