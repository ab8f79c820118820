import { createServer } from "node:http";

import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { expect } from "vitest";

import { listening } from "./listening.ts";

const earning = 20;

/** What `docs/telemetry.md` describes: a call that is retried on another host, with a hedge on a third one. */
export interface DocumentedCall {
  readonly mesh: Mesh;
  /** Makes the calls that earn the budget for it. */
  earn(): Promise<void>;
  /** Makes the call itself. */
  call(): Promise<void>;
  end(): Promise<void>;
}

/** After calls that earn the budget: one request fails, the next hangs until it is given up, the third is answered. */
export async function documentedCall(): Promise<DocumentedCall> {
  let requests = 0;
  const servers = Array.from({ length: 3 }, () =>
    createServer((_, response) => {
      requests++;
      if (requests === earning + 1) response.writeHead(503).end();
      else if (requests !== earning + 2) {
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      }
    }),
  );
  const ports = await Promise.all(servers.map((server) => listening(server)));
  const mesh = createMesh({
    discovery: staticSource({ orders: ports.map((port) => `127.0.0.1:${port}`) }),
    services: {
      orders: {
        hedge: { delayMs: 50 },
        retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
        outlierDetection: false,
      },
    },
  });
  const orders = mesh.service("orders");
  return {
    mesh,
    earn: async () => {
      for (let n = 0; n < earning; n++) await orders.GET("/orders");
    },
    call: async () => {
      await orders.GET("/orders/{id}", { params: { path: { id: "7" }, query: { token: "hush" } } });
    },
    end: async () => {
      await mesh.close();
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

/** The spans of that call. @param ports of its attempts, in their order */
export function documentedTree(ports: readonly number[]): readonly unknown[] {
  const attempt = {
    "http.request.method": "GET",
    "server.address": "orders",
    "network.peer.address": "127.0.0.1",
    "network.protocol.version": "1.1",
    "proxyless.pick": "LB",
  };
  const plain = { name: "GET attempt", events: [], links: [], below: [] };
  return [
    {
      name: "GET /orders/{id}",
      attributes: {
        "http.request.method": "GET",
        "server.address": "orders",
        "url.full": "http://orders/orders/7",
        "url.template": "/orders/{id}",
        "http.response.status_code": 200,
        "http.request.resend_count": 2,
      },
      events: [
        {
          name: "proxyless.retry",
          "proxyless.attempt": 1,
          "proxyless.endpoint": `127.0.0.1:${ports[0]}`,
          "proxyless.reason": "status 503",
          "proxyless.delay_ms": expect.any(Number),
        },
      ],
      links: [],
      below: [
        {
          ...plain,
          attributes: {
            ...attempt,
            "network.peer.port": ports[0],
            "http.response.status_code": 503,
            "error.type": "503",
          },
        },
        {
          ...plain,
          attributes: {
            ...attempt,
            "network.peer.port": ports[1],
            "http.request.resend_count": 1,
            "error.type": "superseded",
          },
        },
        {
          ...plain,
          attributes: {
            ...attempt,
            "network.peer.port": ports[2],
            "http.request.resend_count": 2,
            "proxyless.hedge": true,
            "http.response.status_code": 200,
          },
          // To the attempt that it was sent beside.
          links: [1],
        },
      ],
    },
  ];
}
