import { once } from "node:events";
import { createServer } from "node:http";

import { createMesh, staticSource } from "@proxyless/core";

/** What openapi-typescript makes of a service's OpenAPI document. */
interface Paths {
  "/orders/{id}": {
    get: {
      parameters: { path: { id: string } };
      responses: { 200: { content: { "application/json": { id: string; status: string } } } };
    };
  };
}

// Three instances of a service, to have something to call.
const servers = Array.from({ length: 3 }, () =>
  createServer((_, response) => response.end('{"id":"42","status":"paid"}')).listen(0, "127.0.0.1"),
);
await Promise.all(servers.map((server) => once(server, "listening")));
const addresses = servers.map((server) => {
  const address = server.address();
  return { host: "127.0.0.1", port: typeof address === "object" ? (address?.port ?? 0) : 0 };
});

const mesh = createMesh({ discovery: staticSource({ orders: addresses }) });
const orders = mesh.service<Paths>("orders", { timeout: { totalMs: 2_000 } });

const { data, error } = await orders.GET("/orders/{id}", { params: { path: { id: "42" } } });
console.log(data?.id, data?.status, error);

// One instance dies, and nobody notices.
servers[0]?.close().closeAllConnections();
const calls = Array.from({ length: 100 }, () =>
  orders.GET("/orders/{id}", { params: { path: { id: "42" } } }),
);
const fine = (await Promise.all(calls)).filter(({ response }) => response.ok);
console.log(`${fine.length} of 100 calls went well`);

await mesh.close();
for (const server of servers) server.close();
