import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";

/** The service that the pages talk of, as one instance of it. */
export interface OrdersInstance {
  readonly port: number;
  stop(): void;
}

/**
 * `GET /orders/42`, `GET /orders`, `POST /orders`, `GET /slow` (half a second), `GET /export` (a long body) and
 * 404 with a message for everything else.
 */
export async function startOrders(): Promise<OrdersInstance> {
  const server = createServer((request, response) => {
    const { method = "", url = "" } = request;
    const path = url.split("?", 1)[0] ?? "";
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      answer(`${method} ${path}`, Buffer.concat(chunks).toString(), response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const tea = { id: "42", item: "tea", quantity: 2 };

function answer(request: string, body: string, response: ServerResponse): void {
  const json = (status: number, value: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  switch (request) {
    case "GET /orders/42":
      json(200, tea);
      break;
    case "GET /orders":
      json(200, [tea]);
      break;
    case "POST /orders":
      json(201, { id: "43", ...(body === "" ? {} : JSON.parse(body)) });
      break;
    case "GET /slow":
      setTimeout(() => {
        json(200, tea);
      }, 500);
      break;
    case "GET /export":
      response.writeHead(200, { "content-type": "text/csv" });
      for (let i = 0; i < 2_000; i++) response.write(`${i},tea,2\n`);
      response.end();
      break;
    default:
      json(404, { message: "no such order" });
  }
}
