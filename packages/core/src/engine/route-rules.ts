import { isDeepStrictEqual } from "node:util";

import type { Clock } from "../clock.ts";
import type { ResolvedDeadline } from "../context/deadline-policy.ts";
import type { EventHub } from "../event-hub.ts";
import type { ResolvedAround } from "../policies/around-policy.ts";
import type { ResolvedRouteBalancing } from "../policies/balancing-policy.ts";
import type { Circuit } from "../policies/circuit/circuit.ts";
import { FaultInjector } from "../policies/fault/fault-injector.ts";
import type { ResolvedFault } from "../policies/fault/fault-policy.ts";
import type { ResolvedHedge } from "../policies/hedge/hedge-policy.ts";
import { Hedging } from "../policies/hedge/hedging.ts";
import type { ResolvedLimits } from "../policies/limit/limits-policy.ts";
import { Limits } from "../policies/limit/limits.ts";
import type { ResolvedRetry } from "../policies/retry/retry-policy.ts";
import type { ResolvedTimeout } from "../policies/timeout/timeout-policy.ts";
import type { Random } from "../random.ts";
import type { Transport } from "../transport/transport.ts";
import { openAround } from "./around/around.ts";
import type { Around } from "./around/around.ts";
import { AttemptFaults } from "./around/attempt-faults.ts";
import { ResponseStore } from "./around/response-store.ts";
import type { BalancingView } from "./balancing-views.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import type { CallRequest, ResponseSink } from "./request.ts";

/** The policies that apply to one call: its route's, or the service's own. */
export interface RouteRules {
  /** The route's path, or undefined for the service's own rules. */
  readonly route: string | undefined;
  readonly timeout: ResolvedTimeout;
  readonly retry: ResolvedRetry | false;
  /** When an attempt gets another one beside it; undefined for never. */
  readonly hedging: Hedging | undefined;
  readonly deadline: ResolvedDeadline;
  /** What may refuse a call before it is sent; undefined for nothing. */
  readonly limits: Limits | undefined;
  /** The circuits to pass, the service's first. */
  readonly circuits: readonly Circuit[];
  /** Who chooses the endpoints. */
  readonly view: BalancingView;
  /** The time to an answer says nothing of the endpoint. */
  readonly streaming: boolean;
  /** What may answer in place of a call; undefined for nothing. */
  readonly around: Around | undefined;
  /** Who sends the attempts. */
  readonly transport: Pick<Transport, "send">;
  /** Undefined where no faults are injected. */
  readonly faults: FaultInjector | undefined;
  /** What the policy says of them; they may have been changed by hand since. */
  readonly faultInjection: ResolvedFault | false;
  /** How it is named by hand: with its methods, where it has some. Undefined for the service's own. */
  readonly label: string | undefined;
}

/** What rules are made of; a resolved service policy is one, and so is that of a route. */
export interface RulesPolicy {
  readonly timeout: ResolvedTimeout;
  readonly retry: ResolvedRetry | false;
  readonly hedge: ResolvedHedge | false;
  readonly deadline: ResolvedDeadline;
  readonly around: ResolvedAround;
  readonly balancing: ResolvedRouteBalancing;
}

/** Makes calls, by rules that are known already. */
export interface Calls {
  call(rules: RouteRules, request: CallRequest, sink: ResponseSink): void;
  /** A call to another service, in place of one to this. */
  elsewhere(service: string, request: CallRequest, sink: ResponseSink): void;
}

/** What all rules of a service share. */
export interface RulesParts {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly endpoints: EndpointSet;
  readonly transport: Pick<Transport, "send">;
  /** Undefined where no route keeps responses. */
  readonly responses: ResponseStore | undefined;
  readonly calls: Calls;
}

/** Where a service keeps the responses of all its routes; undefined where none of them does. */
export function openResponses(
  policies: readonly { readonly around: ResolvedAround }[],
  clock: Clock,
  before?: ResponseStore,
): ResponseStore | undefined {
  const caches = policies.map(({ around }) => around.cache).filter((cache) => cache !== false);
  if (caches.length === 0) return undefined;
  const limits = {
    maxEntries: Math.max(...caches.map(({ maxEntries }) => maxEntries)),
    maxBytes: Math.max(...caches.map(({ maxBytes }) => maxBytes)),
    maxEntryBytes: Math.max(...caches.map(({ maxEntryBytes }) => maxEntryBytes)),
  };
  before?.limit(limits);
  return before ?? new ResponseStore(limits, () => clock.wallNow());
}

/** Undefined where nothing is limited. */
export function openLimits(policy: ResolvedLimits, parts: RulesParts, before?: Limits): Limits | undefined {
  // Also where nothing is limited any more: those who wait are let go.
  before?.update(policy, parts.clock.now());
  const isOff = Object.values(policy).every((part) => part === false);
  return isOff ? undefined : (before ?? new Limits(policy, parts));
}

/**
 * The rules of a service or of one of its routes.
 * @param before those of the same calls under another policy, from which is taken over what counts and remembers
 */
export function openRules(
  parts: RulesParts,
  { label, route }: { readonly label: string | undefined; readonly route: string | undefined },
  policy: RulesPolicy,
  limits: Limits | undefined,
  circuits: readonly Circuit[],
  before?: RouteRules,
): RouteRules {
  const { calls, clock, endpoints, events, random, responses, service, transport } = parts;
  const { around, balancing, deadline, hedge, retry, timeout } = policy;
  const { balancer, endpoints: filter, streaming } = balancing;
  const { faultInjection } = around;
  // What was switched by hand stays as it is, until the policy says something else of it.
  const isSame = before !== undefined && isDeepStrictEqual(before.faultInjection, faultInjection);
  const fresh = faultInjection === false ? undefined : new FaultInjector(faultInjection, random);
  const faults = isSame ? before.faults : fresh;
  const scope = { service, route, clock, events };
  const rules: RouteRules = {
    route,
    timeout,
    retry,
    hedging: hedge === false ? undefined : new Hedging(hedge, clock.now(), before?.hedging),
    deadline,
    limits,
    circuits,
    view: endpoints.view(balancer, filter),
    streaming,
    faults,
    faultInjection,
    label,
    transport:
      faults === undefined ? transport : new AttemptFaults({ ...scope, injector: faults, transport }),
    around: openAround(
      {
        ...scope,
        ...around,
        totalMs: timeout.totalMs,
        inherits: deadline.inherit,
        faults,
        responses,
        before: before?.around,
        sendElsewhere: (other, request, sink) => {
          calls.elsewhere(other, request, sink);
        },
      },
      (request, sink) => {
        calls.call(rules, request, sink);
      },
    ),
  };
  return rules;
}
