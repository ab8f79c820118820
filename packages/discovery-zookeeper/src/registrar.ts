import { systemClock, systemRandom } from "@proxyless/core";
import { createRegistrar, resolveInstance } from "@proxyless/core/discovery";
import type { Registrar } from "@proxyless/core/discovery";

import { ZookeeperClient } from "./client/zookeeper-client.ts";
import { ZookeeperRegistrationDriver } from "./registration-driver.ts";
import { resolveRegistrar } from "./registration-options.ts";
import type { ZookeeperRegistrarOptions } from "./registration-options.ts";

/** A watch tells of a change in milliseconds; a second covers those who are busy. */
const propagationMs = 1000;

/**
 * Registers services in ZooKeeper, each with a session and a node that lives as long as it. Draining is the format's own
 * word for it; in a format without one the node goes first. `deregister` waits 1,000 ms by default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function zookeeperRegistrar(options: ZookeeperRegistrarOptions): Registrar {
  const settings = resolveRegistrar(options);
  const { clock = systemClock, random = systemRandom } = options;
  return createRegistrar({
    name: "zookeeper",
    propagationMs,
    resolve: (given) => resolveInstance(given),
    clock,
    random,
    driver: (_instance, _host, lost) => {
      const client = new ZookeeperClient(settings.client, clock, random, true);
      return new ZookeeperRegistrationDriver({ client, settings, lost, registeredAt: clock.wallNow() });
    },
  });
}
