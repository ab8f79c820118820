import type { Dispatcher } from "undici";

import type { MeshFetch } from "./client/fetch/fetch-init.ts";
import type { TypedClient, TypedClientOptions } from "./client/typed/client-types.ts";
import type { Contract, ContractPaths } from "./client/typed/contract-types.ts";
import type { AnyPaths } from "./client/typed/openapi-types.ts";
import type { WatchDump } from "./discovery/dump.ts";
import type { CircuitControl, CircuitState } from "./engine/circuits.ts";
import type { DryRunReport } from "./engine/dry-run-report.ts";
import type { CallHooks } from "./engine/hooks.ts";
import type { ServiceView } from "./engine/inspect.ts";
import type { PolicyDocument } from "./engine/policy-book.ts";
import type { MeshReadings } from "./engine/readings.ts";
import type { MeshEventOf, MeshEventType } from "./events.ts";
import type { ServiceOptions } from "./mesh-options.ts";
import type { FaultPolicy } from "./policies/fault/fault-policy.ts";
import type { ServicePolicy } from "./policies/policy.ts";
import type { ServiceInstance } from "./registration/instance.ts";
import type { MeshRegistration } from "./registration/membership.ts";
import type { RegisterOptions } from "./registration/register-options.ts";
import type { RegistrationView } from "./registration/registrations.ts";

/** Options of `mesh.service`: those of the service, which are given once per mesh, and those of this client. */
export type ServiceClientOptions = ServiceOptions & TypedClientOptions;

/** A dump of a mesh: plain, JSON-serialisable, without secrets. */
export interface MeshView {
  readonly services: readonly ServiceView[];
  readonly discovery: readonly WatchDump[];
  readonly registrations: readonly RegistrationView[];
}

/** What `mesh.read` is to read. */
export interface ReadOptions {
  /** Each endpoint by itself as well. Default: `false`. */
  readonly endpoints?: boolean;
}

/** The object a process creates once: discovers, balances, guards, retries, times and measures its calls. */
export interface Mesh extends AsyncDisposable {
  /** A typed client of a service from a hand-written contract of Standard Schema validators. */
  service<const C extends Contract>(
    name: string,
    options: ServiceClientOptions & { readonly contract: C },
  ): TypedClient<ContractPaths<C>>;
  /**
   * A typed client of a service. `Paths` is what openapi-typescript makes of the service's OpenAPI document.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for bad options, or when the service was given options before
   */
  service<Paths extends object = AnyPaths>(name: string, options?: ServiceClientOptions): TypedClient<Paths>;
  /**
   * The WHATWG `fetch`, governed: a URL whose host is a service goes to one of its endpoints. Rejects with a
   * {@link ProxylessError}, or with the reason of the signal.
   */
  readonly fetch: MeshFetch;
  /** An undici Dispatcher, governed: for `undici.request(url, { dispatcher })` and `setGlobalDispatcher`. */
  readonly dispatcher: Dispatcher;
  /** Hears of everything of one type that happens. Returns the function that ends it. */
  on<T extends MeshEventType>(type: T, listener: (event: MeshEventOf<T>) => void): () => void;
  /**
   * Calls functions around each call and each attempt that begins from now on; they may add headers and tags. Returns
   * the function that ends it.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what are no hooks
   */
  hook(hooks: CallHooks): () => void;
  /**
   * Puts a document of policies in force, all of it or nothing, and for calls that begin from now on: those in flight keep the
   * rules that they began with. Laid over what was given in code; what only code can say stays. Nothing that was counted is lost.
   * A document whose version is in force changes nothing. Told by the events `policy.applied` and `policy.refused`.
   * @param document of data alone; as from `JSON.parse`
   * @returns the services whose policy was put in force
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` with the field at fault
   */
  configure(document: PolicyDocument): readonly string[];
  /**
   * What a policy would have done to the last calls of a service, were it laid over what was given in code; changes nothing. Takes
   * the option `recordOutcomes`.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad policy, or where nothing is recorded
   */
  dryRun(service: string, policy: ServicePolicy): DryRunReport;
  /** The present state of every service that was used. */
  inspect(): MeshView;
  /**
   * The present numbers of every service that was used, for metrics: much less work than {@link Mesh.inspect} where there are many
   * endpoints.
   */
  read(options?: ReadOptions): MeshReadings;
  /**
   * The circuit of a service, or of one of its routes (by its path, or `POST /path` where several have that), to be operated by hand.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` where there is none
   */
  circuit(service: string, route?: string): CircuitControl;
  /**
   * Changes the faults that are injected into the calls of a service, or of one of its routes (by its path), from now on; `false` ends
   * them. The service or route must have been given a `faultInjection`, which may say `enabled: false`.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad policy, or where none was given
   */
  injectFaults(service: string, faults: false | FaultPolicy, route?: string): void;
  /** What the circuits know, for the `circuitState` of the mesh that comes after this one. */
  exportCircuits(): CircuitState;
  /**
   * Resolves when the endpoints of a service are known.
   * @throws ProxylessError `ERR_PROXYLESS_UNKNOWN_SERVICE` when discovery has no such name, `ERR_PROXYLESS_DISCOVERY`
   *   when it cannot tell, `ERR_PROXYLESS_CLOSED` after `close`
   */
  ready(service: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Registers an instance of this process with a registry and keeps it there, whatever happens to the registry, until it
   * leaves. Call it when the server listens.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for a bad option; `ERR_PROXYLESS_REGISTRATION` when the registry refuses
   *   it or does not take it within `startTimeoutMs`; `ERR_PROXYLESS_CLOSED` after `close`, and when `close` or a signal
   *   came while it was being registered: once everything that had to leave has left
   */
  register<I extends ServiceInstance = ServiceInstance>(
    options: RegisterOptions<I>,
  ): Promise<MeshRegistration>;
  /**
   * Lets what is registered leave, then refuses new calls, lets those in flight finish (for `drainMs` at most) and ends
   * everything.
   */
  close(): Promise<void>;
}
