import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";

import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";

/** What an instance says it received. */
export interface Received {
  readonly instance: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A mesh over real instances of a service `orders`. */
export interface Orders extends AsyncDisposable {
  readonly mesh: Mesh;
  /** How many requests came, over all instances. */
  readonly count: number;
  /** How many responses were cut off by the caller. */
  readonly cut: number;
}

export const tenMegabytes: number = 10 * 1024 * 1024;

/** Starts `instances` servers and a mesh that knows them. */
export async function startOrders(instances = 2, external: "allow" | "refuse" = "refuse"): Promise<Orders> {
  const state = { count: 0, cut: 0 };
  const servers = await Promise.all(
    Array.from({ length: instances }, async (_, instance) => {
      const server = createServer((request, response) => {
        state.count++;
        response.on("close", () => {
          if (!response.writableFinished) state.cut++;
        });
        void answer(instance, request, response).catch(() => response.destroy());
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const mesh = createMesh({
    discovery: staticSource({ orders: servers.map((server) => `127.0.0.1:${portOf(server)}`) }),
    external,
    drainMs: 100,
  });
  return {
    mesh,
    get count() {
      return state.count;
    },
    get cut() {
      return state.cut;
    },
    async [Symbol.asyncDispose]() {
      await mesh.close();
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function answer(instance: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers } = request;
  const url = request.url ?? "";
  switch (url.replace(/\?.*/, "")) {
    case "/silent":
      break;
    case "/drip":
      response.write("first,");
      break;
    case "/flood": {
      const chunk = Buffer.alloc(64 * 1024, "x");
      await pipeline(
        Readable.from(Array.from({ length: tenMegabytes / chunk.length }, () => chunk)),
        response,
      );
      break;
    }
    case "/size":
      response.end(String((await buffer(request)).length));
      break;
    case "/cookies":
      response.setHeader("set-cookie", ["a=1; Path=/", "b=2"]);
      response.end("{}");
      break;
    case "/empty":
      response.writeHead(204).end();
      break;
    case "/missing":
      response.writeHead(404, { "content-type": "application/json" }).end('{"why":"gone"}');
      break;
    case "/moved":
      response.writeHead(302, { location: "/here" }).end();
      break;
    case "/away":
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
      break;
    case "/zip":
      response.writeHead(200, { "content-encoding": "gzip", "content-type": "application/json" });
      response.end(gzipSync('{"zipped":true}'));
      break;
    default: {
      const body = (await buffer(request)).toString();
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ instance, method, url, headers, body }));
    }
  }
}

/** Waits until `condition` holds; fails after two seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 2000;
  while (!condition()) {
    if (performance.now() > end) throw new Error("the condition did not come true");
    // eslint-disable-next-line no-await-in-loop -- polling
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
