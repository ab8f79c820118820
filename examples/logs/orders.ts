import { once } from "node:events";
import { createServer } from "node:http";

import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";

/** A mesh over three instances of `orders`, one of which answers nothing but 503: there is something to log. */
export interface Trouble {
  readonly mesh: Mesh;
  /** Makes calls, one after the other. */
  readonly call: (times: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function ordersInTrouble(): Promise<Trouble> {
  const servers = [200, 200, 503].map((status) =>
    createServer((_, response) => response.writeHead(status).end('{"id":"42"}')).listen(0, "127.0.0.1"),
  );
  await Promise.all(servers.map((server) => once(server, "listening")));
  const orders = servers.map((server) => {
    const address = server.address();
    return { host: "127.0.0.1", port: typeof address === "object" ? (address?.port ?? 0) : 0 };
  });
  const mesh = createMesh({
    discovery: staticSource({ orders }),
    services: { orders: { balancer: "round-robin" } },
  });
  return {
    mesh,
    call: async (times) => {
      const client = mesh.service("orders");
      for (let i = 0; i < times; i++) await client.GET("/orders/{id}", { params: { path: { id: "42" } } });
    },
    close: async () => {
      await mesh.close();
      for (const server of servers) server.close();
    },
  };
}
