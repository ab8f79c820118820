import { CallCounter, CallSums } from "./call-counter.ts";
import { EndpointCounter } from "./endpoint-counter.ts";

/** Routes are those of policies, so that few are many; what is more than these is counted with its service. */
const maxRoutes = 256;

/** What was counted of one service. */
export class ServiceTally {
  readonly endpoints: EndpointCounter = new EndpointCounter();
  readonly #routes = new Map<string | undefined, CallCounter>([[undefined, new CallCounter()]]);

  /** Of a route; of the service itself for `undefined`. */
  of(route: string | undefined): CallCounter {
    let found = this.#routes.get(route);
    if (found === undefined) {
      if (this.#routes.size >= maxRoutes) return this.#routes.get(undefined)!;
      found = new CallCounter();
      this.#routes.set(route, found);
    }
    return found;
  }

  /** Begins the next slot. */
  turn(): void {
    for (const counter of this.#routes.values()) counter.turn();
  }

  /** The calls of the last full slot, of each route. */
  get routes(): readonly (readonly [route: string | undefined, sums: CallSums])[] {
    return Array.from(this.#routes, ([route, counter]) => {
      const sums = new CallSums();
      counter.addTo(sums, 1);
      return [route, sums] as const;
    });
  }

  /**
   * The calls of the last full slots.
   * @param isOf which routes count
   */
  sum(slots: number, isOf: (route: string | undefined) => boolean = () => true): CallSums {
    const sums = new CallSums();
    for (const [route, counter] of this.#routes) if (isOf(route)) counter.addTo(sums, slots);
    return sums;
  }
}

/** What was counted of each service while somebody watched. */
export class Tally {
  readonly #services = new Map<string, ServiceTally>();
  /** Most calls go where the one before went. */
  #last: readonly [name: string, tally: ServiceTally] | undefined;

  of(service: string): ServiceTally {
    if (this.#last?.[0] === service) return this.#last[1];
    let found = this.#services.get(service);
    if (found === undefined) {
      found = new ServiceTally();
      this.#services.set(service, found);
    }
    this.#last = [service, found];
    return found;
  }

  /** Begins the next slot. */
  turn(): void {
    for (const service of this.#services.values()) service.turn();
  }

  /** Begins the next look. */
  turnEndpoints(): void {
    for (const { endpoints } of this.#services.values()) endpoints.turn();
  }

  /** Forgets services that are not among these. */
  keep(services: ReadonlySet<string>): void {
    for (const service of this.#services.keys()) if (!services.has(service)) this.#services.delete(service);
    this.#last = undefined;
  }

  /** Forgets everything. */
  clear(): void {
    this.#services.clear();
    this.#last = undefined;
  }
}
