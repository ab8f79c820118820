import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { systemRandom } from "../random.ts";
import type { Random } from "../random.ts";
import { knownKeys, record, wholeNumber } from "../registry/option-checks.ts";
import { advertisedHost } from "./advertise.ts";
import type { RegistrationDriver } from "./driver.ts";
import type { RegistrationState, RegistrationStatus, ResolvedInstance, ServiceInstance } from "./instance.ts";
import { Registration } from "./registration.ts";

/** How to leave. */
export interface DeregisterOptions {
  /**
   * How long the instance stays listed as draining before it is removed, in milliseconds, 0 to 600,000: keep serving
   * meanwhile, so that every caller has heard of it. Default: the registrar's own, which its docs give.
   */
  readonly propagationMs?: number;
  /** Aborting it ends the wait: the instance is removed at once. */
  readonly signal?: AbortSignal;
  /**
   * Hears of each step once it is over, and is waited for: it is listed as draining, everybody had the time to hear of it,
   * it is removed; and what went wrong with it. What it throws is ignored.
   */
  readonly onStep?: (step: DeregisterStep, trouble: Error | undefined) => unknown;
}

/** The steps of leaving a registry, in their order. */
export type DeregisterStep = "draining" | "propagated" | "deregistered";

/** What may change while an instance is registered. */
export type InstanceUpdate = Pick<ServiceInstance, "weight" | "version" | "metadata">;

/** A registered instance. Keep it, and end it when the service shuts down. */
export interface RegistrationHandle extends AsyncDisposable {
  readonly id: string;
  /** The address that was registered. */
  readonly host: string;
  readonly port: number;
  readonly state: RegistrationState;
  /** The statuses that this registry can say of it; all of them when absent. */
  readonly statuses?: readonly RegistrationStatus[] | undefined;
  /**
   * Says how the instance is; kept through everything that happens to the registry. Rejects with
   * `ERR_PROXYLESS_REGISTRATION` when the registry did not hear it yet, and goes on trying.
   */
  setStatus(status: RegistrationStatus, note?: string): Promise<void>;
  /**
   * Changes what is registered; rejects and goes on trying like {@link setStatus}. What the registry can never take is
   * forgotten, in favour of what it took before; `onStateChange` hears of it where that comes out later.
   */
  update(change: InstanceUpdate): Promise<void>;
  /**
   * Leaves: lists the instance as draining, waits, removes it. Never rejects, takes at most 5 s beside the wait (what
   * could not be said then, the registry finds out by itself), and may be called again.
   */
  deregister(options?: DeregisterOptions): Promise<void>;
}

/** Registers instances with one registry. */
export interface Registrar<I extends ServiceInstance = ServiceInstance> {
  /** Shown in errors (`consul`, `etcd`). */
  readonly name: string;
  /**
   * Registers an instance and keeps it registered, whatever happens to the registry, until it is deregistered.
   * @param options `signal` gives up while the instance is being registered: the attempt ends, what the registry may have
   *   heard is taken back (5 s at most), and the promise rejects. It means nothing once the instance is registered
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range; `ERR_PROXYLESS_REGISTRATION` when the
   *   registry refuses it or does not take it within `startTimeoutMs`; `ERR_PROXYLESS_CLOSED` when it was given up
   */
  register(instance: I, options?: { readonly signal?: AbortSignal }): Promise<RegistrationHandle>;
}

/** What a registrar is made of. */
export interface RegistrarParts<I extends ServiceInstance, R extends ResolvedInstance> {
  readonly name: string;
  /** How long callers take to hear that an instance drains, in milliseconds. */
  readonly propagationMs: number;
  /** Checks what a user gave; throws `ERR_PROXYLESS_CONFIG`. */
  readonly resolve: (given: I) => R;
  /** Made once per instance. `lost` may be called at any time: the entry is gone, look now. */
  readonly driver: (instance: R, host: string, lost: () => void) => RegistrationDriver<R>;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Chance, for tests. Default: the system's. */
  readonly random?: Random | undefined;
}

/** Makes a registrar of a driver: it reconciles for ever, so that a driver only has to say how. */
export function createRegistrar<I extends ServiceInstance, R extends ResolvedInstance>(
  parts: RegistrarParts<I, R>,
): Registrar<I> {
  const { name, clock = systemClock, random = systemRandom, propagationMs } = parts;
  return {
    name,
    register: async (given, { signal = new AbortController().signal } = {}) => {
      const instance = parts.resolve(given);
      const host = await advertisedHost(instance.host, process.env["POD_IP"]);
      const registration = new Registration({ instance, host, clock, random, makeDriver: parts.driver });
      await registration.start(signal);
      return handleOf(registration, { id: instance.id, host, port: instance.port }, propagationMs);
    },
  };
}

function handleOf(
  registration: Pick<
    Registration<ResolvedInstance>,
    "state" | "statuses" | "setStatus" | "update" | "deregister"
  >,
  where: Pick<RegistrationHandle, "id" | "host" | "port">,
  usualMs: number,
): RegistrationHandle {
  const deregister = async (options: DeregisterOptions = {}): Promise<void> => {
    knownKeys("", record("options", options), ["propagationMs", "signal", "onStep"]);
    const { signal, onStep } = options;
    const propagationMs = wholeNumber("propagationMs", options.propagationMs, usualMs, 0, 600_000);
    await registration.deregister({ propagationMs, signal, onStep });
  };
  return {
    ...where,
    statuses: registration.statuses,
    get state() {
      return registration.state;
    },
    setStatus: (status, note) => registration.setStatus(status, note),
    update: (change) => registration.update(change),
    deregister,
    [Symbol.asyncDispose]: () => deregister(),
  };
}
