import type { DiscoverySource, Endpoint, ServiceOptions, Sink } from "@proxyless/core";

import type { CallEngine, WholeSink } from "../packages/core/src/engine/request.ts";
import { openMesh } from "../packages/core/src/mesh.ts";
import type { Mesh } from "../packages/core/src/mesh.ts";
import { seededRandom } from "../packages/core/src/random.ts";
import type { OpenTransport } from "../packages/core/src/transport/transport.ts";

export const service = "orders";

/** A mesh over endpoints that answer at once and without sockets, and the registry that tells of them. */
export interface BusyMesh {
  readonly mesh: Mesh;
  /** Makes calls, one after the other, without giving the event loop a turn. */
  readonly call: (calls: number) => void;
  /** What the registry says: all fresh objects each time, as out of a parser. */
  readonly listing: () => Endpoint[];
  readonly tell: (endpoints: readonly Endpoint[]) => void;
}

/** A mesh whose service has `count` endpoints, in the order of a registry that has one of its own. */
export async function openBusyMesh(count: number, options: ServiceOptions = {}): Promise<BusyMesh> {
  const order = shuffled(count);
  const listing = (): Endpoint[] => order.map(instance);
  let sink: Sink | undefined;
  const discovery: DiscoverySource = {
    name: "registry",
    key: (target) => target.service,
    watch: (_, to, { signal }) => {
      sink = to;
      queueMicrotask(() => {
        tell(listing());
      });
      return {
        done: new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(), { once: true });
        }),
      };
    },
  };
  const tell = (endpoints: readonly Endpoint[]): void => {
    sink?.snapshot({ kind: "bound", endpoints, trust: "authoritative" });
  };
  const { engine, mesh } = openMesh({ discovery, services: { [service]: options } }, answerAtOnce);
  await mesh.ready(service);
  return { mesh, call: callerOf(engine), listing, tell };
}

function callerOf(engine: CallEngine): (calls: number) => void {
  const request = { method: "GET", path: "/orders/42", headers: [], body: null };
  const sink: WholeSink = {
    mode: "whole",
    done: () => {},
    fail: (error) => {
      throw new Error("a call failed", { cause: error });
    },
  };
  return (calls) => {
    for (let i = 0; i < calls; i++) engine.send(service, request, sink);
  };
}

const controller = {
  aborted: false,
  paused: false,
  reason: null,
  rawHeaders: [],
  rawTrailers: [],
  abort: (): void => {},
  pause: (): void => {},
  resume: (): void => {},
};

/** A transport without sockets. */
export const answerAtOnce: OpenTransport = () => ({
  send: (attempt) => {
    attempt.onRequestStart(controller);
    attempt.onResponseStart(controller, 200, {});
    attempt.onResponseEnd(controller, {});
  },
  stats: () => undefined,
  check: () => Promise.resolve(undefined),
  disconnect: () => {},
  wasQueued: () => false,
  evictIdle: () => {},
  close: () => Promise.resolve(),
});

/** One of many endpoints. */
export function instance(i: number): Endpoint {
  return {
    id: `orders-${i}`,
    host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 8080,
    weight: 1,
    priority: 0,
    health: "healthy",
    version: "1.4.2",
    locality: { zone: `zone-${i % 3}` },
    metadata: { team: "orders" },
  };
}

function shuffled(count: number): number[] {
  const random = seededRandom(count);
  const keyed = Array.from({ length: count }, (_, i) => ({ i, key: random() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ i }) => i);
}
