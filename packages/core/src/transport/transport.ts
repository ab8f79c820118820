import type { Clock } from "../clock.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { ResolvedHealthCheck } from "../endpoints/health-check/health-check-policy.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptRequest, PoolStats } from "./pools.ts";
import type { ResolvedTransport } from "./transport-options.ts";

/**
 * Carries the attempts of one service. The engine knows no more of sockets than this: undici's pools stand behind it
 * in production, modelled servers in the simulator.
 */
export interface Transport {
  /** Sends an attempt to its endpoint. Trouble, even with the request itself, arrives at the attempt. */
  send(attempt: Attempt, request: AttemptRequest): void;
  /** Undefined while the endpoint has no connections. */
  stats(endpoint: EndpointState): PoolStats | undefined;
  /** Closes the connections of an endpoint; `abort` also ends what is in flight on them. */
  disconnect(endpoint: EndpointState, abort: boolean): void;
  /** Gives the connections of an endpoint, with what is in flight on them, to another one at the same address. */
  handOver?(before: EndpointState, after: EndpointState): void;
  /** Whether an attempt without a connection by `now` waited mostly for other calls, not for the endpoint. */
  wasQueued(attempt: Attempt, now: number): boolean;
  /**
   * The version of HTTP that an endpoint is spoken to in, as OpenTelemetry writes it: `1.1`, `2`; undefined as long as that is not known.
   * Left out where it is always 1.1.
   */
  protocolOf?(endpoint: EndpointState): string | undefined;
  /** Opens connections to an endpoint ahead of its first call; resolves when they are there. */
  readonly warm?: ((endpoint: EndpointState) => Promise<void>) | undefined;
  /**
   * Asks an endpoint whether it is well, over a connection of its own.
   * @returns what is wrong; undefined when nothing is. Also rejects with what is wrong.
   */
  check(
    endpoint: EndpointState,
    policy: ResolvedHealthCheck,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** Changes how long opening a connection may take, in milliseconds; undefined where nothing is opened. */
  limitConnecting?(connectMs: number): void;
  /**
   * Hears of an attempt that was sent and ended without an answer, so that no other one goes to a connection that is dead
   * without a sign. Left out where such an attempt ends its connection anyway.
   */
  readonly unanswered?: ((attempt: Attempt, now: number) => void) | undefined;
  /** Lets go of connections that were not used for a while. */
  evictIdle(now: number): void;
  /** Ends every connection; resolves when they are gone. */
  close(): Promise<void>;
}

/** Makes the transport of a service on its first use. */
export type OpenTransport = (
  service: string,
  options: ResolvedTransport,
  connectMs: number,
  clock: Clock,
) => Transport;
