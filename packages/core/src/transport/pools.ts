import type { Readable } from "node:stream";

import { Pool } from "undici";

import type { Clock } from "../clock.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import { ProxylessError, configError } from "../errors.ts";
import type { Attempt } from "./attempt.ts";
import { createConnector } from "./connector.ts";
import type { TlsOptions } from "./connector.ts";

/** How a service is connected to. */
export interface TransportOptions {
  /** `http` or `https` where the endpoint does not say; `https` when `tls` is given, else `http`. */
  readonly scheme?: "http" | "https";
  /** What goes into the `host` header (and SNI); the service's name by default. */
  readonly host?: string;
  /** Connections per endpoint at most, 1 to 10,000; 64 by default. Calls above that wait their turn, within their timeout. */
  readonly connections?: number;
  /** Unused connections are kept this long, 0 to 600,000 ms; 30,000 by default. A shorter hint from the server wins. */
  readonly keepAliveMs?: number;
  /** The whole pool of an unused endpoint goes after this long, 1,000 to 3,600,000 ms; 60,000 by default. */
  readonly idleMs?: number;
  /** Speak HTTP/2 where TLS negotiates it; false by default. */
  readonly http2?: boolean;
  readonly tls?: TlsOptions;
}

/** {@link TransportOptions} with everything filled in. */
export type ResolvedTransport = Required<Omit<TransportOptions, "tls">> & {
  readonly tls: TlsOptions | undefined;
};

const legalKeys = ["scheme", "host", "connections", "keepAliveMs", "idleMs", "http2", "tls"];
const hostPattern = /^[\w.~-]+(?::\d{1,5})?$/;

/**
 * Fills in and checks transport options.
 * @throws ProxylessError `ERR_PROXYLESS_CONFIG` naming the field, what is legal and what came
 */
export function resolveTransport(
  options: TransportOptions | undefined,
  service: string,
  field: string,
): ResolvedTransport {
  const given = options ?? {};
  for (const key of Object.keys(given)) {
    if (!legalKeys.includes(key))
      throw configError(`${field}.${key}`, `one of the fields ${legalKeys.join(", ")}`, key);
  }
  const integer = (
    name: "connections" | "keepAliveMs" | "idleMs",
    fallback: number,
    min: number,
    max: number,
  ): number => {
    const value: unknown = given[name] ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw configError(`${field}.${name}`, `an integer from ${min} to ${max}`, value);
  };
  const scheme: unknown = given.scheme ?? (given.tls === undefined ? "http" : "https");
  if (scheme !== "http" && scheme !== "https")
    throw configError(`${field}.scheme`, '"http" or "https"', scheme);
  if (scheme === "http" && given.tls !== undefined)
    throw configError(`${field}.scheme`, '"https" where tls is given', scheme);
  const host: unknown = given.host ?? service;
  if (typeof host !== "string" || !hostPattern.test(host))
    throw configError(`${field}.host`, "a host name, with a port where needed", host);
  const http2: unknown = given.http2 ?? false;
  if (typeof http2 !== "boolean") throw configError(`${field}.http2`, "a boolean", http2);
  return Object.freeze({
    scheme,
    host,
    http2,
    connections: integer("connections", 64, 1, 10_000),
    keepAliveMs: integer("keepAliveMs", 30_000, 0, 600_000),
    idleMs: integer("idleMs", 60_000, 1_000, 3_600_000),
    tls: given.tls,
  });
}

/** A body as one attempt sends it. */
export type AttemptBody = string | Uint8Array | Readable | null;

/** What one attempt sends. */
export interface AttemptRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: AttemptBody;
}

/** How many connections an endpoint has and how they are used. */
export interface PoolStats {
  readonly connected: number;
  readonly free: number;
  readonly queued: number;
}

/**
 * The connections of one service: a pool per endpoint, made on first use and dropped when unused for a while.
 * undici's own timers are off except the guard on a silent response body (300 s); ours are exact.
 */
export class Pools {
  readonly #pools = new Map<EndpointState, Pool>();
  readonly #transport: ResolvedTransport;
  readonly #connect: ReturnType<typeof createConnector>;
  /** Pools on their way out, until the last socket is gone. */
  readonly #closing = new Set<Promise<void>>();

  constructor(clock: Clock, transport: ResolvedTransport, connectMs: number) {
    this.#transport = transport;
    this.#connect = createConnector(clock, connectMs, transport.http2, transport.tls);
  }

  /** Sends an attempt to its endpoint. Trouble, even with the request itself, arrives at the attempt. */
  send(attempt: Attempt, request: AttemptRequest): void {
    const { endpoint } = attempt;
    (this.#pools.get(endpoint) ?? this.#open(endpoint)).dispatch(request, attempt);
  }

  stats(endpoint: EndpointState): PoolStats | undefined {
    const stats = this.#pools.get(endpoint)?.stats;
    return stats === undefined
      ? undefined
      : { connected: stats.connected, free: stats.free, queued: stats.queued };
  }

  /** Closes the connections of an endpoint; `abort` also ends what is in flight on them. */
  disconnect(endpoint: EndpointState, abort: boolean): void {
    const pool = this.#pools.get(endpoint);
    if (pool === undefined) return;
    this.#pools.delete(endpoint);
    const gone = new ProxylessError(
      "ERR_PROXYLESS_RESET",
      `the connections to ${endpoint.address} were closed`,
      { flag: "UC" },
    );
    const closing: Promise<void> = (abort ? pool.destroy(gone) : pool.close()).finally(() =>
      this.#closing.delete(closing),
    );
    this.#closing.add(closing);
  }

  /** Drops the pools that were not used since `now - idleMs`. */
  evictIdle(now: number): void {
    for (const endpoint of this.#pools.keys()) {
      if (endpoint.pending === 0 && now - endpoint.usedAt > this.#transport.idleMs)
        this.disconnect(endpoint, false);
    }
  }

  get size(): number {
    return this.#pools.size;
  }

  /** Resolves when every socket of the pools that were disconnected is gone. */
  async closed(): Promise<void> {
    await Promise.all(this.#closing);
  }

  #open(endpoint: EndpointState): Pool {
    const { connections, http2, keepAliveMs } = this.#transport;
    const pool = new Pool(`${endpoint.spec.scheme ?? this.#transport.scheme}://${endpoint.address}`, {
      connect: this.#connect(endpoint.spec.serverName ?? this.#transport.tls?.serverName),
      connections,
      allowH2: http2,
      headersTimeout: 0,
      keepAliveTimeout: Math.max(1, keepAliveMs),
      keepAliveMaxTimeout: Math.max(1, keepAliveMs),
    });
    this.#pools.set(endpoint, pool);
    return pool;
  }
}
