import { hostname } from "node:os";

import { configError } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";

import { connectionKeys } from "./connection.ts";
import type { ConsulConnectionOptions } from "./connection.ts";
import { isRecord, knownKeys, oneOf, optionalText, record, text, wholeNumber } from "./option-checks.ts";

/** Where and how to register. */
export interface ConsulRegistrarOptions extends ConsulConnectionOptions {
  /** Address of the one agent that looks after this instance, usually the local one (`http://127.0.0.1:8500`). */
  readonly url: string;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock;
  /** Chance, for tests. Default: the system's. */
  readonly random?: Random;
}

/** How Consul learns whether the instance is well. */
export type ConsulCheck =
  /** This process says so every third of `ttlMs` (3,000 to 86,400,000); silence for `ttlMs` makes it critical. */
  | { readonly ttlMs: number }
  /** The agent asks `http` every `intervalMs` (1,000 to 86,400,000); an answer may take `timeoutMs` (default 10,000). */
  | { readonly http: string; readonly intervalMs: number; readonly timeoutMs?: number };

/** `up`, `degraded`, `down`: passing, warning, critical. `out-of-service`: maintenance, which others see as draining. */
export type ConsulStatus = "up" | "degraded" | "down" | "out-of-service";

/** `lost`: Consul was told, but may have forgotten or given up on this instance; it is told again and again. */
export type ConsulRegistrationState = "registering" | "registered" | "lost" | "deregistered";

/** One instance of a service. */
export interface ConsulRegistration {
  /** The service's name. */
  readonly service: string;
  /** Unique on the agent and the same after a restart. Default: `<service>-<host name>-<port>`. */
  readonly id?: string;
  /** The address others use. Default: the environment's `POD_IP`, else the one this machine speaks from. */
  readonly host?: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** 1 to 65,535. Default: 1. */
  readonly weight?: number;
  /** Put into the metadata as `version`. */
  readonly version?: string;
  /** Put into the metadata as `zone`. */
  readonly zone?: string;
  /** `https` is put into the metadata as `secure=true`. Default: `http`. */
  readonly scheme?: "http" | "https";
  /** At most 64 keys of letters, digits, `-` and `_` (128 characters), values of at most 512 characters. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
  /** Default: `{ ttlMs: 15_000 }`. */
  readonly check?: ConsulCheck;
  /** Consul forgets an instance that is critical for so long, in milliseconds, 60,000 up. Default: 600,000. */
  readonly deregisterCriticalAfterMs?: number;
  /**
   * How long {@link ConsulRegistrar.register} tries before it rejects, in milliseconds; 0 does not wait and goes on
   * trying in the background. Default: 10,000.
   */
  readonly startTimeoutMs?: number;
  /** Hears of each change of state, and why; what it throws is ignored. */
  readonly onStateChange?: (state: ConsulRegistrationState, reason: Error | undefined) => void;
}

/** A registration, checked; `host` is still to be found. */
export interface ResolvedRegistration {
  readonly service: string;
  readonly id: string;
  readonly host: string | undefined;
  readonly port: number;
  readonly weight: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly check: ConsulCheck;
  readonly deregisterCriticalAfterMs: number;
  readonly startTimeoutMs: number;
  readonly onStateChange: ConsulRegistration["onStateChange"];
}

/** The option names of a registrar. */
export const registrarKeys: readonly string[] = [...connectionKeys, "url", "clock", "random"];

const keys = [
  "service",
  "id",
  "host",
  "port",
  "weight",
  "version",
  "zone",
  "scheme",
  "metadata",
  "tags",
  "check",
  "deregisterCriticalAfterMs",
  "startTimeoutMs",
  "onStateChange",
];
const day = 86_400_000;

/** Checks a registration; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveRegistration(options: ConsulRegistration): ResolvedRegistration {
  knownKeys("", record("registration", options), keys);
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
    weight: wholeNumber("weight", options.weight, 1, 1, 65_535),
    metadata: metadataOf(options),
    tags: tagsOf(options.tags),
    check: checkOf(options.check ?? { ttlMs: 15_000 }),
    deregisterCriticalAfterMs: wholeNumber(
      "deregisterCriticalAfterMs",
      options.deregisterCriticalAfterMs,
      600_000,
      60_000,
      30 * day,
    ),
    startTimeoutMs: wholeNumber("startTimeoutMs", options.startTimeoutMs, 10_000, 0, day),
    onStateChange,
  };
}

function portNumber(value: unknown): number {
  if (value === undefined) throw configError("port", "a whole number from 1 to 65535", value);
  return wholeNumber("port", value, 1, 1, 65_535);
}

function metadataOf(options: ConsulRegistration): Readonly<Record<string, string>> {
  const given: unknown = options.metadata ?? {};
  if (!isRecord(given)) throw configError("metadata", "an object of strings", given);
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(key) || key === "__proto__") {
      throw configError("metadata", "keys of 1 to 128 letters, digits, - and _", key);
    }
    if (typeof value !== "string" || value.length > 512) {
      throw configError(`metadata.${key}`, "a string of at most 512 characters", value);
    }
    metadata[key] = value;
  }
  const version = optionalText("version", options.version);
  const zone = optionalText("zone", options.zone);
  if (version !== undefined) metadata["version"] = version;
  if (zone !== undefined) metadata["zone"] = zone;
  if (oneOf("scheme", options.scheme, ["http", "https"], "http") === "https") metadata["secure"] = "true";
  const count = Object.keys(metadata).length;
  if (count > 64) throw configError("metadata", "at most 64 keys, version, zone and scheme included", count);
  return metadata;
}

function tagsOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw configError("tags", "an array of tags", value);
  return value.map((tag: unknown, i) => text(`tags[${i}]`, tag));
}

function checkOf(value: unknown): ConsulCheck {
  const check = record("check", value);
  if (check["ttlMs"] !== undefined) {
    knownKeys("check", check, ["ttlMs"]);
    return { ttlMs: wholeNumber("check.ttlMs", check["ttlMs"], 0, 3000, day) };
  }
  knownKeys("check", check, ["http", "intervalMs", "timeoutMs"]);
  const http = text("check.http", check["http"]);
  if (!URL.canParse(http) || !/^https?:/.test(http)) {
    throw configError("check.http", "an http:// or https:// address", http);
  }
  if (check["intervalMs"] === undefined) {
    throw configError("check.intervalMs", `a whole number from 1000 to ${day}`, undefined);
  }
  return {
    http,
    intervalMs: wholeNumber("check.intervalMs", check["intervalMs"], 0, 1000, day),
    timeoutMs: wholeNumber("check.timeoutMs", check["timeoutMs"], 10_000, 100, day),
  };
}
