import { systemClock, systemRandom } from "@proxyless/core";

import { advertisedHost } from "./advertise.ts";
import { AgentCalls } from "./agent-calls.ts";
import { resolveConnection } from "./connection.ts";
import { ConsulHttp } from "./http-client.ts";
import { knownKeys, record, wholeNumber } from "./option-checks.ts";
import { registrarKeys, resolveRegistration } from "./registration-options.ts";
import type {
  ConsulRegistrarOptions,
  ConsulRegistration,
  ConsulRegistrationState,
  ConsulStatus,
} from "./registration-options.ts";
import { Registration } from "./registration.ts";

/** How to leave. */
export interface ConsulDeregisterOptions {
  /**
   * How long the instance stays listed as draining before it is removed, in milliseconds, 0 to 600,000: keep serving
   * meanwhile, so that every caller has heard of it. Default: 2,000.
   */
  readonly propagationMs?: number;
}

/** A registered instance. Keep it, and end it when the service shuts down. */
export interface ConsulRegistrationHandle extends AsyncDisposable {
  readonly id: string;
  /** The address that was registered. */
  readonly host: string;
  readonly port: number;
  readonly state: ConsulRegistrationState;
  /**
   * Says how the instance is; kept through an agent's restart. Rejects with `ERR_PROXYLESS_REGISTRATION` when Consul
   * did not hear it yet, and goes on trying.
   */
  setStatus(status: ConsulStatus, note?: string): Promise<void>;
  /**
   * Leaves: lists the instance as draining, waits, removes it. Never rejects, takes at most 5 s beside the wait (what
   * could not be said then, Consul finds out by the check), and may be called again.
   */
  deregister(options?: ConsulDeregisterOptions): Promise<void>;
}

/** Registers instances with one agent. */
export interface ConsulRegistrar {
  /**
   * Registers an instance and keeps it registered, whatever happens to the agent, until it is deregistered.
   * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range; `ERR_PROXYLESS_REGISTRATION` when
   *   Consul refuses it or does not take it within `startTimeoutMs`
   */
  register(registration: ConsulRegistration): Promise<ConsulRegistrationHandle>;
}

const maxAnswerBytes = 1024 * 1024;

/**
 * Registers services with a Consul agent.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` for an option out of its range
 */
export function consulRegistrar(options: ConsulRegistrarOptions): ConsulRegistrar {
  knownKeys("", record("options", options), registrarKeys);
  const connection = resolveConnection(options, [options.url]);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  return {
    register: async (given) => {
      const instance = resolveRegistration(given);
      const host = await advertisedHost(instance.host, process.env["POD_IP"]);
      const http = new ConsulHttp(connection, 1, maxAnswerBytes);
      const calls = new AgentCalls(http, connection, clock);
      const registration = new Registration({
        instance,
        host,
        calls,
        clock,
        random,
        onEnd: () => {
          http.close();
        },
      });
      await registration.start();
      return handleOf(registration, { id: instance.id, host, port: instance.port });
    },
  };
}

function handleOf(
  registration: Registration,
  where: Pick<ConsulRegistrationHandle, "id" | "host" | "port">,
): ConsulRegistrationHandle {
  const deregister = async (options: ConsulDeregisterOptions = {}): Promise<void> => {
    knownKeys("", record("options", options), ["propagationMs"]);
    await registration.deregister(wholeNumber("propagationMs", options.propagationMs, 2000, 0, 600_000));
  };
  return {
    ...where,
    get state() {
      return registration.state;
    },
    setStatus: (status, note) => registration.setStatus(status, note),
    deregister,
    [Symbol.asyncDispose]: () => deregister(),
  };
}
