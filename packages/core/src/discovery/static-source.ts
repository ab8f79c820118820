import { aborted } from "../aborted.ts";
import { configError } from "../errors.ts";
import { toEndpoints, toServiceName } from "./endpoint-input.ts";
import type { EndpointInput } from "./endpoint-input.ts";
import type { DiscoverySource, Endpoint, Snapshot } from "./source.ts";

/**
 * Endpoints that never change, by service name: `staticSource({ orders: ["127.0.0.1:8080", "https://b.internal"] })`.
 * An empty list means that the service has no endpoints; a name that is not in the list does not exist.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` with the path of the field for anything that is no endpoint
 */
export function staticSource(services: Readonly<Record<string, readonly EndpointInput[]>>): DiscoverySource {
  if (typeof services !== "object" || services === null || Array.isArray(services)) {
    throw configError("services", "an object of service names and endpoint lists", services);
  }
  const known = new Map<string, readonly Endpoint[]>();
  for (const [name, inputs] of Object.entries(services)) {
    known.set(toServiceName(name, "services"), toEndpoints(inputs, `services.${name}`));
  }
  return {
    name: "static",
    emptyHoldMs: 0,
    debounceMs: 0,
    key: ({ service }) => service,
    watch({ service }, sink, { signal }) {
      queueMicrotask(() => {
        if (!signal.aborted) sink.snapshot(snapshotOf(known.get(service)));
      });
      return { done: aborted(signal) };
    },
  };
}

/** What a source that knows everything says of a service; `undefined` when it does not exist. */
export function snapshotOf(endpoints: readonly Endpoint[] | undefined): Snapshot {
  return endpoints === undefined
    ? { kind: "absent", endpoints: [], trust: "authoritative" }
    : { kind: "bound", endpoints, trust: "authoritative" };
}
