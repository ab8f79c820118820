import type {
  BalancingPolicy,
  ResolvedBalancing,
  ResolvedRouteBalancing,
  RouteBalancingPolicy,
} from "./balancing-policy.ts";

/** Time limits, in milliseconds, each from 1 to 2,147,483,647 (the longest a timer of Node can wait). */
export interface TimeoutPolicy {
  /** The whole call with all of its attempts and the waits between them; 30,000 by default. */
  readonly totalMs?: number | undefined;
  /** One attempt, up to the response's head or, where the response is taken whole, its last byte; 10,000 by default. */
  readonly attemptMs?: number | undefined;
  /** Opening a connection; 1,000 by default. */
  readonly connectMs?: number | undefined;
}

/**
 * How much extra load retries may make, shared by every call of the service in this process: in any 10 seconds no
 * more retries than `ratio` × the calls of these 10 seconds + `minPerSecond` × 10.
 */
export interface RetryBudgetPolicy {
  /** Retries per call, 0 to 1; 0.2 by default. */
  readonly ratio?: number | undefined;
  /** Retries per second that are always allowed, 0 to 1,000,000; 10 by default. */
  readonly minPerSecond?: number | undefined;
}

/** Retries of one route. The budget belongs to the whole service, so that a route cannot spend past it. */
export interface RouteRetryPolicy {
  /** Attempts in all, the first one included; a whole number from 1 to 10; 3 by default. */
  readonly maxAttempts?: number | undefined;
  /** Response statuses (400 to 599) that an idempotent call is retried on; 408, 429, 502, 503 and 504 by default. */
  readonly statuses?: readonly number[] | undefined;
  /** The back-off before retry n is a random part of `baseDelayMs × 2^(n−1)`; 0 to 2,147,483,647; 25 by default. */
  readonly baseDelayMs?: number | undefined;
  /** The back-off's upper limit; 0 to 2,147,483,647, not less than `baseDelayMs`; 250 by default. */
  readonly maxDelayMs?: number | undefined;
}

/** Retries of a service. */
export interface RetryPolicy extends RouteRetryPolicy {
  readonly budget?: RetryBudgetPolicy | undefined;
}

/** When to stop calling something that keeps failing. */
export interface CircuitPolicy {
  /** Opens when at least this share of the window's completed calls failed; above 0, at most 1; 0.5 by default. */
  readonly failureRatio?: number | undefined;
  /** The length of the window in milliseconds, 100 to 3,600,000; 10,000 by default. */
  readonly windowMs?: number | undefined;
  /** Never opens on fewer completed calls than this; a whole number from 1 to 1,000,000; 20 by default. */
  readonly minCalls?: number | undefined;
  /**
   * How long it stays open before a probe, in milliseconds, 1 to 3,600,000; 5,000 by default. Doubles with each
   * failed probe up to ten times this, plus a random 0 to 20 %.
   */
  readonly openMs?: number | undefined;
  /** A probe without a result after this many milliseconds counts as failed; the total timeout by default. */
  readonly probeTimeoutMs?: number | undefined;
}

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
export interface RoutePolicy extends RouteBalancingPolicy {
  readonly match: RouteMatch;
  readonly timeout?: TimeoutPolicy | undefined;
  readonly retry?: false | RouteRetryPolicy | undefined;
  /** An object gives the route a circuit of its own besides the service's; `false` takes it out of both. */
  readonly circuit?: false | CircuitPolicy | undefined;
}

/**
 * How calls to a service behave. Plain data, unless the balancer is one of your own; everything has a default, and
 * `undefined` means that default.
 */
export interface ServicePolicy extends BalancingPolicy {
  readonly timeout?: TimeoutPolicy | undefined;
  readonly retry?: false | RetryPolicy | undefined;
  readonly circuit?: false | CircuitPolicy | undefined;
  readonly routes?: readonly RoutePolicy[] | undefined;
}

/** {@link TimeoutPolicy} with every field known; `connectMs ≤ attemptMs ≤ totalMs` holds. */
export interface ResolvedTimeout {
  readonly totalMs: number;
  readonly attemptMs: number;
  readonly connectMs: number;
}

/** {@link RetryBudgetPolicy} with every field known. */
export interface ResolvedBudget {
  readonly ratio: number;
  readonly minPerSecond: number;
}

/** {@link RouteRetryPolicy} with every field known; `baseDelayMs ≤ maxDelayMs` holds. */
export interface ResolvedRetry {
  readonly maxAttempts: number;
  readonly statuses: readonly number[];
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

/** {@link CircuitPolicy} with every field known. */
export interface ResolvedCircuit {
  readonly failureRatio: number;
  readonly windowMs: number;
  readonly minCalls: number;
  readonly openMs: number;
  readonly probeTimeoutMs: number;
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
  /** Always there: a route may retry where the service does not. */
  readonly budget: ResolvedBudget;
  readonly circuit: ResolvedCircuit | false;
  readonly balancing: ResolvedBalancing;
  readonly routes: readonly ResolvedRoute[];
}
