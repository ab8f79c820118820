import { configError } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";
import { resolveInstance, wholeNumber } from "@proxyless/core/discovery";
import type { ResolvedInstance, ServiceInstance } from "@proxyless/core/discovery";

import { connectionKeys } from "./connection.ts";
import type { NacosConnectionOptions } from "./connection.ts";
import { clusterName } from "./options.ts";

/** Where and how to register. */
export interface NacosRegistrarOptions extends NacosConnectionOptions {
  /**
   * How often an instance says that it lives, in milliseconds, 1,000 to 60,000. Nacos lists it as unhealthy after three
   * times that without a word, and forgets it after six times. Default: 5,000.
   */
  readonly beatMs?: number;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock;
  /** Chance, for tests. Default: the system's. */
  readonly random?: Random;
}

/** One instance of a service, with what Nacos has besides. */
export interface NacosInstance extends ServiceInstance {
  /** Letters, digits and `-`. Default: `DEFAULT`. */
  readonly cluster?: string;
  /** `false`: Nacos keeps the instance until it is removed, and checks itself whether it is well. Default: `true`. */
  readonly ephemeral?: boolean;
}

/** An instance, checked. */
export interface ResolvedNacosInstance extends ResolvedInstance {
  readonly cluster: string;
  readonly ephemeral: boolean;
}

/** The option names of a registrar. */
export const registrarKeys: readonly string[] = [...connectionKeys, "beatMs", "clock", "random"];

/** What Nacos beats by unless an instance says otherwise. */
const usualBeatMs = 5000;

/** Checks an instance; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveNacosInstance(options: NacosInstance): ResolvedNacosInstance {
  const instance = resolveInstance(options, ["cluster", "ephemeral"]);
  if (instance.status === "degraded") {
    throw configError(
      "status",
      "one of starting, up, down, out-of-service: Nacos knows no degraded",
      "degraded",
    );
  }
  if (instance.service.includes("@@")) {
    throw configError("service", "a name without @@: the group is an option of its own", options.service);
  }
  if (instance.weight > 10_000) throw configError("weight", "a whole number from 0 to 10000", options.weight);
  const ephemeral: unknown = options.ephemeral ?? true;
  if (typeof ephemeral !== "boolean") throw configError("ephemeral", "true or false", ephemeral);
  const cluster = options.cluster === undefined ? "DEFAULT" : clusterName("cluster", options.cluster);
  return { ...instance, cluster, ephemeral };
}

/** Checks how often to beat; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveBeat(options: NacosRegistrarOptions): number {
  return wholeNumber("beatMs", options.beatMs, usualBeatMs, 1000, 60_000);
}

/** The metadata as Nacos and those who read it know it. */
export function metadataOf(
  instance: ResolvedNacosInstance,
  beatMs: number,
): Readonly<Record<string, string>> {
  const { metadata, version, zone, scheme } = instance;
  const ownPace = {
    "preserved.heart.beat.interval": String(beatMs),
    "preserved.heart.beat.timeout": String(beatMs * 3),
    "preserved.ip.delete.timeout": String(beatMs * 6),
  };
  return {
    ...metadata,
    ...(version === undefined ? {} : { version }),
    ...(zone === undefined ? {} : { zone }),
    ...(scheme === "https" ? { secure: "true" } : {}),
    ...(beatMs === usualBeatMs || !instance.ephemeral ? {} : ownPace),
  };
}
