import { Agent } from "undici";
import type { Dispatcher } from "undici";

import { MeshDispatcher } from "./client/dispatcher/mesh-dispatcher.ts";
import type { DoorContext } from "./client/door.ts";
import { createFetch } from "./client/fetch/create-fetch.ts";
import type { MeshFetch } from "./client/fetch/fetch-init.ts";
import { createHostDecision } from "./client/hosts.ts";
import type { HostRules } from "./client/hosts.ts";
import type { TypedClient, TypedClientOptions } from "./client/typed/client-types.ts";
import { createTypedClient } from "./client/typed/client.ts";
import type { Contract, ContractPaths } from "./client/typed/contract-types.ts";
import { createContractClient } from "./client/typed/contract.ts";
import type { AnyPaths } from "./client/typed/openapi-types.ts";
import { systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { Declarations } from "./declarations.ts";
import { createDirectory } from "./discovery/directory.ts";
import type { Directory } from "./discovery/directory.ts";
import { HealthCheckers } from "./endpoints/health-check/health-checkers.ts";
import { awaitEndpoints } from "./engine/await-endpoints.ts";
import { noEndpointError } from "./engine/call-errors.ts";
import { ImportedCircuits } from "./engine/circuits.ts";
import type { CircuitControl, CircuitState } from "./engine/circuits.ts";
import type { DryRunReport } from "./engine/dry-run-report.ts";
import { dryRun } from "./engine/dry-run.ts";
import { Engine } from "./engine/engine.ts";
import { HookList } from "./engine/hooks.ts";
import type { CallHooks } from "./engine/hooks.ts";
import { inspectUpstream } from "./engine/inspect.ts";
import { LoopLag } from "./engine/loop-lag.ts";
import { PolicyBook } from "./engine/policy-book.ts";
import type { PolicyDocument } from "./engine/policy-book.ts";
import { readUpstream } from "./engine/readings.ts";
import type { MeshReadings } from "./engine/readings.ts";
import { Telemetry } from "./engine/telemetry.ts";
import { Upstream } from "./engine/upstream.ts";
import { configError } from "./errors.ts";
import { EventHub } from "./event-hub.ts";
import type { MeshEventOf, MeshEventType } from "./events.ts";
import { serviceKeys, serviceName } from "./mesh-options.ts";
import type { MeshOptions, ServiceOptions } from "./mesh-options.ts";
import type { Mesh, MeshView, ReadOptions, ServiceClientOptions } from "./mesh-types.ts";
import { checkNumber } from "./option-checks.ts";
import type { Caller } from "./policies/balancing-policy.ts";
import type { FaultPolicy } from "./policies/fault/fault-policy.ts";
import { resolveFault } from "./policies/fault/resolve-fault.ts";
import type { ServicePolicy } from "./policies/policy.ts";
import { systemRandom } from "./random.ts";
import type { Random } from "./random.ts";
import type { ServiceInstance } from "./registration/instance.ts";
import type { MeshRegistration } from "./registration/membership.ts";
import type { RegisterOptions } from "./registration/register-options.ts";
import { Registrations } from "./registration/registrations.ts";
import type { OpenTransport } from "./transport/transport.ts";

/** How many names met in URLs may be in use at once that nobody declared. */
const MAX_UNDECLARED = 256;

/** The mesh over some transport. */
export class ServiceMesh implements Mesh {
  readonly fetch: MeshFetch;
  readonly dispatcher: Dispatcher;
  readonly #external = new Agent();
  readonly #events = new EventHub();
  readonly #hooks = new HookList();
  readonly #directory: Directory;
  readonly #registrations: Registrations;
  readonly engine: Engine;
  readonly #openTransport: OpenTransport;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #drainMs: number;
  readonly #checkers: HealthCheckers;
  readonly #imported: ImportedCircuits;
  readonly #lag: LoopLag | undefined;
  readonly #caller: Caller & { readonly seed: number };
  readonly #book: PolicyBook;
  readonly #recordOutcomes: number;
  readonly #declarations: Declarations;
  #closing: Promise<void> | undefined;

  constructor(options: MeshOptions, openTransport: OpenTransport, mayStall: boolean) {
    this.#openTransport = openTransport;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#drainMs = options.drainMs ?? 10_000;
    // Another clock than the system's knows nothing of this process' event loop, unless it says so.
    this.#lag = mayStall ? new LoopLag(this.#clock) : undefined;
    this.#checkers = new HealthCheckers(this.#clock, this.#random);
    this.#imported = new ImportedCircuits(options.circuitState, this.#clock.wallNow());
    const { locality, ordinal } = options;
    this.#caller = { locality, ordinal, seed: Math.floor(this.#random() * 2 ** 32) };
    this.#book = new PolicyBook(this.#caller, this.#events);
    this.#declarations = new Declarations(this.#caller, this.#book);
    this.#recordOutcomes = options.recordOutcomes ?? 0;
    for (const hooks of [options.hooks ?? []].flat()) this.#hooks.add(hooks, "hooks");
    for (const [name, service] of Object.entries(options.services ?? {})) {
      this.#declarations.add(name, service, `services.${name}`);
    }
    const parts = { clock: this.#clock, random: this.#random, events: this.#events };
    this.#registrations = new Registrations(this.#clock, this.#events, options.registrar);
    const directory = options.directory ?? {};
    this.#directory = createDirectory({ ...parts, source: options.discovery, options: directory });
    this.engine = new Engine(
      { ...parts, lag: this.#lag, telemetry: new Telemetry(), hooks: this.#hooks },
      (service) => this.#open(service),
    );
    const context: DoorContext = {
      engine: this.engine,
      clock: this.#clock,
      totalMs: (service, method, path) =>
        this.engine.upstream(service).rulesFor(method, path, undefined).timeout.totalMs,
      decide: createHostDecision(this.#hostRules(options.external ?? "refuse")),
      external: this.#external,
    };
    this.fetch = createFetch(context);
    this.dispatcher = new MeshDispatcher(context);
  }

  service<const C extends Contract>(
    name: string,
    options: ServiceClientOptions & { readonly contract: C },
  ): TypedClient<ContractPaths<C>>;
  service<Paths extends object = AnyPaths>(name: string, options?: ServiceClientOptions): TypedClient<Paths>;
  service(name: string, options: ServiceClientOptions & { readonly contract?: Contract } = {}): object {
    const { service, client, contract } = splitOptions(options);
    const isNew = !this.#declarations.has(serviceName(name));
    const hasOptions = Object.keys(service).length > 0;
    if (hasOptions && this.engine.has(name)) {
      const expected = `given before ${name} is first used: in createMesh's services, or with the first mesh.service`;
      throw configError("options", expected, service);
    }
    if (hasOptions || isNew) this.#declarations.add(name, service, "");
    // Watching begins now, so that the first call need not wait.
    this.engine.upstream(name);
    return contract === undefined
      ? createTypedClient(this.engine, name, client)
      : createContractClient(this.engine, name, contract, client);
  }

  on<T extends MeshEventType>(type: T, listener: (event: MeshEventOf<T>) => void): () => void {
    return this.#events.on(type, listener);
  }

  hook(hooks: CallHooks): () => void {
    return this.#hooks.add(hooks, "hooks");
  }

  inspect(): MeshView {
    const now = this.#clock.now();
    return {
      services: Array.from(this.engine.upstreams, (upstream) =>
        inspectUpstream(upstream, this.#book.viewOf(upstream.policy), now),
      ),
      discovery: this.#directory.dump(),
      registrations: this.#registrations.view(),
    };
  }

  read({ endpoints = false }: ReadOptions = {}): MeshReadings {
    const now = this.#clock.now();
    return {
      services: Array.from(this.engine.upstreams, (upstream) => readUpstream(upstream, endpoints, now)),
      discovery: this.#directory.read(),
      stalledMs: this.#lag?.totalMs ?? 0,
    };
  }

  configure(document: PolicyDocument): readonly string[] {
    return this.#book.configure(
      document,
      (name) => this.#declarations.codeOf(serviceName(name)),
      (name) => this.engine.find(name),
    );
  }

  dryRun(service: string, policy: ServicePolicy): DryRunReport {
    const { outcomes } = this.engine.upstream(serviceName(service));
    if (outcomes === undefined) {
      throw configError("recordOutcomes", "above 0 for dry runs", this.#recordOutcomes);
    }
    return dryRun(
      service,
      outcomes.calls,
      this.#book.supposed(service, this.#declarations.codeOf(service), policy),
    );
  }

  circuit(service: string, route?: string): CircuitControl {
    return this.engine.upstream(service).circuits.control(route);
  }

  injectFaults(service: string, faults: false | FaultPolicy, route?: string): void {
    const upstream = this.engine.upstream(service);
    const all = [upstream.serviceRules, ...upstream.routes].filter(({ faults: own }) => own !== undefined);
    const exact = all.filter(({ label }) => label === route);
    const named = exact.length > 0 ? exact : all.filter((one) => one.route === route);
    const rules = named.length === 1 ? named[0] : undefined;
    if (rules?.faults === undefined) {
      throw configError(
        "service",
        `one that was given a faultInjection${route === undefined ? "" : ` for ${route}`}`,
        service,
      );
    }
    rules.faults.update(resolveFault(faults, "faults"));
  }

  exportCircuits(): CircuitState {
    const circuits = Array.from(this.engine.upstreams, (upstream) => upstream.circuits.export()).flat();
    return { version: 1, exportedAt: this.#clock.wallNow(), circuits };
  }

  async ready(service: string, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { discovery, endpoints } = this.engine.upstream(service);
    const resolution = await discovery.ready(options);
    if (resolution.status === "absent") throw noEndpointError(service, resolution, endpoints.size, undefined);
  }

  register<I extends ServiceInstance = ServiceInstance>(
    options: RegisterOptions<I>,
  ): Promise<MeshRegistration> {
    return this.#registrations.register(options);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // First: until the last caller has gone elsewhere, what it asks for may need calls. Where nobody is registered, calls are
    // refused from this very moment on.
    const leaving = this.#registrations.close();
    if (leaving !== undefined) await leaving;
    await this.engine.close(this.#drainMs);
    this.#checkers.close();
    this.#lag?.close();
    await Promise.all([this.#directory.close(), this.#external.destroy()]);
  }

  #open(service: string): Upstream {
    const policy = this.#book.policyOf(service, this.#declarations.codeOf(service));
    const transport = this.#declarations.transportOf(service);
    return new Upstream({
      service,
      declared: this.#declarations.has(service),
      policy,
      transport,
      openTransport: this.#openTransport,
      drainMs: this.#drainMs,
      recordOutcomes: this.#recordOutcomes,
      caller: this.#caller,
      checkers: this.#checkers,
      imported: this.#imported,
      callsOf: (upstream) => this.engine.callsOf(upstream),
      directory: this.#directory,
      clock: this.#clock,
      random: this.#random,
      events: this.#events,
    });
  }

  #hostRules(external: "refuse" | "allow"): HostRules {
    return {
      external,
      declared: (host) => this.#declarations.named(host),
      schemeOf: (name) =>
        this.#declarations.has(name) ? this.#declarations.transportOf(name).scheme : "http",
      isFull: (name) => !this.engine.has(name) && this.engine.undeclared >= MAX_UNDECLARED,
      known: (name) => {
        const { status } = this.engine.upstream(name).discovery.current;
        return status === "pending" ? undefined : status === "bound";
      },
      lookUp: async (name, timeoutMs, signal) => {
        const upstream = this.engine.upstream(name);
        const given = checkNumber(timeoutMs, "timeoutMs", { min: 1, max: 2 ** 31 - 1 });
        await awaitEndpoints(upstream, this.#clock, given ?? upstream.policy.timeout.totalMs, signal);
        return upstream.discovery.current.status === "bound";
      },
    };
  }
}

function splitOptions({ contract, ...options }: ServiceClientOptions & { readonly contract?: Contract }): {
  readonly service: ServiceOptions;
  readonly client: TypedClientOptions;
  readonly contract: Contract | undefined;
} {
  const own = Object.entries(options);
  return {
    service: Object.fromEntries(own.filter(([key]) => serviceKeys.includes(key))),
    client: Object.fromEntries(own.filter(([key]) => !serviceKeys.includes(key))),
    contract,
  };
}
