// One instance of the orders service: a plain HTTP server that registers itself where there is a registry.
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

import { seededRandom } from "@proxyless/core/testing";

import type { FromInstance, InstanceConfig, Order, ToInstance } from "./orders.ts";

const medianMs = 12;
/** Of a log-normal distribution: 1 % of the answers take longer than 1.6 times the median. */
const spread = 0.2;

const config: InstanceConfig = JSON.parse(process.argv[2] ?? "");
const registrar =
  config.consul && (await import("@proxyless/discovery-consul")).consulRegistrar(config.consul);
const random = seededRandom(config.seed);
let factor = 1;
let leave = async (): Promise<void> => undefined;

/** As a service that waits for its database: mostly alike, sometimes longer, never instant. */
function serviceTimeMs(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return medianMs * Math.exp(spread * normal) * factor;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  const id = /^\/orders\/(\w+)$/u.exec(request.url ?? "")?.[1];
  if (id === undefined) {
    answer(response, 404, { message: `there is no ${request.url}` });
    return;
  }
  const order: Order = { id, status: Number(id) % 3 === 0 ? "shipped" : "paid", servedBy: config.name };
  setTimeout(() => {
    answer(response, 200, order);
  }, serviceTimeMs());
});

async function serve(): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { port } = address;
  const registration = await registrar?.register({
    service: "orders",
    id: config.name,
    host: "127.0.0.1",
    port,
    check: { ttlMs: config.ttlMs },
  });
  // When this one is told to stop nobody calls any more, so there is nobody to wait for.
  leave = async () => registration?.deregister({ propagationMs: 0 });
  tell({ type: "serving", port });
}

async function stop(): Promise<void> {
  await leave();
  if (server.listening) {
    server.close();
    server.closeIdleConnections();
    await Promise.race([once(server, "close"), wait(500)]);
  }
  process.exit();
}

function tell(message: FromInstance): void {
  process.send?.(message);
}

process.on("message", (message: ToInstance) => {
  if (message.type === "pace") factor = message.factor;
  else if (message.type === "serve") void serve();
  else void stop();
});
// The demo is gone, however it went: an instance without it has no purpose.
process.on("disconnect", () => {
  process.exit();
});
// A Ctrl-C at the terminal reaches every process of the group; the demo itself decides the order of the end.
process.on("SIGINT", () => undefined);
tell({ type: "booted" });
