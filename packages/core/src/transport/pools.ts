import type { Readable } from "node:stream";

import { Pool } from "undici";

import type { Clock } from "../clock.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { ResolvedHealthCheck } from "../endpoints/health-check/health-check-policy.ts";
import { ProxylessError } from "../errors.ts";
import type { Attempt } from "./attempt.ts";
import { createConnector } from "./connector.ts";
import type { ConnectorFactory } from "./connector.ts";
import { checkHealth } from "./health/checks.ts";
import { ReadyConnections } from "./ready-connections.ts";
import { SilentConnections } from "./silent-connections.ts";
import type { ResolvedTransport } from "./transport-options.ts";
import type { OpenTransport, Transport } from "./transport.ts";

/** A body as one attempt sends it. */
export type AttemptBody = string | Uint8Array | Readable | null;

/** What one attempt sends. */
export interface AttemptRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: AttemptBody;
  /** Ends a response whose body falls silent; 0 where the attempt's own timer covers the body. */
  readonly bodyTimeout: number;
  /** Saves undici from deriving it from the `host` header for each request. */
  readonly servername: string;
}

/** How many connections an endpoint has and how they are used. */
export interface PoolStats {
  readonly connected: number;
  readonly free: number;
  readonly queued: number;
}

/**
 * The connections of one service: a pool per endpoint, made on first use and dropped when unused for a while.
 * undici's own timers are off except the guard on a silent streamed body; ours are exact.
 */
class Pools implements Transport {
  readonly #pools = new Map<EndpointState, Pool>();
  readonly #transport: ResolvedTransport;
  #connectMs: number;
  readonly #connectors: ConnectorFactory;
  readonly #http2Connectors: ConnectorFactory;
  /** Connections that are open ahead of their use, where that is asked for. */
  readonly #ready = new Map<EndpointState, ReadyConnections>();
  /** Opens connections to an endpoint ahead of its first call; resolves when they are there. */
  readonly warm: ((endpoint: EndpointState) => Promise<void>) | undefined;
  /** What connections are known by, which outlasts an endpoint that hands them over. */
  readonly #keys = new WeakMap<EndpointState, object>();
  readonly #silent = new SilentConnections();
  /** Has the next calls open another connection where the one of this attempt is silent. Calls that are on it may end. */
  readonly unanswered: ((attempt: Attempt, now: number) => void) | undefined;
  /** Pools on their way out, until the last socket is gone. */
  readonly #closing = new Map<Pool, Promise<void>>();

  constructor(clock: Clock, transport: ResolvedTransport, connectMs: number) {
    this.#transport = transport;
    this.#connectMs = connectMs;
    const { http2, minReadyConnections, tls } = transport;
    if (minReadyConnections > 0) {
      this.warm = (endpoint) => this.#readyOf(endpoint).fill(minReadyConnections);
    }
    if (http2) {
      this.unanswered = ({ endpoint, startedAt }, now) => {
        if (this.#silent.isSilent(this.#keyOf(endpoint), startedAt, now)) this.disconnect(endpoint, false);
      };
    }
    const limit = (): number => this.#connectMs;
    this.#connectors = createConnector(clock, limit, http2, tls, (key, socket) => {
      this.#silent.opened(key, socket, clock.now());
    });
    // gRPC's health checks speak HTTP/2 whatever the calls do.
    this.#http2Connectors = http2 ? this.#connectors : createConnector(clock, limit, true, tls);
  }

  limitConnecting(connectMs: number): void {
    this.#connectMs = connectMs;
  }

  send(attempt: Attempt, request: AttemptRequest): void {
    const { endpoint } = attempt;
    (this.#pools.get(endpoint) ?? this.#open(endpoint)).dispatch(request, attempt);
  }

  check(
    endpoint: EndpointState,
    policy: ResolvedHealthCheck,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { host } = this.#transport;
    const connectors = policy.type === "grpc" ? this.#http2Connectors : this.#connectors;
    return checkHealth(
      {
        origin: this.#originOf(endpoint),
        host,
        connector: connectors.connector(
          this.#keyOf(endpoint),
          this.#verifiedName(endpoint) ?? this.#serverName,
        ),
      },
      policy,
      signal,
    );
  }

  stats(endpoint: EndpointState): PoolStats | undefined {
    const stats = this.#pools.get(endpoint)?.stats;
    return stats === undefined
      ? undefined
      : { connected: stats.connected, free: stats.free, queued: stats.queued };
  }

  /** Closes the connections of an endpoint; `abort` also ends what is in flight on them. */
  disconnect(endpoint: EndpointState, abort: boolean): void {
    this.#ready.get(endpoint)?.close();
    this.#ready.delete(endpoint);
    const pool = this.#pools.get(endpoint);
    if (pool === undefined) return;
    this.#pools.delete(endpoint);
    this.#silent.forget(this.#keyOf(endpoint));
    const done = abort ? pool.destroy(gone(endpoint.address)) : pool.close();
    this.#closing.set(
      pool,
      done.finally(() => this.#closing.delete(pool)),
    );
  }

  handOver(before: EndpointState, after: EndpointState): void {
    this.#keys.set(after, this.#keyOf(before));
    move(this.#pools, before, after);
    move(this.#ready, before, after);
  }

  /**
   * Whether an attempt that did not get a connection by `now` waited, most of the time, for other calls to give theirs
   * back, and not for the endpoint to accept one.
   */
  wasQueued({ endpoint, startedAt }: Attempt, now: number): boolean {
    const since = this.#connectors.openingSince(this.#keyOf(endpoint));
    return since === undefined || since - startedAt > now - since;
  }

  protocolOf(endpoint: EndpointState): string | undefined {
    return this.#transport.http2 ? this.#connectors.protocolOf(this.#keyOf(endpoint)) : "1.1";
  }

  /** Drops the pools that were not used since `now - idleMs`, and sees to it that enough connections are ready. */
  evictIdle(now: number): void {
    const { idleMs, minReadyConnections } = this.#transport;
    this.#silent.look(now);
    for (const [endpoint, ready] of this.#ready) {
      ready.tend(minReadyConnections - (this.stats(endpoint)?.connected ?? 0), now);
    }
    if (minReadyConnections > 0) return;
    for (const endpoint of this.#pools.keys()) {
      if (endpoint.pending === 0 && now - endpoint.usedAt > idleMs) this.disconnect(endpoint, false);
    }
  }

  get size(): number {
    return this.#pools.size;
  }

  /** Ends every connection, also those of pools that were let go, and those being opened; resolves when they are gone. */
  async close(): Promise<void> {
    for (const endpoint of [...this.#pools.keys(), ...this.#ready.keys()]) this.disconnect(endpoint, true);
    this.#connectors.abort();
    this.#http2Connectors.abort();
    await Promise.all([...this.#closing].map(([pool]) => pool.destroy(gone("the endpoint"))));
  }

  #keyOf(endpoint: EndpointState): object {
    let key = this.#keys.get(endpoint);
    if (key === undefined) this.#keys.set(endpoint, (key = {}));
    return key;
  }

  #originOf({ address, spec }: EndpointState): string {
    return `${spec.scheme ?? this.#transport.scheme}://${address}`;
  }

  /** What TLS verifies where no other name is given; none for an address. */
  get #serverName(): string | undefined {
    return this.#transport.hostname === "" ? undefined : this.#transport.hostname;
  }

  /** The name that TLS verifies where it is not the service's. */
  #verifiedName({ spec }: EndpointState): string | undefined {
    return spec.serverName ?? this.#transport.tls?.serverName;
  }

  #readyOf(endpoint: EndpointState): ReadyConnections {
    let ready = this.#ready.get(endpoint);
    if (ready === undefined) {
      const connector = this.#connectors.connector(this.#keyOf(endpoint), this.#verifiedName(endpoint));
      ready = new ReadyConnections(connector, this.#originOf(endpoint), this.#serverName);
      this.#ready.set(endpoint, ready);
    }
    return ready;
  }

  #open(endpoint: EndpointState): Pool {
    const { connections, http2, keepAliveMs } = this.#transport;
    const pool = new Pool(fixedUrl(this.#originOf(endpoint)), {
      connect:
        this.#transport.minReadyConnections > 0
          ? this.#readyOf(endpoint).connector
          : this.#connectors.connector(this.#keyOf(endpoint), this.#verifiedName(endpoint)),
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

/** The transport of production. */
export const openPools: OpenTransport = (_, options, connectMs, clock) =>
  new Pools(clock, options, connectMs);

function move<T>(map: Map<EndpointState, T>, from: EndpointState, to: EndpointState): void {
  const value = map.get(from);
  if (value === undefined) return;
  map.delete(from);
  map.set(to, value);
}

/** A URL whose parts undici need not cut out of the whole with every request. */
function fixedUrl(origin: string): URL {
  const url = new URL(origin);
  return Object.defineProperties(url, { origin: { value: url.origin }, protocol: { value: url.protocol } });
}

function gone(address: string): ProxylessError {
  return new ProxylessError("ERR_PROXYLESS_RESET", `the connections to ${address} were closed`, {
    flag: "UC",
  });
}
