import type { Clock } from "./clock.ts";
import type { DirectoryOptions } from "./discovery/directory-options.ts";
import type { DiscoverySource, Locality } from "./discovery/source.ts";
import type { Ordinal } from "./endpoints/subset/subsetter.ts";
import type { CircuitState } from "./engine/circuits.ts";
import type { CallHooks } from "./engine/hooks.ts";
import { configError } from "./errors.ts";
import { checkNumber, checkObject, fieldPath } from "./option-checks.ts";
import type { Caller } from "./policies/balancing-policy.ts";
import type { ResolvedPolicy, ServicePolicy } from "./policies/policy.ts";
import { resolvePolicy, servicePolicyKeys } from "./policies/resolve-policy.ts";
import type { Random } from "./random.ts";
import type { Registrar } from "./registration/registrar.ts";
import { resolveTransport } from "./transport/transport-options.ts";
import type { ResolvedTransport, TransportOptions } from "./transport/transport-options.ts";

/** How calls to one service behave and how it is connected to. */
export interface ServiceOptions extends ServicePolicy {
  readonly transport?: TransportOptions | undefined;
}

/** What a mesh is made of. */
export interface MeshOptions {
  /** Where endpoints come from. */
  readonly discovery: DiscoverySource;
  /** Where `mesh.register` registers, unless it is told otherwise. */
  readonly registrar?: Registrar | undefined;
  /** Options of services, by name. A service that is not listed has the defaults. */
  readonly services?: Readonly<Record<string, ServiceOptions>> | undefined;
  /**
   * What happens to a URL whose host is no known service: `refuse` (the default) ends the call with
   * `ERR_PROXYLESS_UNKNOWN_SERVICE`, `allow` sends it out as it is.
   */
  readonly external?: "refuse" | "allow" | undefined;
  /** How long an endpoint that left, and the mesh on `close`, waits for calls in flight; 0 to 600,000 ms; 10,000 by default. */
  readonly drainMs?: number | undefined;
  /** Where this process runs; balancing prefers endpoints near it. Unknown by default. */
  readonly locality?: Locality | undefined;
  /**
   * Which of the processes that call the same services this one is (a StatefulSet's ordinal): `index` from 0, below
   * `total`. Lets them share endpoints evenly between them (aperture subsetting). Unknown by default.
   */
  readonly ordinal?: Ordinal | undefined;
  /** What circuits knew in the process before this one: its `mesh.exportCircuits()`. */
  readonly circuitState?: CircuitState | undefined;
  /**
   * How many of the last calls of each service are remembered for `mesh.dryRun`: a whole number from 0 to 1,000,000; 0 by default.
   * Numbers only (time, route, outcome, status, latency, endpoint), about 300 bytes each.
   */
  readonly recordOutcomes?: number | undefined;
  /** Functions around each call and each attempt; `mesh.hook` adds others later. */
  readonly hooks?: CallHooks | readonly CallHooks[] | undefined;
  /** Limits of the directory of endpoints. */
  readonly directory?: DirectoryOptions | undefined;
  /** The source of time; the system's by default. */
  readonly clock?: Clock | undefined;
  /** The source of chance; the system's by default. */
  readonly random?: Random | undefined;
}

const meshKeys = [
  "discovery",
  "registrar",
  "services",
  "external",
  "drainMs",
  "recordOutcomes",
  "locality",
  "ordinal",
  "circuitState",
  "hooks",
  "directory",
  "clock",
  "random",
];

/** The keys of {@link ServiceOptions}. */
export const serviceKeys: readonly string[] = [...servicePolicyKeys, "transport"];

/**
 * Checks what is not checked deeper down.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function checkMeshOptions(options: MeshOptions): void {
  checkObject(options, "", meshKeys);
  const discovery: unknown = options.discovery;
  if (typeof discovery !== "object" || discovery === null || !("watch" in discovery)) {
    throw configError("discovery", "a discovery source", discovery);
  }
  const registrar: unknown = options.registrar;
  if (
    registrar !== undefined &&
    (typeof registrar !== "object" || registrar === null || !("register" in registrar))
  ) {
    throw configError("registrar", "a registrar", registrar);
  }
  const external: unknown = options.external ?? "refuse";
  if (external !== "refuse" && external !== "allow") {
    throw configError("external", '"refuse" or "allow"', external);
  }
  checkNumber(options.drainMs, "drainMs", { min: 0, max: 600_000 });
  checkNumber(options.recordOutcomes, "recordOutcomes", { min: 0, max: 1_000_000, integer: true });
  checkCaller(options);
  const services: unknown = options.services ?? {};
  if (typeof services !== "object" || services === null || Array.isArray(services)) {
    throw configError("services", "an object of options by service name", services);
  }
}

function checkCaller({ locality, ordinal }: MeshOptions): void {
  for (const [key, value] of Object.entries(
    checkObject(locality, "locality", ["region", "zone", "subZone"]),
  )) {
    if (typeof value !== "string" || value === "") {
      throw configError(fieldPath("locality", key), "a name", value);
    }
  }
  if (ordinal === undefined) return;
  const given = checkObject(ordinal, "ordinal", ["index", "total"]);
  const range = { min: 1, max: 1_000_000, integer: true };
  const total = checkNumber(given["total"] ?? NaN, "ordinal.total", range) ?? 1;
  checkNumber(given["index"] ?? NaN, "ordinal.index", { min: 0, max: total - 1, integer: true });
}

/** {@link ServiceOptions}, checked, with every default filled in. */
export interface ResolvedService {
  readonly policy: ResolvedPolicy;
  readonly transport: ResolvedTransport;
}

/**
 * Checks the options of a service.
 * @param prefix path of the options in error messages; empty for none
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveService(
  service: string,
  options: ServiceOptions,
  prefix: string,
  caller: Caller,
): ResolvedService {
  checkObject(options, prefix, serviceKeys);
  const { transport, ...policy } = options;
  return {
    policy: resolvePolicy(policy, prefix, caller, service),
    transport: resolveTransport(transport, service, fieldPath(prefix, "transport")),
  };
}

const namePattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/**
 * Checks the name of a service: it must be able to stand as the host of a URL.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` when it could not be a host name
 */
export function serviceName(name: unknown): string {
  if (typeof name !== "string" || !namePattern.test(name)) {
    throw configError("the service's name", "letters, digits, '.', '_' and '-', 253 at most", name);
  }
  return name;
}
