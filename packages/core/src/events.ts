import { channel } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";

import { EventEmitter } from "eventemitter3";

import type { DiscoveryErrorClass, ErrorCode, Phase, ReasonFlag } from "./errors.ts";

/** How one attempt ended, decided once; statistics, circuits, budgets and limiters all read this value. */
export type Outcome = "success" | "failure" | "overload" | "ignored";

/**
 * How the endpoint of an attempt was chosen: `LB` by the balancer, `PR` as a probe of one that was ejected, `PA` in panic
 * (its gate is closed, but nothing better was found), `SS` by the session, `OH` by the caller (override host).
 */
export type PickFlag = "LB" | "PR" | "PA" | "SS" | "OH";

/** Everything a mesh reports, told apart by `type`. Endpoints are written `host:port`; times are milliseconds. */
export type MeshEvent =
  | {
      readonly type: "call.completed";
      readonly service: string;
      readonly route: string | undefined;
      readonly method: string;
      readonly outcome: Outcome;
      readonly status: number | undefined;
      readonly error: ErrorCode | undefined;
      readonly flag: ReasonFlag | undefined;
      readonly attempts: number;
      /** How the last attempt's endpoint was chosen; undefined when there was no attempt. */
      readonly pick: PickFlag | undefined;
      readonly durationMs: number;
    }
  | {
      readonly type: "attempt.completed";
      readonly service: string;
      readonly endpoint: string;
      readonly number: number;
      readonly outcome: Outcome;
      readonly status: number | undefined;
      readonly phase: Phase;
      readonly reason: string | undefined;
      readonly pick: PickFlag;
      readonly durationMs: number;
    }
  | {
      readonly type: "call.retried";
      readonly service: string;
      readonly endpoint: string;
      readonly number: number;
      readonly reason: string;
      readonly delayMs: number;
    }
  | { readonly type: "budget.exhausted"; readonly service: string; readonly balance: number }
  | {
      readonly type: "circuit.opened";
      readonly service: string;
      readonly route: string | undefined;
      readonly failureRatio: number;
      readonly calls: number;
      readonly openMs: number;
    }
  | { readonly type: "circuit.half_opened"; readonly service: string; readonly route: string | undefined }
  | { readonly type: "circuit.closed"; readonly service: string; readonly route: string | undefined }
  | {
      readonly type: "balancer.panicked";
      readonly service: string;
      readonly endpoints: number;
      readonly healthy: number;
    }
  | {
      readonly type: "endpoint.added";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
    }
  | {
      readonly type: "endpoint.updated";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
    }
  | {
      readonly type: "endpoint.removed";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      readonly inFlight: number;
    }
  | {
      readonly type: "endpoint.drained";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
    }
  | {
      readonly type: "endpoint.ejected";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      /** What found it; `probe` where it was out already and a probe failed. */
      readonly detector: string;
      readonly reason: string;
      readonly ejectionMs: number;
      /** Ejections in a row. */
      readonly ejections: number;
    }
  | {
      readonly type: "endpoint.ejection_skipped";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      readonly detector: string;
      readonly reason: string;
      /** `limit`: too many are out already. */
      readonly why: "shadow" | "enforcing" | "limit";
    }
  | {
      readonly type: "endpoint.returned";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      /** `limit`: endpoints left, and so many may not be out any more. */
      readonly how: "probes" | "health check" | "limit";
    }
  | {
      readonly type: "endpoint.health_changed";
      readonly service: string;
      readonly endpoint: string;
      readonly id: string;
      readonly health: "healthy" | "unhealthy";
      readonly detail: string;
    }
  | {
      readonly type: "discovery.updated";
      readonly service: string;
      readonly source: string;
      readonly added: number;
      readonly updated: number;
      readonly removed: number;
      readonly endpoints: number;
    }
  | {
      readonly type: "discovery.error";
      readonly service: string;
      readonly source: string;
      readonly class: DiscoveryErrorClass;
      readonly message: string;
      readonly serving: number;
    }
  | {
      readonly type: "discovery.recovered";
      readonly service: string;
      readonly source: string;
      readonly staleMs: number;
    }
  | {
      readonly type: "discovery.protected";
      readonly service: string;
      readonly source: string;
      readonly reason: "empty" | "absent" | "shrink" | "suspect";
      readonly kept: number;
      readonly holdMs: number;
    }
  | {
      readonly type: "discovery.skipped";
      readonly service: string;
      readonly source: string;
      readonly entries: number;
      readonly reason: string;
    };

export type MeshEventType = MeshEvent["type"];

/** The event of one type. */
export type MeshEventOf<T extends MeshEventType> = Extract<MeshEvent, { readonly type: T }>;

/**
 * Where events go: listeners of the mesh and `node:diagnostics_channel`, channel `proxyless:<type>`. Ask `wants`
 * before building an event, so that nothing is allocated when nobody listens.
 */
export class EventHub {
  readonly #emitter = new EventEmitter<MeshEventType>();
  readonly #channels = new Map<MeshEventType, Channel>();

  wants(type: MeshEventType): boolean {
    return this.#emitter.listenerCount(type) > 0 || this.#channel(type).hasSubscribers;
  }

  /** Delivers to everyone; a listener that throws does not stop the others or the call (its error is rethrown later). */
  emit(event: MeshEvent): void {
    const { type } = event;
    for (const listener of this.#emitter.listeners(type)) {
      try {
        listener(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    const target = this.#channel(type);
    if (target.hasSubscribers) target.publish(event);
  }

  on<T extends MeshEventType>(type: T, listener: (event: MeshEventOf<T>) => void): () => void {
    this.#emitter.on(type, listener);
    return () => {
      this.#emitter.off(type, listener);
    };
  }

  #channel(type: MeshEventType): Channel {
    let found = this.#channels.get(type);
    if (found === undefined) {
      found = channel(`proxyless:${type}`);
      this.#channels.set(type, found);
    }
    return found;
  }
}
