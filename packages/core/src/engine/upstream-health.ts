import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { ResolvedHealthCheck } from "../endpoints/health-check/health-check-policy.ts";
import type { HealthCheckers } from "../endpoints/health-check/health-checkers.ts";
import type { ResolvedTransport } from "../transport/transport-options.ts";
import type { Transport } from "../transport/transport.ts";
import type { EndpointSet } from "./endpoint-set.ts";

/** Numbers for TLS settings, which cannot be compared but by being the same object. */
const tlsNumbers = new WeakMap<object, number>();
let lastTlsNumber = 0;

/** Has those endpoints of a service checked that this process may use. */
export class UpstreamHealth {
  readonly #checkers: HealthCheckers;
  readonly #options: ResolvedTransport;
  readonly #policy: ResolvedHealthCheck;
  readonly #transport: Transport;
  readonly #endpoints: EndpointSet;
  readonly #watched = new Map<EndpointState, () => void>();

  constructor(
    { checkers, transport }: { readonly checkers: HealthCheckers; readonly transport: ResolvedTransport },
    policy: ResolvedHealthCheck,
    carrier: Transport,
    endpoints: EndpointSet,
  ) {
    this.#checkers = checkers;
    this.#options = transport;
    this.#policy = policy;
    this.#transport = carrier;
    this.#endpoints = endpoints;
  }

  /** Begins to check who came, and lets go of who left. */
  update(members: ReadonlySet<EndpointState>): void {
    for (const [state, stop] of this.#watched) {
      if (members.has(state)) continue;
      this.#watched.delete(state);
      stop();
    }
    for (const state of members) {
      if (this.#watched.has(state)) continue;
      // Before the watch begins: what it hears at once may lead here again.
      this.#watched.set(state, () => {});
      const stop = this.#checkers.watch(
        this.#keyOf(state),
        this.#policy,
        (signal) => this.#transport.check(state, this.#policy, signal),
        (health, detail) => {
          if (!state.leaving) this.#endpoints.setActiveHealth(state, health, detail);
        },
      );
      this.#watched.set(state, stop);
    }
  }

  close(): void {
    for (const stop of this.#watched.values()) stop();
    this.#watched.clear();
  }

  /** The same for all whose checks ask the same of the same machine in the same way. */
  #keyOf({ address, spec }: EndpointState): string {
    const { host, scheme, tls } = this.#options;
    const secured =
      (spec.scheme ?? scheme) === "https" ? [tlsNumber(tls), spec.serverName ?? tls?.serverName] : [];
    return JSON.stringify([address, spec.scheme ?? scheme, host, ...secured, this.#policy]);
  }
}

function tlsNumber(tls: object | undefined): number {
  if (tls === undefined) return 0;
  const known = tlsNumbers.get(tls) ?? ++lastTlsNumber;
  tlsNumbers.set(tls, known);
  return known;
}
