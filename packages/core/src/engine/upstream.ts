import type { Clock } from "../clock.ts";
import type { Directory } from "../discovery/directory.ts";
import type { Subscription } from "../discovery/resolution.ts";
import type { ResolvedHealthCheck } from "../endpoints/health-check/health-check-policy.ts";
import type { HealthCheckers } from "../endpoints/health-check/health-checkers.ts";
import { subsetterFor } from "../endpoints/subset/subsetter.ts";
import type { EventHub } from "../event-hub.ts";
import type { Caller, ResolvedBalancing } from "../policies/balancing-policy.ts";
import type { ResolvedPolicy } from "../policies/policy.ts";
import { RetryBudget } from "../policies/retry/retry-budget.ts";
import type { Random } from "../random.ts";
import type { ResolvedTransport } from "../transport/transport-options.ts";
import type { OpenTransport, Transport } from "../transport/transport.ts";
import { closedError } from "./call-errors.ts";
import { Circuits } from "./circuits.ts";
import type { ImportedCircuits } from "./circuits.ts";
import { EndpointSet } from "./endpoint-set.ts";
import type { EndpointSetOptions } from "./endpoint-set.ts";
import { OutcomeLog } from "./outcome-log.ts";
import { makeRules, successorOf, viewsOf } from "./policy-swap.ts";
import type { ServiceRules, SwapParts } from "./policy-swap.ts";
import { sendProbe } from "./probe.ts";
import type { Calls, RouteRules } from "./route-rules.ts";
import { Targeting } from "./targeting.ts";
import { UpstreamHealth } from "./upstream-health.ts";

/** What an upstream is made of. */
export interface UpstreamOptions {
  readonly service: string;
  /** It was named in the options or by `mesh.service`, not just met in a URL. */
  readonly declared: boolean;
  readonly policy: ResolvedPolicy;
  readonly transport: ResolvedTransport;
  readonly openTransport: OpenTransport;
  readonly drainMs: number;
  /** How many of the last calls are remembered; 0 for none. */
  readonly recordOutcomes: number;
  /** What is known of this process; `seed` tells it from others like it. */
  readonly caller: Caller & { readonly seed: number };
  readonly directory: Directory;
  /** Who makes the calls of an upstream. */
  readonly callsOf: (upstream: Upstream) => Calls;
  readonly checkers: HealthCheckers;
  /** What circuits knew in the process before this one. */
  readonly imported: ImportedCircuits;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
}

/** Everything the engine keeps for one service. */
export class Upstream {
  readonly service: string;
  /** The service as the beginning of a URL. */
  readonly origin: string;
  readonly transport: ResolvedTransport;
  readonly endpoints: EndpointSet;
  readonly pools: Transport;
  readonly budget: RetryBudget;
  targeting: Targeting;
  readonly discovery: Subscription;
  /** The last calls, where they are to be remembered. */
  readonly outcomes: OutcomeLog | undefined;
  /** Calls in flight. */
  calls = 0;
  /** What calls wait by that have no attempt running. */
  readonly waiting: Set<AbortController> = new Set();
  /** Nothing is sent any more. */
  closed = false;
  readonly #declared: boolean;
  #onIdle: (() => void) | undefined;
  #health: UpstreamHealth | undefined;
  readonly #clock: Clock;
  readonly #options: UpstreamOptions;
  readonly #parts: SwapParts;
  /** Replaced as a whole. */
  #rules: ServiceRules;
  /** The service's circuit, then those that routes have of their own. */
  readonly circuits: Circuits;

  constructor(options: UpstreamOptions) {
    const { caller, clock, events, policy, random, service, transport } = options;
    const { balancing } = policy;
    this.service = service;
    this.#declared = options.declared;
    this.#options = options;
    this.outcomes = options.recordOutcomes > 0 ? new OutcomeLog(options.recordOutcomes) : undefined;
    this.transport = transport;
    this.origin = `${transport.scheme}://${service}`;
    this.#clock = clock;
    this.pools = options.openTransport(service, transport, policy.timeout.connectMs, clock);
    this.endpoints = new EndpointSet({
      service,
      clock,
      random,
      events,
      ...endpointPolicies(balancing, caller),
      drainMs: options.drainMs,
      disconnect: (endpoint, abort) => {
        this.pools.disconnect(endpoint, abort);
      },
      handOver: (before, after) => {
        this.pools.handOver?.(before, after);
      },
      probe: async (endpoint, path, timeoutMs) => {
        const request = { method: "GET", path, headers: [], timeoutMs };
        const response = await sendProbe(this.pools, transport, clock, endpoint, request);
        if (response.status >= 200 && response.status < 300) return response;
        throw new Error(`${endpoint.address} answered the probe of ${path} with status ${response.status}`);
      },
      warm: this.pools.warm,
      onMembers: (members) => {
        this.#health?.update(members);
      },
    });
    const { healthCheck } = balancing;
    if (healthCheck !== undefined)
      this.#health = new UpstreamHealth(options, healthCheck, this.pools, this.endpoints);
    const { overrideHost, statefulSession } = balancing;
    this.targeting = new Targeting(statefulSession, overrideHost);
    this.budget = new RetryBudget(policy.budget, clock.now());
    this.circuits = new Circuits({ service, clock, random, events, imported: options.imported });
    this.#parts = {
      service,
      clock,
      random,
      events,
      endpoints: this.endpoints,
      transport: this.pools,
      circuits: this.circuits,
      calls: options.callsOf(this),
    };
    this.#rules = makeRules(policy, this.#parts);
    this.discovery = options.directory.subscribe(service);
    this.discovery.onChange((resolution, diff) => {
      const isPartial = resolution.status === "bound" && resolution.isPartial === true;
      this.endpoints.apply(diff, isPartial);
    });
  }

  /**
   * Puts another policy in force. Calls in flight keep the rules that they began with; whatever was counted stays.
   * @param policy checked
   */
  swap(policy: ResolvedPolicy): void {
    const before = this.#rules;
    const rules = makeRules(policy, this.#parts, before);
    this.#rules = rules;
    this.budget.update(policy.budget);
    this.pools.limitConnecting?.(policy.timeout.connectMs);
    const { balancing } = policy;
    this.targeting = new Targeting(balancing.statefulSession, balancing.overrideHost);
    this.#checkHealth(balancing.healthCheck, before.policy.balancing.healthCheck);
    this.endpoints.reconfigure(endpointPolicies(balancing, this.#options.caller), viewsOf(rules), (view) =>
      successorOf(view, before, rules),
    );
  }

  get policy(): ResolvedPolicy {
    return this.#rules.policy;
  }

  /** The rules for a request; the first matching route wins. */
  rulesFor(method: string, path: string, template: string | undefined): RouteRules {
    const { matcher, routes, service } = this.#rules;
    if (routes.length === 0) return service;
    const index = matcher.match(method, path, template);
    return index === -1 ? service : routes[index]!;
  }

  /** The rules of calls that no route matches. */
  get serviceRules(): RouteRules {
    return this.#rules.service;
  }

  /** The rules of the routes, in their order. */
  get routes(): readonly RouteRules[] {
    return this.#rules.routes;
  }

  get declared(): boolean {
    return this.#declared;
  }

  /** A name out of a URL that turned out to be no service: nothing is lost by forgetting it. */
  get forgettable(): boolean {
    const { status } = this.discovery.current;
    return !this.#declared && this.calls === 0 && (status === "absent" || status === "failed");
  }

  /** A call ended. */
  callEnded(): void {
    this.calls--;
    if (this.calls === 0) this.#onIdle?.();
  }

  /** Resolves when no call is in flight, or after `patienceMs`. */
  drained(patienceMs: number): Promise<void> {
    if (this.calls === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#clock.clearTimer(timer);
        this.#onIdle = undefined;
        resolve();
      };
      const timer = this.#clock.setTimer(done, patienceMs, undefined);
      this.#onIdle = done;
    });
  }

  /** Stops watching and ends every connection. */
  async close(): Promise<void> {
    this.closed = true;
    for (const waiting of this.waiting) waiting.abort(closedError(this.service));
    this.discovery.close();
    this.#health?.close();
    this.endpoints.close();
    await this.pools.close();
  }

  #checkHealth(policy: ResolvedHealthCheck | undefined, before: ResolvedHealthCheck | undefined): void {
    if (JSON.stringify(policy) === JSON.stringify(before)) return;
    this.#health?.close();
    this.#health =
      policy === undefined
        ? undefined
        : new UpstreamHealth(this.#options, policy, this.pools, this.endpoints);
    if (policy === undefined) this.endpoints.unchecked();
  }
}

function endpointPolicies(
  { locality, outlierDetection, panicThreshold, slowStart, subset }: ResolvedBalancing,
  { ordinal, seed }: UpstreamOptions["caller"],
): Pick<EndpointSetOptions, "outliers" | "slowStart" | "traffic"> {
  const subsetter = subsetterFor(subset, seed, ordinal);
  return { outliers: outlierDetection, slowStart, traffic: { locality, subsetter, panicThreshold } };
}
