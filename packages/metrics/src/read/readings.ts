import type { Attributes } from "@opentelemetry/api";
import type { MeshReadings, ServiceReading, WatchReading } from "@proxyless/core";

import { definitions } from "../definitions.ts";
import { endpointAttributes, withDefined } from "../record/attributes.ts";
import { observeLimits } from "./limits.ts";
import type { Observe } from "./observations.ts";

/** A name out of a URL that is no service the mesh forgets sooner than this, unless it is called again. */
const absentMs = 30_000;
const circuitStates = ["closed", "open", "half_open"];

/** Tells the numbers that a mesh has at the moment, by instrument. */
export function observeReadings(readings: MeshReadings, common: Attributes, observe: Observe): void {
  const watches = new Map(readings.discovery.map((watch) => [watch.service, watch]));
  for (const service of readings.services) {
    const attributes = { ...common, "server.address": service.service };
    observeService(service, attributes, observe);
    observeStandings(service, watches.get(service.service), attributes, observe);
    observeLimits(service.limits, attributes, observe);
    observeEndpoints(service, attributes, observe);
  }
  for (const watch of readings.discovery) {
    if (watch.users > 0) observeWatch(watch, { ...common, "server.address": watch.service }, observe);
  }
  observe(definitions.eventLoopStalled, readings.stalledMs / 1_000, common);
}

function observeWatch(watch: WatchReading, attributes: Attributes, observe: Observe): void {
  const { ageMs, changedMs, counts, staleMs = 0, users } = watch;
  if (ageMs !== undefined) observe(definitions.discoveryAge, ageMs / 1_000, attributes);
  if (changedMs !== undefined) observe(definitions.discoveryLastChange, changedMs / 1_000, attributes);
  observe(definitions.discoveryTrouble, staleMs / 1_000, attributes);
  observe(definitions.discoveryUsers, users, attributes);
  const why = (reason: string): Attributes => ({ ...attributes, "proxyless.reason": reason });
  observe(definitions.discoveryResets, counts.resets, why("protocol-reset"));
  observe(definitions.discoveryResets, counts.reopened, why("reopened"));
}

function observeService(reading: ServiceReading, attributes: Attributes, observe: Observe): void {
  const { connected, free, queued } = reading.connections;
  observe(definitions.activeCalls, reading.calls, attributes);
  observe(definitions.activeAttempts, reading.attempts, attributes);
  observe(definitions.subset, reading.subset, attributes);
  observe(definitions.panics, reading.panics, attributes);
  observe(definitions.isPanic, Number(reading.isPanic), attributes);
  observe(definitions.budgetBalance, reading.budget, attributes);
  observe(definitions.connectionQueue, queued, attributes);
  const state = (name: string): Attributes => ({ ...attributes, "http.connection.state": name });
  observe(definitions.openConnections, connected - free, state("active"));
  observe(definitions.openConnections, free, state("idle"));
  for (const circuit of reading.circuits) {
    for (const name of circuitStates) {
      const own = { "proxyless.route": circuit.route, "proxyless.circuit.state": name };
      observe(definitions.circuitState, Number(circuit.state === name), withDefined(attributes, own));
    }
  }
}

/** @param watch undefined where the service shares that of another name */
function observeStandings(
  { standings }: ServiceReading,
  watch: WatchReading | undefined,
  attributes: Attributes,
  observe: Observe,
): void {
  const { changedMs = 0, status = "bound" } = watch ?? {};
  // Of a service that does not exist, or is not known yet, there are no endpoints, not even none.
  const none = status === "absent" || status === "pending" ? {} : { open: 0 };
  for (const [standing, count] of Object.entries({ ...none, ...standings })) {
    observe(definitions.endpoints, count, { ...attributes, "proxyless.endpoint.state": standing });
  }
  const isKnown = status === "absent" ? changedMs >= absentMs : status !== "pending";
  observe(definitions.noEndpoints, Number(isKnown && (standings.open ?? 0) === 0), attributes);
}

function observeEndpoints({ endpoints }: ServiceReading, service: Attributes, observe: Observe): void {
  for (const { connections, endpoint, latencyMs, pending, standing } of endpoints) {
    let made: Attributes | undefined;
    // Of very many endpoints only some have series of their own.
    const attributes = (): Attributes => (made ??= { ...service, ...endpointAttributes(endpoint) });
    observe(definitions.endpointActive, pending, attributes);
    if (latencyMs !== undefined) observe(definitions.endpointLatency, latencyMs / 1_000, attributes);
    observe(definitions.endpointConnections, connections?.connected ?? 0, attributes);
    const state = (): Attributes => ({ ...attributes(), "proxyless.endpoint.state": standing });
    observe(definitions.endpointState, 1, state);
  }
}
