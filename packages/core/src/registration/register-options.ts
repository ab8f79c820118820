import { configError } from "../errors.ts";
import { oneOf, record, wholeNumber } from "../registry/option-checks.ts";
import { registrationStatuses } from "./instance.ts";
import type { RegistrationStatus, ServiceInstance } from "./instance.ts";
import type { Registrar } from "./registrar.ts";

/** What a health function answers: a status, or one with a note for those who read the registry. */
export type HealthAnswer =
  | RegistrationStatus
  | { readonly status: RegistrationStatus; readonly note?: string };

/** Says how the instance is. The signal aborts when its time is over. */
export type HealthFunction = (signal: AbortSignal) => HealthAnswer | Promise<HealthAnswer>;

/** The signals that a process can be asked to end by. */
export type LeaveSignal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" | "SIGBREAK" | "SIGUSR2";

/** How an instance lives and leaves. */
export interface RegisterBehaviour {
  /**
   * Asked how the instance is, which the registry is then told. Until its first answer the instance is `starting`; when
   * it throws or takes too long it is `down`. Default: none, the instance is `up`.
   */
  readonly health?: HealthFunction;
  /** How long after an answer `health` is asked again, in milliseconds, 100 to 600,000. Default: 5,000. */
  readonly healthIntervalMs?: number;
  /** How long `health` may take, in milliseconds, 10 to 600,000. Default: 2,000. */
  readonly healthTimeoutMs?: number;
  /**
   * Called with `true` once the instance is registered and with `false` when it begins to leave: switches whatever a load
   * balancer or an orchestrator asks. Leaving waits for it, 5 s at most.
   */
  readonly readiness?: (isReady: boolean) => unknown;
  /**
   * How long the instance serves on after it is listed as draining, in milliseconds, 0 to 600,000. Default: the
   * registrar's own.
   */
  readonly propagationMs?: number;
  /** The last step of leaving, when nobody is sent here any more: close the server. The signal aborts when its time is over. */
  readonly drain?: (signal: AbortSignal) => unknown;
  /** How long `drain` is waited for, in milliseconds, 0 to 600,000. Default: 10,000. */
  readonly drainTimeoutMs?: number;
  /** Signals of the process on which the instance leaves; a second one makes it leave at once. Default: none. */
  readonly signals?: readonly LeaveSignal[];
  /** Whether the process ends, by the signal, once everything that leaves on it has left. Default: false. */
  readonly exit?: boolean;
}

/** What to register, where, and how it lives and leaves. */
export type RegisterOptions<I extends ServiceInstance = ServiceInstance> = NoInfer<I> &
  RegisterBehaviour & {
    /** Default: the mesh's. */
    readonly registrar?: Registrar<I>;
  };

/** {@link RegisterBehaviour}, checked and complete. */
export interface Behaviour {
  readonly health: HealthFunction | undefined;
  readonly healthIntervalMs: number;
  readonly healthTimeoutMs: number;
  readonly readiness: ((isReady: boolean) => unknown) | undefined;
  readonly propagationMs: number | undefined;
  readonly drain: ((signal: AbortSignal) => unknown) | undefined;
  readonly drainTimeoutMs: number;
  readonly signals: readonly LeaveSignal[];
  readonly exit: boolean;
}

/** What {@link RegisterOptions} are made of. */
export interface SplitOptions {
  readonly behaviour: Behaviour;
  readonly registrar: Registrar;
  /** For the registrar, which checks it. */
  readonly instance: ServiceInstance;
}

const leaveSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGUSR2"] as const;
const longest = 600_000;

/**
 * Checks options and tells the instance from its behaviour.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function splitRegisterOptions(options: RegisterOptions, usual: Registrar | undefined): SplitOptions {
  record("options", options);
  const {
    health,
    healthIntervalMs,
    healthTimeoutMs,
    readiness,
    propagationMs,
    drain,
    drainTimeoutMs,
    signals,
    exit,
    registrar = usual,
    ...instance
  } = options;
  if (!isRegistrar(registrar)) {
    throw configError("registrar", "a registrar, here or in createMesh", registrar);
  }
  const behaviour = {
    health: functionOf("health", health),
    healthIntervalMs: wholeNumber("healthIntervalMs", healthIntervalMs, 5000, 100, longest),
    healthTimeoutMs: wholeNumber("healthTimeoutMs", healthTimeoutMs, 2000, 10, longest),
    readiness: functionOf("readiness", readiness),
    propagationMs:
      propagationMs === undefined ? undefined : wholeNumber("propagationMs", propagationMs, 0, 0, longest),
    drain: functionOf("drain", drain),
    drainTimeoutMs: wholeNumber("drainTimeoutMs", drainTimeoutMs, 10_000, 0, longest),
    signals: signalsOf(signals),
    exit: exitOf(exit, signals),
  };
  // Nobody may be sent here before `health` said so.
  const status = instance.status ?? (behaviour.health === undefined ? undefined : "starting");
  return {
    behaviour,
    registrar,
    instance: status === undefined ? instance : { ...instance, status },
  };
}

/**
 * Reads what a health function answered.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for what is no answer
 */
export function readHealthAnswer(answer: unknown): {
  readonly status: RegistrationStatus;
  readonly note: string;
} {
  const given = typeof answer === "object" && answer !== null ? answer : { status: answer };
  const status: unknown = "status" in given ? given.status : undefined;
  if (status === undefined) throw configError("health", "a function that answers a status", answer);
  const note: unknown = "note" in given ? given.note : undefined;
  return {
    status: oneOf("health", status, registrationStatuses, "down"),
    note: typeof note === "string" ? note.slice(0, 200) : "",
  };
}

function isRegistrar(value: unknown): value is Registrar {
  return typeof value === "object" && value !== null && "register" in value;
}

function functionOf<F>(field: string, value: F | undefined): F | undefined {
  if (value !== undefined && typeof value !== "function") throw configError(field, "a function", value);
  return value;
}

function signalsOf(value: unknown): readonly LeaveSignal[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw configError("signals", "an array of signals", value);
  return value.map((signal: unknown, i) => oneOf(`signals[${i}]`, signal, leaveSignals, "SIGTERM"));
}

function exitOf(value: unknown, signals: unknown): boolean {
  if (value === undefined || value === false) return false;
  if (value !== true) throw configError("exit", "true or false", value);
  if (signals === undefined) throw configError("exit", "absent without signals", value);
  return value;
}
