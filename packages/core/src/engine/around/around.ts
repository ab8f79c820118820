import type { Clock } from "../../clock.ts";
import type { EventHub } from "../../event-hub.ts";
import type { ResolvedCache } from "../../policies/cache/cache-policy.ts";
import type { ResolvedCoalesce } from "../../policies/coalesce/coalesce-policy.ts";
import type { ResolvedFallback } from "../../policies/fallback/fallback-policy.ts";
import type { FaultInjector } from "../../policies/fault/fault-injector.ts";
import type { CallRequest, ResponseSink } from "../request.ts";
import { Coalescing } from "./coalescing.ts";
import { selfContained } from "./detached.ts";
import { FallbackLayer } from "./fallback-layer.ts";
import { FaultLayer } from "./fault-layer.ts";
import type { LayerScope, Send } from "./layer.ts";
import { ResponseCache } from "./response-cache.ts";
import type { ResponseStore } from "./response-store.ts";

/** What stands around the calls of a service or route. */
export interface AroundOptions extends LayerScope {
  readonly fallback: ResolvedFallback | false;
  readonly cache: ResolvedCache | false;
  readonly coalesce: ResolvedCoalesce | false;
  /** Undefined where no faults are injected. */
  readonly faults: FaultInjector | undefined;
  /** Whether the deadline and the signal around a call are its own too. */
  readonly inherits: boolean;
  /** Where the service keeps responses; undefined where none of its routes does. */
  readonly responses: ResponseStore | undefined;
  /** What stood around the same calls under another policy. */
  readonly before?: Around | undefined;
  readonly clock: Clock;
  readonly events: EventHub;
  /** Calls another service by way of its {@link Around.sendPlain}. */
  readonly sendElsewhere: (service: string, request: CallRequest, sink: ResponseSink) => void;
}

/** The way of a call to the engine's core. */
export interface Around {
  readonly send: Send;
  /** Without the fallback: for a call that stands in for another already. */
  readonly sendPlain: Send;
  readonly fallback: FallbackLayer | undefined;
  readonly coalescing: Coalescing | undefined;
}

/**
 * Puts the layers around the calls of a service or route, the first outermost: fallback, cache, coalescing, faults.
 * @param core makes a call
 * @returns undefined where there is nothing to put around
 */
export function openAround(options: AroundOptions, core: Send): Around | undefined {
  const { cache, clock, coalesce, fallback, faults, inherits, responses } = options;
  const isBare = fallback === false && coalesce === false && faults === undefined && responses === undefined;
  if (isBare) return undefined;
  let inner = core;
  // Next to the core: a fault befalls what is really sent, once for all who share it.
  if (faults !== undefined) inner = sendOf(new FaultLayer({ ...options, injector: faults }, inner));
  // Inside the cache: what it has need not be waited for, and what it renews is shared too.
  const coalescing = coalesce === false ? undefined : new Coalescing({ ...options, policy: coalesce }, inner);
  if (coalescing !== undefined) inner = sendOf(coalescing);
  if (responses !== undefined) {
    inner = sendOf(new ResponseCache({ ...options, policy: cache, store: responses }, inner));
  }
  const plain = inner;
  // Outermost: it answers where everything else has failed.
  const kept = options.before?.fallback?.stale;
  const layer =
    fallback === false ? undefined : new FallbackLayer({ ...options, policy: fallback, kept }, plain);
  const outer = layer === undefined ? plain : sendOf(layer);
  const own = (request: CallRequest): CallRequest =>
    inherits ? selfContained(request, options, clock) : request;
  return {
    send: (request, sink) => {
      outer(own(request), sink);
    },
    sendPlain: (request, sink) => {
      plain(own(request), sink);
    },
    fallback: layer,
    coalescing,
  };
}

function sendOf(layer: { send: Send }): Send {
  return (request, sink) => {
    layer.send(request, sink);
  };
}
