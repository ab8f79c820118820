import type { Clock } from "@proxyless/core";
import { SourceError, isRecord } from "@proxyless/core/discovery";

import type { Connection } from "./connection.ts";
import { consulError } from "./consul-http.ts";
import type { ConsulHttp } from "./consul-http.ts";
import { formatted } from "./register-format.ts";
import type { FormattedFields } from "./register-format.ts";
import type { ResolvedConsulInstance } from "./registration-options.ts";

/** What a check can say. */
export type CheckStatus = "passing" | "warning" | "critical";

/** The agent does not know the instance (any more): Consul says it with 404, or with 500 and a sentence. */
const forgotten = /unknown (check|service)|does not have associated ttl/i;

/** The requests that a registration makes to its agent. Each rejects with a `SourceError`, or the signal's reason. */
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
    instance: ResolvedConsulInstance,
    host: string,
    status: CheckStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, check } = instance;
    const body = {
      ID: id,
      Name: instance.service,
      ...wrote(instance, host),
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

  /**
   * Looks the instance up. @returns `false` when the agent does not know it, or knows something else by its id: somebody
   * wrote over it
   */
  async isKnown(instance: ResolvedConsulInstance, host: string, signal: AbortSignal): Promise<boolean> {
    let found: unknown;
    const path = `/v1/agent/service/${encodeURIComponent(instance.id)}`;
    if (!(await this.#known("GET", path, signal, undefined, (body) => (found = parse(body))))) return false;
    // An answer that makes no sense tells nothing against the entry.
    if (!isRecord(found)) return true;
    const { Tags: tags, Meta: meta, ...rest } = wrote(instance, host);
    const known = { ...found, Tags: found["Tags"] ?? [], Meta: found["Meta"] ?? {} };
    const wanted = { ...rest, Service: instance.service, Tags: tags, Meta: meta };
    return holds(known, wanted);
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

  async #known(
    method: "GET" | "PUT",
    path: string,
    signal: AbortSignal,
    body?: object,
    read?: (answer: string) => void,
  ): Promise<boolean> {
    try {
      const answer = await this.#send(method, path, signal, body);
      read?.(answer);
      return true;
    } catch (error) {
      const isConsul = error instanceof SourceError;
      if (isConsul && (error.status === 404 || (error.status === 500 && forgotten.test(error.message)))) {
        return false;
      }
      throw error;
    }
  }

  async #send(method: "GET" | "PUT", path: string, signal: AbortSignal, body?: object): Promise<string> {
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
      if (response.status === 200) return response.body;
      const error = consulError(what, response, this.#clock.wallNow());
      // eslint-disable-next-line no-await-in-loop -- as above
      if (isRenewed || error.class !== "auth" || !(await this.#http.token.renew())) throw error;
    }
  }
}

/** The part of an entry that its instance decides. */
function wrote(
  instance: ResolvedConsulInstance,
  host: string,
): FormattedFields & { Address: string; Port: number } {
  try {
    const fields = formatted(instance, host, instance.format, instance.tags);
    return { Address: host, Port: instance.port, ...fields };
  } catch (error) {
    // An update may ask for what Consul cannot hold; trying again would not help.
    throw new SourceError("config", error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Whether an object has at least these fields, with these values; lists count whatever their order. */
function holds(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(found) && inOrder(found) === inOrder(wanted);
  }
  if (!isRecord(wanted)) return found === wanted;
  return isRecord(found) && Object.entries(wanted).every(([key, value]) => holds(found[key], value));
}

function inOrder(list: readonly unknown[]): string {
  return JSON.stringify(list.map(String).toSorted());
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkId(id: string): string {
  return `service:${id}`;
}
