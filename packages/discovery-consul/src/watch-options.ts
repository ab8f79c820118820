import { configError } from "@proxyless/core";
import { oneOf, text, wholeNumber } from "@proxyless/core/discovery";

import { resolveConnection } from "./connection.ts";
import type { Connection, ConsulConnectionOptions } from "./connection.ts";

/**
 * Who answers. `stale`: any server, also without a leader, usually some milliseconds behind. `default`: the leader.
 * `consistent`: the leader after asking a quorum; slow, not for watching. `cached`: the local agent, which keeps one
 * watch for all its clients.
 */
export type ConsulMode = "stale" | "default" | "consistent" | "cached";

/** What every way to read Consul has in common. */
export interface ConsulReadOptions extends ConsulConnectionOptions {
  /** Address of an agent (`http://127.0.0.1:8500`), or several: the next one is asked when one fails. */
  readonly url: string | readonly string[];
  /** The largest answer that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 60,000. */
  readonly emptyHoldMs?: number;
}

/** What the long polls have in common. */
export interface ConsulWatchOptions extends ConsulReadOptions {
  /**
   * Which datacenter to ask; or several, of which each is watched by itself and the first is preferred: the next one's
   * instances get calls only when none of those before can be used. Default: the agent's own.
   */
  readonly datacenter?: string | readonly string[];
  /**
   * How long one long poll waits for a change, in milliseconds, 1,000 to 600,000. Silence is noticed after 17/16 of it
   * plus 10 s. Default: 30,000.
   */
  readonly waitMs?: number;
  /** Long polls open at once, 1 to 150; watches beyond it are polled in turn. An agent allows 200 connections. Default: 100. */
  readonly maxConcurrentWatches?: number;
  /** How often a watch beyond `maxConcurrentWatches` is polled, in milliseconds, 100 to 600,000. Default: 2,000. */
  readonly overflowPollMs?: number;
}

/** The option names of {@link ConsulReadOptions}, the connection's apart. */
export const readKeys = ["url", "maxBodyBytes", "emptyHoldMs"] as const;

/** The option names of {@link ConsulWatchOptions} beyond {@link readKeys}. */
export const watchKeys = ["datacenter", "waitMs", "maxConcurrentWatches", "overflowPollMs"] as const;

/** {@link ConsulReadOptions}, checked and complete. */
export interface ReadSettings {
  readonly connection: Connection;
  readonly maxBodyBytes: number;
  readonly emptyHoldMs: number;
}

/** {@link ConsulWatchOptions}, checked and complete. */
export interface WatchSettings extends ReadSettings {
  readonly mode: ConsulMode;
  readonly datacenters: readonly string[];
  readonly waitMs: number;
  readonly maxConcurrentWatches: number;
  readonly overflowPollMs: number;
}

/** Checks what all sources have; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveRead(options: ConsulReadOptions): ReadSettings {
  const urls: readonly unknown[] = Array.isArray(options.url) ? options.url : [options.url];
  return {
    connection: resolveConnection(options, urls),
    maxBodyBytes: wholeNumber("maxBodyBytes", options.maxBodyBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 60_000, 0, 86_400_000),
  };
}

/** Checks what watches have; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveWatch(options: ConsulWatchOptions, mode: ConsulMode): WatchSettings {
  return {
    ...resolveRead(options),
    mode,
    datacenters: textList("datacenter", options.datacenter),
    waitMs: wholeNumber("waitMs", options.waitMs, 30_000, 1000, 600_000),
    maxConcurrentWatches: wholeNumber("maxConcurrentWatches", options.maxConcurrentWatches, 100, 1, 150),
    overflowPollMs: wholeNumber("overflowPollMs", options.overflowPollMs, 2000, 100, 600_000),
  };
}

/** Checks `mode`; throws `ERR_PROXYLESS_CONFIG`. */
export function modeOf(value: unknown, legal: readonly ConsulMode[]): ConsulMode {
  return oneOf("mode", value, legal, "stale");
}

/** One text or several different ones; throws `ERR_PROXYLESS_CONFIG`. */
export function textList(field: string, value: unknown, what = "name"): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === "string") return [text(field, value)];
  if (!Array.isArray(value)) throw configError(field, `a ${what} or an array of ${what}s`, value);
  const list = value.map((item: unknown, i) => text(`${field}[${i}]`, item));
  const twice = list.findIndex((item, i) => list.indexOf(item) !== i);
  if (twice >= 0) throw configError(`${field}[${twice}]`, "given once", list[twice]);
  return list;
}
