import { configError } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";
import { knownKeys, oneOf, record, resolveInstance, text, wholeNumber } from "@proxyless/core/discovery";
import type { ResolvedInstance, ServiceInstance } from "@proxyless/core/discovery";

import { connectionKeys } from "./connection.ts";
import type { ConsulConnectionOptions } from "./connection.ts";
import { formats, formatted } from "./register-format.ts";
import type { ConsulFormat } from "./register-format.ts";

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

/** One instance of a service, with what Consul has besides. */
export interface ConsulInstance extends ServiceInstance {
  /** Whose readers shall understand all of it. Default: `plain`, which most do. */
  readonly format?: ConsulFormat;
  readonly tags?: readonly string[];
  /** Default: `{ ttlMs: 15_000 }`. */
  readonly check?: ConsulCheck;
  /** Consul forgets an instance that is critical for so long, in milliseconds, 60,000 up. Default: 600,000. */
  readonly deregisterCriticalAfterMs?: number;
}

/** An instance, checked. */
export interface ResolvedConsulInstance extends ResolvedInstance {
  readonly format: ConsulFormat;
  readonly tags: readonly string[];
  readonly check: ConsulCheck;
  readonly deregisterCriticalAfterMs: number;
}

/** The option names of a registrar. */
export const registrarKeys: readonly string[] = [...connectionKeys, "url", "clock", "random"];

const day = 86_400_000;

/** Checks an instance; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveConsulInstance(options: ConsulInstance): ResolvedConsulInstance {
  const instance = resolveInstance(options, ["format", "tags", "check", "deregisterCriticalAfterMs"]);
  const format = oneOf("format", options.format, formats, "plain");
  const tags = tagsOf(options.tags);
  // Whatever Consul or the format cannot hold is found now, not at the first attempt.
  formatted(instance, instance.host ?? "", format, tags);
  return {
    ...instance,
    format,
    tags,
    check: checkOf(options.check ?? { ttlMs: 15_000 }),
    deregisterCriticalAfterMs: wholeNumber(
      "deregisterCriticalAfterMs",
      options.deregisterCriticalAfterMs,
      600_000,
      60_000,
      30 * day,
    ),
  };
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
