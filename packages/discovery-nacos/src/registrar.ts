import { systemClock } from "@proxyless/core";
import { createRegistrar, knownKeys, record } from "@proxyless/core/discovery";
import type { Registrar } from "@proxyless/core/discovery";

import { resolveConnection } from "./connection.ts";
import { NacosHttp } from "./nacos-http.ts";
import { RegistrationCalls } from "./registration-calls.ts";
import { NacosRegistrationDriver } from "./registration-driver.ts";
import { registrarKeys, resolveBeat, resolveNacosInstance } from "./registration-options.ts";
import type { NacosInstance, NacosRegistrarOptions } from "./registration-options.ts";

const maxAnswerBytes = 32 * 1024 * 1024;
/** Clients hear of it by a push within a second, or ask every 10 s. */
const propagationMs = 11_000;

/**
 * Registers services with Nacos. Draining is `enabled=false`, which takes the instance out of every list; `deregister`
 * waits 11,000 ms by default.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function nacosRegistrar(options: NacosRegistrarOptions): Registrar<NacosInstance> {
  knownKeys("", record("options", options), registrarKeys);
  const connection = resolveConnection(options);
  const beatMs = resolveBeat(options);
  const { clock = systemClock, random } = options;
  return createRegistrar({
    name: "nacos",
    propagationMs,
    resolve: resolveNacosInstance,
    clock,
    random,
    driver: (instance) => {
      const http = new NacosHttp(connection, maxAnswerBytes);
      const calls = new RegistrationCalls(http, connection, beatMs, clock);
      return new NacosRegistrationDriver(instance, beatMs, calls, () => {
        http.close();
      });
    },
  });
}
