import { aborted } from "../aborted.ts";
import { configError } from "../errors.ts";
import { toEndpoint, toEndpoints, toServiceName } from "./endpoint-input.ts";
import type { EndpointInput } from "./endpoint-input.ts";
import { hostPort } from "./host.ts";
import type { DiscoveryError, DiscoverySource, Endpoint, Sink } from "./source.ts";
import { snapshotOf } from "./static-source.ts";

/**
 * Endpoints that the process itself sets. A change is visible before the call that made it returns; among 500 endpoints and
 * more, one that follows another at once waits for its turn, 20 ms for every thousand of them, and among 2,000 and more any
 * change is visible a turn or two of the event loop later.
 */
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
  const services = new Map<string, Book>();
  const watches = new Set<{ readonly service: string; readonly sink: Sink }>();
  const tell = (service: string, what: (sink: Sink) => void): void => {
    for (const watch of watches) if (watch.service === service) what(watch.sink);
  };
  const changed = (service: string): void => {
    const list = services.get(service)?.list();
    tell(service, (sink) => {
      sink.snapshot(snapshotOf(list));
    });
  };
  const bookOf = (service: string): Book => {
    const known = services.get(toServiceName(service, "service"));
    if (known !== undefined) return known;
    const book = new Book([]);
    services.set(service, book);
    return book;
  };
  for (const [name, inputs] of Object.entries(initial)) {
    services.set(toServiceName(name, "service"), new Book(toEndpoints(inputs, `initial.${name}`)));
  }

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
        sink.snapshot(snapshotOf(services.get(service)?.list()));
      });
      signal.addEventListener("abort", () => watches.delete(watch), { once: true });
      return { done: aborted(signal) };
    },
    set(service, endpoints) {
      const book = new Book(toEndpoints(endpoints, "endpoints"));
      services.set(toServiceName(service, "service"), book);
      changed(service);
    },
    add(service, input) {
      const added = toEndpoint(input, "endpoint");
      bookOf(service).add(added);
      changed(service);
      return added.id;
    },
    remove(service, id) {
      if (services.get(service)?.remove(id) !== true) return false;
      changed(service);
      return true;
    },
    delete(service) {
      services.delete(service);
      changed(service);
    },
    fail(service, error) {
      tell(service, (sink) => {
        sink.error(error);
      });
    },
  };
}

/** The endpoints of one service, each id and each address once. */
class Book {
  readonly #byId = new Map<string, Endpoint>();
  readonly #byAddress = new Map<string, string>();

  constructor(endpoints: readonly Endpoint[]) {
    for (const endpoint of endpoints) this.add(endpoint);
  }

  list(): readonly Endpoint[] {
    return [...this.#byId.values()];
  }

  /** Takes the place of whoever has the id, or the address. */
  add(endpoint: Endpoint): void {
    const { host, id, port } = endpoint;
    const address = hostPort(host, port);
    const holder = this.#byAddress.get(address);
    if (holder !== undefined && holder !== id) this.remove(holder);
    const before = this.#byId.get(id);
    if (before !== undefined) this.#byAddress.delete(hostPort(before.host, before.port));
    this.#byId.set(id, endpoint);
    this.#byAddress.set(address, id);
  }

  remove(id: string): boolean {
    const before = this.#byId.get(id);
    if (before === undefined) return false;
    this.#byAddress.delete(hostPort(before.host, before.port));
    return this.#byId.delete(id);
  }
}
