import { Agent } from "undici";
import { onTestFinished } from "vitest";

import type { DoorContext } from "../../../src/client/door.ts";
import { createFetch } from "../../../src/client/fetch/create-fetch.ts";
import type { TypedClient } from "../../../src/client/typed/client-types.ts";
import { createTypedClient } from "../../../src/client/typed/client.ts";
import type { AnyPaths } from "../../../src/client/typed/openapi-types.ts";
import type { Clock } from "../../../src/clock.ts";
import { systemClock } from "../../../src/clock.ts";
import { memorySource } from "../../../src/discovery/memory-source.ts";
import type { LayerScope, Send } from "../../../src/engine/around/layer.ts";
import type { CallEngine, CallRequest, ResponseSink } from "../../../src/engine/request.ts";
import { EventHub } from "../../../src/event-hub.ts";
import type { MeshEvent, MeshEventOf, MeshEventType } from "../../../src/events.ts";
import type { MeshOptions, ServiceOptions } from "../../../src/mesh-options.ts";
import { openMesh } from "../../../src/mesh.ts";
import type { Mesh } from "../../../src/mesh.ts";
import { openPools } from "../../../src/transport/pools.ts";
import type { OpenTransport, Transport } from "../../../src/transport/transport.ts";
import { closing } from "../../support/mesh.ts";

/** What a layer is made with here. */
export interface Surroundings extends LayerScope {
  readonly clock: Clock;
  readonly events: EventHub;
  /** Calls another service of the mesh, without layers. */
  readonly sendTo: (service: string, request: CallRequest, sink: ResponseSink) => void;
}

export interface LayeredMesh {
  readonly mesh: Mesh;
  readonly client: TypedClient<AnyPaths>;
  readonly fetch: Mesh["fetch"];
  readonly engine: CallEngine;
  /** Events of one type so far, of the mesh and of the layer. */
  readonly heard: <T extends MeshEventType>(type: T) => readonly MeshEventOf<T>[];
}

export interface RigOptions {
  readonly orders?: ServiceOptions;
  /** Addresses of a second service, `backup`. */
  readonly backup?: readonly string[];
  readonly rest?: Partial<MeshOptions>;
  /** Around the transport, where faults of attempts happen. */
  readonly wrap?: (open: OpenTransport, around: { readonly events: EventHub }) => OpenTransport;
}

const types: readonly MeshEventType[] = [
  "call.completed",
  "attempt.completed",
  "fault.injected",
  "call.coalesced",
  "call.fell_back",
  "call.fallback_failed",
  "call.cached",
];

/** A transport that sends in another way. */
export function sendingBy(real: Transport, send: Transport["send"]): Transport {
  return {
    send,
    stats: (endpoint) => real.stats(endpoint),
    disconnect: (endpoint, abort) => {
      real.disconnect(endpoint, abort);
    },
    protocolOf: (endpoint) => real.protocolOf?.(endpoint),
    wasQueued: (attempt, now) => real.wasQueued(attempt, now),
    check: (endpoint, policy, signal) => real.check(endpoint, policy, signal),
    evictIdle: (now) => {
      real.evictIdle(now);
    },
    close: () => real.close(),
  };
}

/** The doors of a mesh whose calls of `orders` go through a layer, over real sockets; ends with the test. */
export function layered(
  addresses: readonly string[],
  around: ((inner: Send, with_: Surroundings) => { send: Send }) | undefined,
  { backup, orders = {}, rest = {}, wrap }: RigOptions = {},
): LayeredMesh {
  const events = new EventHub();
  const discovery = memorySource({ orders: addresses, ...(backup && { backup }) });
  const options: MeshOptions = { discovery, services: { orders }, drainMs: 1_000, ...rest };
  const { engine, mesh } = openMesh(options, wrap === undefined ? openPools : wrap(openPools, { events }));
  closing(mesh);
  const clock = rest.clock ?? systemClock;
  const inner: Send = (request, sink) => {
    engine.send("orders", request, sink);
  };
  const layer = around?.(inner, {
    service: "orders",
    route: undefined,
    totalMs: orders.timeout?.totalMs ?? 30_000,
    clock,
    events,
    sendTo: (service, request, sink) => {
      engine.send(service, request, sink);
    },
  });
  const outer: CallEngine = {
    send: (service, request, sink) => {
      if (layer === undefined || service !== "orders") engine.send(service, request, sink);
      else layer.send(request, sink);
    },
  };
  const all: MeshEvent[] = [];
  for (const type of types) {
    mesh.on(type, (event) => all.push(event));
    events.on(type, (event) => all.push(event));
  }
  const agent = new Agent();
  onTestFinished(() => agent.destroy());
  const context: DoorContext = {
    engine: outer,
    clock,
    decide: (_, host) => ({ kind: "service", service: host }),
    totalMs: () => 30_000,
    external: agent,
  };
  return {
    mesh,
    client: createTypedClient(outer, "orders"),
    fetch: createFetch(context),
    engine: outer,
    heard: <T extends MeshEventType>(type: T) =>
      all.filter((event): event is MeshEventOf<T> => event.type === type),
  };
}
