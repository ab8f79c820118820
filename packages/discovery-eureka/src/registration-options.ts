import { configError } from "@proxyless/core";
import type { Clock, Random } from "@proxyless/core";
import { optionalText, resolveInstance, wholeNumber } from "@proxyless/core/discovery";
import type { ResolvedInstance, ServiceInstance } from "@proxyless/core/discovery";

import { connectionKeys } from "./connection.ts";
import type { EurekaConnectionOptions } from "./connection.ts";

/** Where and how to register. */
export interface EurekaRegistrarOptions extends EurekaConnectionOptions {
  /** How often an instance says that it lives, in milliseconds, 1,000 to 3,600,000, in whole seconds. Default: 30,000. */
  readonly renewalMs?: number;
  /**
   * Eureka forgets an instance that was silent for so long, in milliseconds, 3,000 to 86,400,000, in whole seconds, more
   * than `renewalMs`. (In truth after twice that, and up to a minute.) Default: 90,000.
   */
  readonly leaseMs?: number;
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock;
  /** Chance, for tests. Default: the system's. */
  readonly random?: Random;
}

/** One instance of a service, with what Eureka has besides. */
export interface EurekaInstance extends ServiceInstance {
  /** Eureka lists a host name beside the IP address. Default: `host`. */
  readonly hostName?: string;
  /** What others look it up by. Default: the service's name in lower case, as Spring Cloud does. */
  readonly vipAddress?: string;
  /** Default: `vipAddress`. */
  readonly secureVipAddress?: string;
  /** Shown on Eureka's own pages. */
  readonly homePageUrl?: string;
  readonly statusPageUrl?: string;
  readonly healthCheckUrl?: string;
}

/** An instance, checked. */
export interface ResolvedEurekaInstance extends ResolvedInstance {
  readonly hostName: string | undefined;
  readonly vipAddress: string;
  readonly secureVipAddress: string;
  readonly pages: Readonly<Record<string, string>>;
}

/** How leases are kept, checked. */
export interface Lease {
  readonly renewalMs: number;
  readonly leaseMs: number;
}

/** The option names of a registrar. */
export const registrarKeys: readonly string[] = [
  ...connectionKeys,
  "renewalMs",
  "leaseMs",
  "clock",
  "random",
];

const pageKeys = ["homePageUrl", "statusPageUrl", "healthCheckUrl"] as const;

/** Checks an instance; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveEurekaInstance(
  options: EurekaInstance,
  zone: string | undefined,
): ResolvedEurekaInstance {
  const instance = resolveInstance(options, ["hostName", "vipAddress", "secureVipAddress", ...pageKeys]);
  if (instance.status === "degraded") {
    throw configError(
      "status",
      "one of starting, up, down, out-of-service: Eureka knows no degraded",
      "degraded",
    );
  }
  const vipAddress = optionalText("vipAddress", options.vipAddress) ?? instance.service.toLowerCase();
  const pages: Record<string, string> = {};
  for (const key of pageKeys) {
    const url = optionalText(key, options[key]);
    if (url === undefined) continue;
    if (!URL.canParse(url) || !/^https?:/.test(url))
      throw configError(key, "an http:// or https:// address", url);
    pages[key] = url;
  }
  return {
    ...instance,
    zone: instance.zone ?? zone,
    hostName: optionalText("hostName", options.hostName),
    vipAddress,
    secureVipAddress: optionalText("secureVipAddress", options.secureVipAddress) ?? vipAddress,
    pages,
  };
}

/** Checks how leases are kept; throws `ERR_PROXYLESS_CONFIG`. */
export function resolveLease(options: EurekaRegistrarOptions): Lease {
  const renewalMs = wholeNumber("renewalMs", options.renewalMs, 30_000, 1000, 3_600_000);
  const leaseMs = wholeNumber("leaseMs", options.leaseMs, Math.max(90_000, renewalMs * 3), 3000, 86_400_000);
  for (const [field, value] of Object.entries({ renewalMs, leaseMs })) {
    if (value % 1000 !== 0)
      throw configError(field, "whole seconds, because Eureka counts in seconds", value);
  }
  if (leaseMs <= renewalMs) throw configError("leaseMs", `more than renewalMs (${renewalMs})`, leaseMs);
  return { renewalMs, leaseMs };
}
