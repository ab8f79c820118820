import type { RequestListener } from "node:http";

import { onTestFinished } from "vitest";

import { memorySource } from "../../src/discovery/memory-source.ts";
import type { MeshEvent, MeshEventOf, MeshEventType } from "../../src/events.ts";
import type { MeshOptions, ServiceOptions } from "../../src/mesh-options.ts";
import { createMesh } from "../../src/mesh.ts";
import type { Mesh } from "../../src/mesh.ts";
import { startServer } from "./http.ts";
import type { TestServer } from "./http.ts";

/** Closes something after the test. */
export function closing<T extends { close(): Promise<void> }>(thing: T): T {
  onTestFinished(() => thing.close());
  return thing;
}

/** A server that ends with the test. */
export async function server(handler: RequestListener): Promise<TestServer> {
  return closing(await startServer(handler));
}

export interface TestMesh {
  readonly mesh: Mesh;
  readonly source: ReturnType<typeof memorySource>;
  /** Events of one type so far. */
  readonly events: <T extends MeshEventType>(type: T) => readonly MeshEventOf<T>[];
}

const recorded: readonly MeshEventType[] = [
  "attempt.completed",
  "call.completed",
  "call.retried",
  "call.hedged",
  "call.shed",
  "budget.exhausted",
  "circuit.opened",
  "circuit.closed",
  "endpoint.removed",
  "endpoint.drained",
  "endpoint.ejected",
  "endpoint.ejection_skipped",
  "endpoint.returned",
  "endpoint.health_changed",
  "balancer.panicked",
];

/** A mesh over a memory source with the service `orders` at `addresses`; ends with the test. */
export function meshOf(
  addresses: readonly string[],
  orders: ServiceOptions = {},
  rest: Partial<MeshOptions> = {},
): TestMesh {
  const source = memorySource({ orders: addresses });
  const mesh = closing(createMesh({ discovery: source, services: { orders }, drainMs: 1_000, ...rest }));
  const heard: MeshEvent[] = [];
  for (const type of recorded) mesh.on(type, (event) => heard.push(event));
  return {
    mesh,
    source,
    events: <T extends MeshEventType>(type: T) =>
      heard.filter((event): event is MeshEventOf<T> => event.type === type),
  };
}

/** What a promise was rejected with; fails when it was not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}
