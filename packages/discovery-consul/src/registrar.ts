import { systemClock } from "@proxyless/core";
import { createRegistrar, knownKeys, record } from "@proxyless/core/discovery";
import type { Registrar } from "@proxyless/core/discovery";

import { AgentCalls } from "./agent-calls.ts";
import { resolveConnection } from "./connection.ts";
import { ConsulHttp } from "./consul-http.ts";
import { ConsulRegistrationDriver } from "./registration-driver.ts";
import { registrarKeys, resolveConsulInstance } from "./registration-options.ts";
import type { ConsulInstance, ConsulRegistrarOptions } from "./registration-options.ts";

const maxAnswerBytes = 1024 * 1024;
/** A long poll hears of a change in milliseconds; two seconds cover those who poll. */
const propagationMs = 2000;

/**
 * Registers services with a Consul agent. Draining is maintenance mode; `deregister` waits 2,000 ms by default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function consulRegistrar(options: ConsulRegistrarOptions): Registrar<ConsulInstance> {
  knownKeys("", record("options", options), registrarKeys);
  const connection = resolveConnection(options, [options.url]);
  const { clock = systemClock, random } = options;
  return createRegistrar({
    name: "consul",
    propagationMs,
    resolve: resolveConsulInstance,
    clock,
    random,
    driver: (instance) => {
      const http = new ConsulHttp(connection, 1, maxAnswerBytes);
      const calls = new AgentCalls(http, connection, clock);
      return new ConsulRegistrationDriver(instance, calls, clock, () => {
        http.close();
      });
    },
  });
}
