import type { Clock } from "@proxyless/core";

import type { Connection } from "./connection.ts";
import { ConsulError, statusError } from "./consul-error.ts";
import type { ConsulHttp } from "./http-client.ts";
import type { ResolvedRegistration } from "./registration-options.ts";

/** What a check can say. */
export type CheckStatus = "passing" | "warning" | "critical";

/** The agent does not know the instance (any more): Consul says it with 404, or with 500 and a sentence. */
const forgotten = /unknown (check|service)|does not have associated ttl/i;

/** The requests that a registration makes to its agent. Each rejects with a `ConsulError`, or the signal's reason. */
export class AgentCalls {
  readonly #http: ConsulHttp;
  readonly #connection: Connection;
  readonly #clock: Clock;

  constructor(http: ConsulHttp, connection: Connection, clock: Clock) {
    this.#http = http;
    this.#connection = connection;
    this.#clock = clock;
  }

  /** Makes the instance known, or replaces what is known of it. A TTL check begins with `status`, not as critical. */
  async register(
    instance: ResolvedRegistration,
    host: string,
    status: CheckStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, check, weight } = instance;
    const body = {
      ID: id,
      Name: instance.service,
      Address: host,
      Port: instance.port,
      Tags: instance.tags,
      Meta: instance.metadata,
      // Both alike: a weight is capacity; that an instance is degraded is said by its health.
      Weights: { Passing: weight, Warning: weight },
      Check: {
        CheckID: checkId(id),
        Status: status,
        DeregisterCriticalServiceAfter: `${instance.deregisterCriticalAfterMs}ms`,
        ...("ttlMs" in check
          ? { TTL: `${check.ttlMs}ms` }
          : {
              HTTP: check.http,
              Interval: `${check.intervalMs}ms`,
              Timeout: `${check.timeoutMs ?? 10_000}ms`,
            }),
      },
    };
    await this.#send("PUT", "/v1/agent/service/register?replace-existing-checks=true", signal, body);
  }

  /** Says how the instance is. @returns `false` when the agent does not know it */
  beat(id: string, status: CheckStatus, note: string, signal: AbortSignal): Promise<boolean> {
    const path = `/v1/agent/check/update/${encodeURIComponent(checkId(id))}`;
    return this.#known("PUT", path, signal, { Status: status, Output: note });
  }

  /** Looks the instance up. @returns `false` when the agent does not know it */
  isKnown(id: string, signal: AbortSignal): Promise<boolean> {
    return this.#known("GET", `/v1/agent/service/${encodeURIComponent(id)}`, signal);
  }

  /** Turns maintenance on or off. @returns `false` when the agent does not know the instance */
  maintenance(id: string, enable: boolean, reason: string, signal: AbortSignal): Promise<boolean> {
    const query = `enable=${enable}&reason=${encodeURIComponent(reason)}`;
    return this.#known("PUT", `/v1/agent/service/maintenance/${encodeURIComponent(id)}?${query}`, signal);
  }

  /** Removes the instance. @returns `false` when it was gone already */
  deregister(id: string, signal: AbortSignal): Promise<boolean> {
    return this.#known("PUT", `/v1/agent/service/deregister/${encodeURIComponent(id)}`, signal);
  }

  async #known(method: "GET" | "PUT", path: string, signal: AbortSignal, body?: object): Promise<boolean> {
    try {
      await this.#send(method, path, signal, body);
      return true;
    } catch (error) {
      const isConsul = error instanceof ConsulError;
      if (isConsul && (error.status === 404 || (error.status === 500 && forgotten.test(error.message)))) {
        return false;
      }
      throw error;
    }
  }

  async #send(method: "GET" | "PUT", path: string, signal: AbortSignal, body?: object): Promise<void> {
    const { namespace, partition, requestTimeoutMs } = this.#connection;
    const scope = [
      namespace === undefined ? "" : `ns=${encodeURIComponent(namespace)}`,
      partition === undefined ? "" : `partition=${encodeURIComponent(partition)}`,
    ].filter((part) => part !== "");
    const glue = path.includes("?") ? "&" : "?";
    const request = {
      method,
      path: scope.length === 0 ? path : path + glue + scope.join("&"),
      deadlineMs: requestTimeoutMs,
      lane: "quick",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    } as const;
    const what = `${method} ${path.split("?")[0] ?? path}`;
    for (let isRenewed = false; ; isRenewed = true) {
      // eslint-disable-next-line no-await-in-loop -- the second attempt is for a renewed token
      const response = await this.#http.send(request, this.#clock, signal);
      if (response.status === 200) return;
      const error = statusError(what, response, this.#clock.wallNow());
      // eslint-disable-next-line no-await-in-loop -- as above
      if (isRenewed || error.class !== "auth" || !(await this.#http.token.renew())) throw error;
    }
  }
}

function checkId(id: string): string {
  return `service:${id}`;
}
