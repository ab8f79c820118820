import { configError } from "@proxyless/core";
import { knownKeys, optionalText, record, text, wholeNumber } from "@proxyless/core/discovery";

import { connectionKeys, resolveConnection } from "./connection.ts";
import type { Connection, NacosConnectionOptions } from "./connection.ts";

/** How to look services up in Nacos. */
export interface NacosOptions extends NacosConnectionOptions {
  /**
   * Only instances of these clusters. Default: none are named, for which the older API lists all clusters and that of
   * Nacos 3 the cluster `DEFAULT` only.
   */
  readonly clusters?: string | readonly string[];
  /** Added to a service's name: `.http` finds what Kratos registers. Default: nothing. */
  readonly nameSuffix?: string;
  /**
   * How often to ask, in milliseconds, 1,000 to 600,000, less up to a tenth. Default: what the server says
   * (`cacheMillis`), from 1,000 to 30,000, and 10,000 where it says nothing.
   */
  readonly intervalMs?: number;
  /** The registered weight that counts as 1, 1 to 10,000: 100 where instances register 100 as normal. Default: 1. */
  readonly weightBase?: number;
  /** The largest answer that is read, in bytes, 1,024 to 1 GiB. Default: 32 MiB. */
  readonly maxBodyBytes?: number;
  /** How long an empty answer is held back while endpoints are known, in milliseconds, 0 to a day. Default: 60,000. */
  readonly emptyHoldMs?: number;
}

const keys = [
  ...connectionKeys,
  "clusters",
  "nameSuffix",
  "intervalMs",
  "weightBase",
  "maxBodyBytes",
  "emptyHoldMs",
];

/** {@link NacosOptions}, checked and complete. */
export interface Settings {
  readonly connection: Connection;
  readonly clusters: readonly string[];
  readonly nameSuffix: string;
  readonly intervalMs: number | undefined;
  readonly weightBase: number;
  readonly maxBodyBytes: number;
  readonly emptyHoldMs: number;
}

/** Checks the options of a source; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveOptions(options: NacosOptions): Settings {
  knownKeys("", record("options", options), keys);
  const { intervalMs } = options;
  return Object.freeze({
    connection: resolveConnection(options),
    clusters: clusterList(options.clusters),
    nameSuffix: optionalText("nameSuffix", options.nameSuffix) ?? "",
    intervalMs:
      intervalMs === undefined ? undefined : wholeNumber("intervalMs", intervalMs, 0, 1000, 600_000),
    weightBase: wholeNumber("weightBase", options.weightBase, 1, 1, 10_000),
    maxBodyBytes: wholeNumber("maxBodyBytes", options.maxBodyBytes, 32 * 1024 * 1024, 1024, 1024 ** 3),
    emptyHoldMs: wholeNumber("emptyHoldMs", options.emptyHoldMs, 60_000, 0, 86_400_000),
  });
}

function clusterList(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw configError("clusters", "a cluster or a non-empty array of clusters", value);
  return list.map((each, i) => clusterName(Array.isArray(value) ? `clusters[${i}]` : "clusters", each));
}

/** Checks the name of a cluster by Nacos's own rule; throws `ERR_PROXYLESS_CONFIG`. */
export function clusterName(field: string, value: unknown): string {
  const name = text(field, value);
  if (!/^[0-9A-Za-z-]+$/.test(name)) throw configError(field, "letters, digits and -", value);
  return name;
}
