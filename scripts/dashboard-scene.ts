import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

import { createMesh, memorySource } from "../packages/core/src/index.ts";
import type { Endpoint, Mesh } from "../packages/core/src/index.ts";
import { seededRandom } from "../packages/core/src/random.ts";
import { createDashboard } from "../packages/dashboard/src/index.ts";
import { Backend, portOf } from "../test/dashboard/support/backend.ts";

/** A mesh that calls three services, one of which has trouble, and its live page. */
export interface Scene extends AsyncDisposable {
  /** Where the page stands. */
  readonly url: string;
  readonly mesh: Mesh;
  /** Lets an instance of `orders` answer with errors, and `payments` as a whole. */
  break(): void;
}

const fleets = { orders: 6, inventory: 24, payments: 3 } as const;
const callsPerSecond = { orders: 120, inventory: 60, payments: 25 } as const;

/** Sets the scene. @param token for the page; nobody is asked without one */
export async function setScene(token?: string): Promise<Scene> {
  const random = seededRandom(7);
  const discovery = memorySource();
  const backends: Backend[] = [];
  for (const [service, count] of Object.entries(fleets)) {
    const some = await Promise.all(
      Array.from({ length: count }, () => Backend.start({ delayMs: Math.round(4 + 10 * random()) })),
    );
    backends.push(...some);
    discovery.set(
      service,
      some.map((backend, i) => endpointOf(backend, i)),
    );
  }
  const mesh = createMesh({
    discovery,
    services: {
      orders: {
        bulkhead: { maxConcurrent: 64 },
        routes: [{ match: { path: "/orders/{id}" }, circuit: { minCalls: 20 } }],
      },
      inventory: { rateLimit: { tokensPerSecond: 200, burst: 200 } },
      payments: { retry: { maxAttempts: 2 }, circuit: { openMs: 20_000 } },
    },
  });
  await Promise.all(Object.keys(fleets).map((service) => mesh.ready(service)));
  const end = new AbortController();
  const traffic = Promise.all(
    Object.entries(callsPerSecond).map(([service, rate]) => callAll(mesh, service, rate, end.signal)),
  );
  const dashboard = createDashboard({ mesh, title: "checkout", token });
  const server = createServer((request, response) => {
    if (!dashboard.handle(request, response)) response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${portOf(server)}${dashboard.path}`,
    mesh,
    break: () => {
      const { inventory, orders } = fleets;
      backends[1]!.behaviour.status = 503;
      for (const backend of backends.slice(orders + inventory)) backend.behaviour.status = 500;
    },
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await traffic;
      await dashboard.close();
      server.close();
      server.closeAllConnections();
      await mesh.close();
      await Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()));
    },
  };
}

function endpointOf({ address }: Backend, i: number): Endpoint {
  const [host = "", port] = address.split(":");
  return {
    id: address,
    host,
    port: Number(port),
    weight: 1,
    priority: 0,
    health: i === 3 ? "draining" : "healthy",
    version: i % 3 === 0 ? "2.1.0" : "2.0.4",
    locality: { zone: `zone-${"abc"[i % 3]}` },
    metadata: {},
  };
}

/** Calls at an even pace until the end; what a call comes to is the page's concern. */
async function callAll(mesh: Mesh, service: string, rate: number, signal: AbortSignal): Promise<void> {
  const client = mesh.service(service);
  for (let i = 0; !signal.aborted; i++) {
    void client.GET(`/${service}/{id}`, { params: { path: { id: String(i) } } }).catch(() => undefined);
    await wait(1000 / rate, undefined, { signal }).catch(() => undefined);
  }
}
