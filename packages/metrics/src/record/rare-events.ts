import type { Mesh } from "@proxyless/core";

import { definitions } from "../definitions.ts";
import type { ServiceBook } from "./service-book.ts";

/**
 * Counts everything that does not happen with every call.
 * @returns what ends it
 */
export function countRareEvents(
  mesh: Mesh,
  bookOf: (service: string) => ServiceBook,
): readonly (() => void)[] {
  const circuit =
    (state: string) => (event: { service: string; route: string | undefined; enforced: boolean }) => {
      bookOf(event.service).add(definitions.circuitTransitions, {
        "proxyless.route": event.route,
        "proxyless.circuit.state": state,
        "proxyless.enforced": event.enforced,
      });
    };
  return [
    mesh.on("call.hedged", ({ service }) => {
      bookOf(service).add(definitions.hedges);
    }),
    mesh.on("call.shed", ({ criticality, route, service, why }) => {
      bookOf(service).add(definitions.shed, {
        "proxyless.route": route,
        "proxyless.reason": why,
        "proxyless.criticality": criticality,
      });
    }),
    mesh.on("call.coalesced", ({ route, service }) => {
      bookOf(service).add(definitions.coalesced, { "proxyless.route": route });
    }),
    mesh.on("call.cached", ({ how, route, service }) => {
      bookOf(service).add(definitions.cached, { "proxyless.route": route, "proxyless.cache.result": how });
    }),
    mesh.on("call.fell_back", ({ route, service, to }) => {
      bookOf(service).add(definitions.fallbacks, { "proxyless.route": route, "proxyless.fallback": to });
    }),
    mesh.on("fault.injected", ({ flag, route, service }) => {
      bookOf(service).add(definitions.faults, { "proxyless.route": route, "proxyless.flag": flag });
    }),
    mesh.on("budget.exhausted", ({ service }) => {
      bookOf(service).add(definitions.budgetExhausted);
    }),
    mesh.on("circuit.opened", circuit("open")),
    mesh.on("circuit.half_opened", circuit("half_open")),
    mesh.on("circuit.closed", circuit("closed")),
    mesh.on("endpoint.ejected", ({ detector, service }) => {
      bookOf(service).add(definitions.ejectionsEnforced, { "proxyless.detection_method": detector });
    }),
    mesh.on("endpoint.ejection_skipped", ({ detector, service, why }) => {
      bookOf(service).add(definitions.ejectionsUnenforced, {
        "proxyless.detection_method": detector,
        "proxyless.unenforced_reason": why,
      });
    }),
    mesh.on("discovery.updated", ({ service }) => {
      bookOf(service).add(definitions.discoveryUpdates);
    }),
    mesh.on("discovery.error", ({ class: kind, service }) => {
      bookOf(service).add(definitions.discoveryErrors, { "error.type": kind });
    }),
    mesh.on("discovery.protected", ({ reason, service }) => {
      bookOf(service).add(definitions.discoveryProtected, { "proxyless.reason": reason });
    }),
    mesh.on("discovery.skipped", ({ entries, service, source }) => {
      bookOf(service).add(definitions.discoverySkipped, { "proxyless.source": source }, entries);
    }),
  ];
}
