import { hostname } from "node:os";

import { configError } from "../errors.ts";
import type { RegistrationStatus } from "../events.ts";
import { isRecord } from "../is-record.ts";
import { knownKeys, oneOf, optionalText, record, text, wholeNumber } from "../registry/option-checks.ts";

export type { RegistrationStatus } from "../events.ts";

/** `lost`: the registry was told, but may have forgotten or given up on this instance; it is told again and again. */
export type RegistrationState = "registering" | "registered" | "lost" | "deregistered";

/** One instance of a service, as it registers itself. */
export interface ServiceInstance {
  /** The service's name. */
  readonly service: string;
  /** Unique in the service and the same after a restart. Default: `<service>-<host name>-<port>`. */
  readonly id?: string;
  /** The address others use. Default: the environment's `POD_IP`, else the one this machine speaks from. */
  readonly host?: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** Default: `http`. */
  readonly scheme?: "http" | "https";
  /** Relative share of traffic, 0 to 65,535. Default: 1. */
  readonly weight?: number;
  readonly version?: string;
  readonly zone?: string;
  /** At most 64 keys of letters, digits, `.`, `-` and `_` (128 characters), values of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** How the instance is at first. Default: `up`. */
  readonly status?: RegistrationStatus;
  /**
   * How long {@link Registrar.register} tries before it rejects, in milliseconds; 0 does not wait and goes on trying in
   * the background. Default: 10,000.
   */
  readonly startTimeoutMs?: number;
  /** Hears of each change of state, and why; what it throws is ignored. */
  readonly onStateChange?: (state: RegistrationState, reason: Error | undefined) => void;
}

/** A {@link ServiceInstance}, checked and complete except for its address. */
export interface ResolvedInstance {
  readonly service: string;
  readonly id: string;
  readonly host: string | undefined;
  readonly port: number;
  readonly scheme: "http" | "https";
  readonly weight: number;
  readonly version: string | undefined;
  readonly zone: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: RegistrationStatus;
  readonly startTimeoutMs: number;
  readonly onStateChange: ServiceInstance["onStateChange"];
}

/** The option names of {@link ServiceInstance}. */
export const instanceKeys: readonly string[] = [
  "service",
  "id",
  "host",
  "port",
  "scheme",
  "weight",
  "version",
  "zone",
  "metadata",
  "status",
  "startTimeoutMs",
  "onStateChange",
];

/** Every {@link RegistrationStatus}. */
export const registrationStatuses = ["starting", "up", "degraded", "down", "out-of-service"] as const;

/** What is said instead where a registry cannot say it, best first. */
const nearest: Readonly<Record<RegistrationStatus, readonly RegistrationStatus[]>> = {
  starting: ["down", "out-of-service"],
  up: [],
  degraded: ["up"],
  down: ["out-of-service", "starting"],
  "out-of-service": ["down"],
};

/** The status, or the nearest one, that a registry can say; `statuses` are those it can, all of them when absent. */
export function speakable(
  status: RegistrationStatus,
  statuses: readonly RegistrationStatus[] | undefined,
): RegistrationStatus {
  if (statuses === undefined || statuses.includes(status)) return status;
  return nearest[status].find((other) => statuses.includes(other)) ?? status;
}

const day = 86_400_000;

/**
 * Checks an instance.
 * @param ownKeys options that a registrar adds, and checks itself
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG`
 */
export function resolveInstance(options: ServiceInstance, ownKeys: readonly string[] = []): ResolvedInstance {
  knownKeys("", record("instance", options), [...instanceKeys, ...ownKeys]);
  const service = text("service", options.service);
  const port = portNumber(options.port);
  const { onStateChange } = options;
  if (onStateChange !== undefined && typeof onStateChange !== "function") {
    throw configError("onStateChange", "a function", onStateChange);
  }
  return {
    service,
    id: optionalText("id", options.id) ?? `${service}-${hostname()}-${port}`,
    host: optionalText("host", options.host),
    port,
    scheme: oneOf("scheme", options.scheme, ["http", "https"], "http"),
    weight: wholeNumber("weight", options.weight, 1, 0, 65_535),
    version: optionalText("version", options.version),
    zone: optionalText("zone", options.zone),
    metadata: readMetadata(options.metadata),
    status: oneOf("status", options.status, registrationStatuses, "up"),
    startTimeoutMs: wholeNumber("startTimeoutMs", options.startTimeoutMs, 10_000, 0, day),
    onStateChange,
  };
}

/** @throws ProxylessError `ERR_PROXYLESS_CONFIG` */
export function readMetadata(value: unknown): Readonly<Record<string, string>> {
  const given = value ?? {};
  if (!isRecord(given)) throw configError("metadata", "an object of strings", given);
  const metadata: Record<string, string> = {};
  for (const [key, item] of Object.entries(given)) {
    if (!/^[A-Za-z0-9_.-]{1,128}$/.test(key) || key === "__proto__") {
      throw configError("metadata", "keys of 1 to 128 letters, digits, ., - and _", key);
    }
    if (typeof item !== "string" || item.length > 512) {
      throw configError(`metadata.${key}`, "a string of at most 512 characters", item);
    }
    metadata[key] = item;
  }
  const count = Object.keys(metadata).length;
  if (count > 64) throw configError("metadata", "at most 64 keys", count);
  return Object.freeze(metadata);
}

function portNumber(value: unknown): number {
  if (value === undefined) throw configError("port", "a whole number from 1 to 65535", value);
  return wholeNumber("port", value, 1, 1, 65_535);
}
