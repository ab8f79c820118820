import { emptyRecord } from "@proxyless/dashboard/feed";
import type { EndpointState, PageState, ServiceState } from "@proxyless/dashboard/feed";

import { opinions, sum } from "./agreement.ts";
import type { Said } from "./agreement.ts";
import { mergeEndpoint } from "./merge-endpoint.ts";
import { mergeCircuits, mergeHedging, mergeLimits } from "./merge-guards.ts";
import type { PageReport } from "./page-report.ts";

/** Several workers as if they were one mesh. */
export function mergeStates(reports: readonly Said<PageReport>[]): PageState {
  const services = emptyRecord<ServiceState>();
  for (const name of new Set(reports.flatMap(([, { state }]) => Object.keys(state.services)))) {
    const said = ofEach(reports, ({ state }) => state.services[name]);
    const attempts = ofEach(reports, ({ counted }) => counted[name]?.attempts);
    services[name] = mergeService(said, new Map(attempts));
  }
  const registrations = new Map(
    reports.flatMap(([, { state }]) => state.registrations).map((one) => [JSON.stringify(one), one]),
  );
  return { services, registrations: [...registrations.values()] };
}

function mergeService(
  said: readonly Said<ServiceState>[],
  attemptsOf: ReadonlyMap<string, number>,
): ServiceState {
  const [, first] = said[0]!;
  const all = said.map(([, service]) => service);
  const of = <T>(valueOf: (service: ServiceState) => T): readonly Said<T>[] =>
    said.map(([worker, service]) => [worker, valueOf(service)]);
  const endpoints = emptyRecord<EndpointState>();
  for (const id of new Set(all.flatMap((service) => Object.keys(service.endpoints)))) {
    endpoints[id] = mergeEndpoint(
      ofEach(said, (service) => service.endpoints[id]),
      attemptsOf,
    );
  }
  return {
    // Whoever knows no endpoints is what to look at.
    status: all.find(({ status }) => status !== "bound")?.status ?? first.status,
    stale: all.some(({ stale }) => stale),
    source: first.source,
    from: first.from,
    trouble: opinions(of(({ trouble }) => trouble)),
    calls: sum(all.map(({ calls }) => calls)),
    balancer: opinions(of(({ balancer }) => balancer)) ?? "",
    panic: all.some(({ panic }) => panic),
    ejected: Math.max(...all.map(({ ejected }) => ejected)),
    panics: sum(all.map(({ panics }) => panics)),
    groups: first.groups,
    circuits: mergeCircuits(of(({ circuits }) => circuits)),
    budget: sum(all.map(({ budget }) => budget)),
    limits: mergeLimits(of(({ limits }) => limits)),
    hedging: mergeHedging(of(({ hedging }) => hedging)),
    policyVersion: opinions(of(({ policyVersion }) => policyVersion)),
    endpoints,
  };
}

function ofEach<T, V>(said: readonly Said<T>[], valueOf: (value: T) => V | undefined): readonly Said<V>[] {
  return said.flatMap(([worker, value]): Said<V>[] => {
    const own = valueOf(value);
    return own === undefined ? [] : [[worker, own]];
  });
}
