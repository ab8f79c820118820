import { createServer } from "node:http";
import type { RequestListener } from "node:http";

import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh, MeshEvent, ServicePolicy } from "@proxyless/core";

import { listening } from "./listening.ts";

const cleanup: (() => void | Promise<void>)[] = [];

/** Ends every mesh and server of a test. */
export async function cleanUp(): Promise<void> {
  for (const end of cleanup.splice(0).toReversed()) await end();
}

/** A mesh over one instance of `orders` and one of `spare`, and all that it says. */
export async function meshOver(
  handler: RequestListener,
  orders: ServicePolicy,
  onSpare: RequestListener = () => undefined,
): Promise<{ mesh: Mesh; events: MeshEvent[] }> {
  const addresses: string[] = [];
  const spareHandler: RequestListener = (request, response) => {
    onSpare(request, response);
    response.end('"spare"');
  };
  for (const listener of [handler, spareHandler]) {
    const server = createServer(listener);
    cleanup.push(() => {
      server.close();
      server.closeAllConnections();
    });
    addresses.push(`127.0.0.1:${await listening(server)}`);
  }
  const [own = "", spare = ""] = addresses;
  const discovery = staticSource({ orders: [own], spare: [spare] });
  const mesh = createMesh({ discovery, services: { orders } });
  cleanup.push(() => mesh.close());
  const events: MeshEvent[] = [];
  const types = ["call.cached", "call.coalesced", "call.completed", "call.fell_back"] as const;
  for (const type of types) mesh.on(type, (event) => events.push(event));
  return { mesh, events };
}

/** Answers that are good for a minute at `/fresh`, and elsewhere until the service is asked whether they still hold. */
export const cacheable: RequestListener = (request, response) => {
  if (request.headers["if-none-match"] === '"1"') response.writeHead(304, { etag: '"1"' }).end();
  else {
    const maxAge = request.url === "/fresh" ? 60 : 0;
    response.writeHead(200, { "cache-control": `max-age=${maxAge}`, etag: '"1"' }).end('"kept"');
  }
};
