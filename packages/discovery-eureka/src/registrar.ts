import { systemClock } from "@proxyless/core";
import { createRegistrar, knownKeys, record } from "@proxyless/core/discovery";
import type { Registrar } from "@proxyless/core/discovery";

import { resolveConnection } from "./connection.ts";
import { EurekaHttp } from "./eureka-http.ts";
import { RegistrationCalls } from "./registration-calls.ts";
import { EurekaRegistrationDriver } from "./registration-driver.ts";
import { registrarKeys, resolveEurekaInstance, resolveLease } from "./registration-options.ts";
import type { EurekaInstance, EurekaRegistrarOptions } from "./registration-options.ts";

const maxAnswerBytes = 1024 * 1024;
/** A server answers from a cache of 30 s, and clients ask every 30 s. */
const propagationMs = 60_000;

/**
 * Registers services with Eureka, and with what speaks its protocol (Polaris). Draining is the status OUT_OF_SERVICE;
 * `deregister` waits 60,000 ms by default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function eurekaRegistrar(options: EurekaRegistrarOptions): Registrar<EurekaInstance> {
  knownKeys("", record("options", options), registrarKeys);
  const connection = resolveConnection(options);
  const lease = resolveLease(options);
  const { clock = systemClock, random } = options;
  return createRegistrar({
    name: "eureka",
    propagationMs,
    resolve: (given) => resolveEurekaInstance(given, connection.zone),
    clock,
    random,
    driver: ({ service, id }) => {
      const http = new EurekaHttp(connection, maxAnswerBytes);
      const calls = new RegistrationCalls(http, { app: service.toUpperCase(), id }, clock);
      return new EurekaRegistrationDriver(calls, lease, clock, () => {
        http.close();
      });
    },
  });
}
