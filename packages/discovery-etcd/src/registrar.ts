import { systemClock, systemRandom } from "@proxyless/core";
import { createRegistrar } from "@proxyless/core/discovery";
import type { Registrar } from "@proxyless/core/discovery";

import { EtcdRegistrationDriver } from "./registration-driver.ts";
import { resolveEtcdInstance, resolveRegistrarOptions } from "./registration-options.ts";
import type { EtcdRegistrarOptions } from "./registration-options.ts";

/** A watch hears of a change in milliseconds; a second covers those who are slow to act on it. */
const propagationMs = 1000;

/**
 * Registers services in etcd, each on a lease of its own. `deregister` takes the entry out, waits 1,000 ms by default while
 * the instance goes on serving, and ends the lease.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function etcdRegistrar(options: EtcdRegistrarOptions): Registrar {
  const settings = resolveRegistrarOptions(options);
  const { clock = systemClock, random = systemRandom } = options;
  return createRegistrar({
    name: "etcd",
    propagationMs,
    resolve: resolveEtcdInstance,
    clock,
    random,
    driver: (instance, _, lost) => new EtcdRegistrationDriver(instance, { settings, lost, clock, random }),
  });
}
