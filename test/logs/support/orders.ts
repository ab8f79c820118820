import { createServer } from "node:http";
import type { RequestListener } from "node:http";

import { createMesh, staticSource } from "@proxyless/core";
import type { DiscoverySource, Mesh, MeshOptions } from "@proxyless/core";
import { onTestFinished } from "vitest";

import { listening } from "../../telemetry/support/listening.ts";

/** Listens until the test is over. @returns its address */
export async function serving(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  const port = await listening(server);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${port}`;
}

/** A mesh with the service `orders`, until the test is over. */
export function meshOver(
  discovery: readonly string[] | DiscoverySource,
  options: Omit<MeshOptions, "discovery"> = {},
): Mesh {
  const source = "watch" in discovery ? discovery : staticSource({ orders: discovery });
  const mesh = createMesh({ discovery: source, ...options });
  onTestFinished(() => mesh.close());
  return mesh;
}
