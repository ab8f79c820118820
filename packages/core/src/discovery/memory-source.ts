import { configError } from "../errors.ts";
import { toEndpoint, toEndpoints, toServiceName } from "./endpoint-input.ts";
import type { EndpointInput } from "./endpoint-input.ts";
import { hostPort } from "./host.ts";
import type { DiscoveryError, DiscoverySource, Endpoint, Sink } from "./source.ts";
import { aborted, snapshotOf } from "./static-source.ts";

/** Endpoints that the process itself sets; a change is visible before the call that made it returns. */
export interface MemorySource extends DiscoverySource {
  /**
   * Replaces the endpoints of a service; an empty list means that it has none.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for anything that is no endpoint, or a duplicate
   */
  set(service: string, endpoints: readonly EndpointInput[]): void;
  /**
   * Adds an endpoint, in place of one with the same id or the same address.
   * @returns its id
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for anything that is no endpoint
   */
  add(service: string, endpoint: EndpointInput): string;
  /** Takes an endpoint out; the service goes on existing, even without endpoints. @returns whether there was one */
  remove(service: string, id: string): boolean;
  /** Forgets a service altogether: from now on it does not exist. */
  delete(service: string): void;
  /** Reports trouble to whoever watches the service; the endpoints stay as they are, until the next change. */
  fail(service: string, error: DiscoveryError): void;
}

/**
 * @param initial endpoints by service name, as in `staticSource`
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` with the path of the field for anything that is no endpoint
 */
export function memorySource(initial: Readonly<Record<string, readonly EndpointInput[]>> = {}): MemorySource {
  if (typeof initial !== "object" || initial === null || Array.isArray(initial)) {
    throw configError("initial", "an object of service names and endpoint lists", initial);
  }
  const services = new Map<string, readonly Endpoint[]>();
  const watches = new Set<{ readonly service: string; readonly sink: Sink }>();
  const tell = (service: string, what: (sink: Sink) => void): void => {
    for (const watch of watches) if (watch.service === service) what(watch.sink);
  };
  const put = (service: string, endpoints: readonly Endpoint[] | undefined): void => {
    if (endpoints === undefined) services.delete(service);
    else services.set(toServiceName(service, "service"), endpoints);
    tell(service, (sink) => {
      sink.snapshot(snapshotOf(endpoints));
    });
  };
  for (const [name, inputs] of Object.entries(initial)) put(name, toEndpoints(inputs, `initial.${name}`));

  return {
    name: "memory",
    emptyHoldMs: 0,
    debounceMs: 0,
    key: ({ service }) => service,
    watch({ service }, sink, { signal }) {
      const watch = { service, sink };
      queueMicrotask(() => {
        if (signal.aborted) return;
        watches.add(watch);
        sink.snapshot(snapshotOf(services.get(service)));
      });
      signal.addEventListener("abort", () => watches.delete(watch), { once: true });
      return { done: aborted(signal) };
    },
    set(service, endpoints) {
      put(service, toEndpoints(endpoints, "endpoints"));
    },
    add(service, input) {
      const added = toEndpoint(input, "endpoint");
      const address = hostPort(added.host, added.port);
      const others = (services.get(service) ?? []).filter(
        ({ id, host, port }) => id !== added.id && hostPort(host, port) !== address,
      );
      put(service, [...others, added]);
      return added.id;
    },
    remove(service, id) {
      const before = services.get(service);
      const after = before?.filter((endpoint) => endpoint.id !== id);
      if (before === undefined || after === undefined || after.length === before.length) return false;
      put(service, after);
      return true;
    },
    delete(service) {
      put(service, undefined);
    },
    fail(service, error) {
      tell(service, (sink) => {
        sink.error(error);
      });
    },
  };
}
