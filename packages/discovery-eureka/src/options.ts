import { configError } from "@proxyless/core";
import { knownKeys, oneOf, record, wholeNumber } from "@proxyless/core/discovery";

import { connectionKeys, resolveConnection } from "./connection.ts";
import type { Connection, EurekaConnectionOptions } from "./connection.ts";

/**
 * How services are looked up. `app`: each by its application name, on its own. `vip`, `svip`: each by its virtual address,
 * plain or secure, on its own. `delta`: the whole registry once for all, then what changed. `auto`: `app` for few services,
 * `delta` for many.
 */
export type EurekaMode = "auto" | "app" | "vip" | "svip" | "delta";

/**
 * Which port counts. `auto`: the secure one where it is enabled, as Spring Cloud does. `never`: the plain one where it is
 * enabled. `always`: the secure one only.
 */
export type EurekaSecure = "auto" | "never" | "always";

/** How to look services up in Eureka. */
export interface EurekaOptions extends EurekaConnectionOptions {
  /** Default: `auto`. */
  readonly mode?: EurekaMode;
  /** With `auto`: more watched services than this are read as one registry with deltas, 0 to 10,000. Default: 8. */
  readonly deltaAbove?: number;
  /** How often to ask, in milliseconds, 1,000 to 600,000; spread by a tenth. Default: 30,000. */
  readonly intervalMs?: number;
  /** Use an instance's IP address rather than its host name, which often means nothing outside its network. Default: `true`. */
  readonly preferIp?: boolean;
  /** Default: `auto`. */
  readonly secure?: EurekaSecure;
  /** The `weight` in an instance's metadata that counts as 1, 1 to 65,535. Default: 1. */
  readonly weightBase?: number;
  /** The largest answer that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 300,000. */
  readonly emptyHoldMs?: number;
}

const keys = [
  ...connectionKeys,
  "mode",
  "deltaAbove",
  "intervalMs",
  "preferIp",
  "secure",
  "weightBase",
  "maxBodyBytes",
  "emptyHoldMs",
];

/** {@link EurekaOptions}, checked and complete. */
export interface Settings {
  readonly connection: Connection;
  readonly mode: EurekaMode;
  readonly deltaAbove: number;
  readonly intervalMs: number;
  readonly preferIp: boolean;
  readonly secure: EurekaSecure;
  readonly weightBase: number;
  readonly maxBodyBytes: number;
  readonly emptyHoldMs: number;
}

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: EurekaOptions): Settings {
  knownKeys("", record("options", options), keys);
  const preferIp: unknown = options.preferIp ?? true;
  if (typeof preferIp !== "boolean") throw configError("preferIp", "true or false", preferIp);
  return Object.freeze({
    connection: resolveConnection(options),
    mode: oneOf("mode", options.mode, ["auto", "app", "vip", "svip", "delta"], "auto"),
    deltaAbove: wholeNumber("deltaAbove", options.deltaAbove, 8, 0, 10_000),
    intervalMs: wholeNumber("intervalMs", options.intervalMs, 30_000, 1000, 600_000),
    preferIp,
    secure: oneOf("secure", options.secure, ["auto", "never", "always"], "auto"),
    weightBase: wholeNumber("weightBase", options.weightBase, 1, 1, 65_535),
    maxBodyBytes: wholeNumber("maxBodyBytes", options.maxBodyBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 300_000, 0, 86_400_000),
  });
}
