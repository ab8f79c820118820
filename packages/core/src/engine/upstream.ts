import type { Clock } from "../clock.ts";
import type { Directory } from "../discovery/directory.ts";
import type { Subscription } from "../discovery/resolution.ts";
import type { HealthCheckers } from "../endpoints/health-check/health-checkers.ts";
import { subsetterFor } from "../endpoints/subset/subsetter.ts";
import type { EventHub } from "../events.ts";
import type { Caller, ResolvedRouteBalancing } from "../policies/balancing-policy.ts";
import { Circuit } from "../policies/circuit.ts";
import { openOpossumWindow } from "../policies/opossum-window.ts";
import type { ResolvedCircuit, ResolvedPolicy, ResolvedRetry, ResolvedTimeout } from "../policies/policy.ts";
import { RetryBudget } from "../policies/retry-budget.ts";
import type { Random } from "../random.ts";
import { compileRoutes } from "../routing/match.ts";
import type { RouteMatcher } from "../routing/match.ts";
import type { ResolvedTransport } from "../transport/transport-options.ts";
import type { OpenTransport, Transport } from "../transport/transport.ts";
import type { BalancingView } from "./balancing-views.ts";
import { closedError } from "./call-errors.ts";
import { EndpointSet } from "./endpoint-set.ts";
import { sendProbe } from "./probe.ts";
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
  /** What is known of this process; `seed` tells it from others like it. */
  readonly caller: Caller & { readonly seed: number };
  readonly directory: Directory;
  readonly checkers: HealthCheckers;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
}

/** The policies that apply to one call: its route's, or the service's own. */
export interface RouteRules {
  /** The route's path, or undefined for the service's own rules. */
  readonly route: string | undefined;
  readonly timeout: ResolvedTimeout;
  readonly retry: ResolvedRetry | false;
  /** The circuits to pass, the service's first. */
  readonly circuits: readonly Circuit[];
  /** Who chooses the endpoints. */
  readonly view: BalancingView;
  /** The time to an answer says nothing of the endpoint. */
  readonly streaming: boolean;
}

/** Everything the engine keeps for one service. */
export class Upstream {
  readonly service: string;
  readonly policy: ResolvedPolicy;
  readonly transport: ResolvedTransport;
  readonly endpoints: EndpointSet;
  readonly pools: Transport;
  readonly budget: RetryBudget;
  readonly targeting: Targeting;
  readonly discovery: Subscription;
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
  readonly #matcher: RouteMatcher;
  /** The rules of calls that no route matches. */
  readonly serviceRules: RouteRules;
  readonly #routes: readonly RouteRules[];
  readonly #circuits: { readonly route: string | undefined; readonly circuit: Circuit }[] = [];

  constructor(options: UpstreamOptions) {
    const { caller, clock, events, policy, random, service, transport } = options;
    const { balancing } = policy;
    this.service = service;
    this.#declared = options.declared;
    this.policy = policy;
    this.transport = transport;
    this.#clock = clock;
    this.pools = options.openTransport(service, transport, policy.timeout.connectMs, clock);
    this.endpoints = new EndpointSet({
      service,
      clock,
      random,
      events,
      outliers: balancing.outlierDetection,
      slowStart: balancing.slowStart,
      traffic: {
        locality: balancing.locality,
        subsetter: subsetterFor(balancing.subset, caller.seed, caller.ordinal),
        panicThreshold: balancing.panicThreshold,
      },
      drainMs: options.drainMs,
      disconnect: (endpoint, abort) => {
        this.pools.disconnect(endpoint, abort);
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
    const serviceCircuit = this.#circuit(policy.circuit, undefined, options);
    this.serviceRules = {
      route: undefined,
      timeout: policy.timeout,
      retry: policy.retry,
      circuits: present(serviceCircuit),
      ...this.#balancingOf(balancing),
    };
    this.#routes = policy.routes.map((route) => ({
      route: route.match.path,
      timeout: route.timeout,
      retry: route.retry,
      circuits: [
        ...(route.serviceCircuit ? present(serviceCircuit) : []),
        ...present(this.#circuit(route.circuit, route.match.path, options)),
      ],
      ...this.#balancingOf(route.balancing),
    }));
    this.#matcher = compileRoutes(policy.routes.map((route) => route.match));
    this.discovery = options.directory.subscribe(service);
    this.discovery.onChange((_, diff) => {
      this.endpoints.apply(diff);
    });
  }

  /** The rules for a request; the first matching route wins. */
  rulesFor(method: string, path: string, template: string | undefined): RouteRules {
    if (this.#routes.length === 0) return this.serviceRules;
    const index = this.#matcher.match(method, path, template);
    return index === -1 ? this.serviceRules : this.#routes[index]!;
  }

  /** The service's circuit, then those that routes have of their own. */
  get circuits(): readonly { readonly route: string | undefined; readonly circuit: Circuit }[] {
    return this.#circuits;
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

  #balancingOf(balancing: ResolvedRouteBalancing): Pick<RouteRules, "view" | "streaming"> {
    const { balancer, endpoints, streaming } = balancing;
    return { view: this.endpoints.view(balancer, endpoints), streaming };
  }

  #circuit(
    policy: ResolvedCircuit | false,
    route: string | undefined,
    { events, random, service }: UpstreamOptions,
  ): Circuit | undefined {
    if (policy === false) return undefined;
    const circuit = new Circuit({
      policy,
      random,
      openWindow: openOpossumWindow,
      now: this.#clock.now(),
      onOpen: (opening) => {
        if (events.wants("circuit.opened"))
          events.emit({ type: "circuit.opened", service, route, ...opening });
      },
      onHalfOpen: () => {
        if (events.wants("circuit.half_opened")) events.emit({ type: "circuit.half_opened", service, route });
      },
      onClose: () => {
        if (events.wants("circuit.closed")) events.emit({ type: "circuit.closed", service, route });
      },
    });
    this.#circuits.push({ route, circuit });
    return circuit;
  }
}

function present(circuit: Circuit | undefined): readonly Circuit[] {
  return circuit === undefined ? [] : [circuit];
}
