import type { EndpointView, MeshView, ServiceView } from "@proxyless/core";

import type { EndpointCounter } from "./endpoint-counter.ts";
import { emptyRecord } from "./merge-patch.ts";
import { rounded, shareSteps } from "./rounded.ts";
import type {
  CircuitStateView,
  EndpointAbout,
  EndpointFigures,
  EndpointState,
  LimitsStateView,
  PageState,
  Reason,
  ServiceState,
} from "./state.ts";
import type { Tally } from "./tally.ts";

type Watched = MeshView["discovery"][number];

/** What `mesh.inspect()` says and what was counted, in the form of the page: less of it, and rounded, so that little changes. @param before the last one */
export function snapshot(view: MeshView, tally: Tally, before: PageState): PageState {
  const services = emptyRecord<ServiceState>();
  const watches = new Map(view.discovery.map((watch) => [watch.service, watch]));
  for (const service of view.services) {
    services[service.service] = serviceState(
      service,
      watches.get(service.service),
      tally.of(service.service).endpoints,
      before.services[service.service],
    );
  }
  const registrations = view.registrations.map(({ registry, service, state }) => ({
    service,
    registry,
    state,
  }));
  return { services, registrations };
}

function serviceState(
  view: ServiceView,
  watch: Watched | undefined,
  counter: EndpointCounter,
  before: ServiceState | undefined,
): ServiceState {
  const { balancing, budget, circuits, discovery, hedging, limits, policy } = view;
  const endpoints = emptyRecord<EndpointState>();
  for (const endpoint of view.endpoints) {
    endpoints[endpoint.id] = endpointState(endpoint, counter, before?.endpoints[endpoint.id]);
  }
  const { balancer, ejected, groups, panic, panics } = balancing;
  return {
    status: discovery.status,
    stale: discovery.stale,
    source: watch?.source,
    from: watch?.from,
    trouble: watch?.error?.message,
    calls: view.calls,
    balancer,
    panic,
    ejected,
    panics,
    groups: groups.map((group) => ({
      share: rounded(group.share, shareSteps),
      endpoints: group.endpoints.length,
    })),
    circuits: circuits.map(circuitState),
    budget: rounded(budget.balance, 10),
    limits: limits.map(limitsState),
    hedging: hedging.map(({ delayMs, hedges, isServiceSlow, late, route }) => ({
      route,
      delayMs: delayMs === undefined ? undefined : rounded(delayMs, 100),
      hedges,
      late,
      isServiceSlow,
    })),
    policyVersion: policy?.version,
    endpoints,
  };
}

/** The same object where nothing changed, so that nobody need look into it. */
function endpointState(
  view: EndpointView,
  counter: EndpointCounter,
  before: EndpointState | undefined,
): EndpointState {
  const { cost, endpoint, gate, latencyMs } = view;
  const about = aboutOf(view, before?.about);
  const figures: EndpointFigures = [
    rounded(view.effectiveWeight, 1e3),
    view.pending,
    latencyMs === undefined ? null : rounded(latencyMs, latencyMs < 10 ? 100 : 10),
    rounded(view.successRatio, 100),
    rounded(counter.share(endpoint), shareSteps),
    cost === undefined || !Number.isFinite(cost) ? null : rounded(cost, 10),
  ];
  const isSame =
    before !== undefined &&
    before.about === about &&
    before.gate.length === 0 &&
    gate.length === 0 &&
    before.figures.every((figure, i) => figure === figures[i]);
  return isSame ? before : { about, gate: gate.length === 0 ? noReasons : gate.map(reasonOf), figures };
}

const noReasons: readonly Reason[] = [];

function reasonOf({ endsInMs, kind, text }: EndpointView["gate"][number]): Reason {
  return endsInMs === undefined ? { kind, text } : { kind, text, endsInMs: Math.round(endsInMs) };
}

/** The same for what seldom changes. */
function aboutOf(view: EndpointView, before: EndpointAbout | undefined): EndpointAbout {
  const { endpoint: address, health, priority, version, weight, zone } = view;
  const isSame =
    before !== undefined &&
    before.address === address &&
    before.health === health &&
    before.priority === priority &&
    before.version === version &&
    before.weight === weight &&
    before.zone === zone;
  return isSame ? before : { address, health, zone, version, weight, priority };
}

function circuitState(view: ServiceView["circuits"][number]): CircuitStateView {
  const { calls, failureRatio, failures, mode, openForMs, refused, route, slow, state } = view;
  return {
    route,
    mode,
    state,
    calls,
    failures,
    slow,
    failureRatio: rounded(failureRatio, 1e3),
    refused,
    // Forced open it stays open until somebody says otherwise.
    openForMs: Number.isFinite(openForMs) ? Math.round(openForMs) : 0,
  };
}

/** What is limited is nested, and everything in it changes with every call: rounded as it is written. */
function limitsState(limits: ServiceView["limits"][number]): LimitsStateView {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- a copy of what is JSON
  return JSON.parse(JSON.stringify(limits, roundedLeaf)) as LimitsStateView;
}

function roundedLeaf(_key: string, value: unknown): unknown {
  return typeof value === "number" ? rounded(value, 100) : value;
}
