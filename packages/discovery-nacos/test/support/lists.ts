import type { ServerResponse } from "node:http";

import type { NacosServer } from "../../../../test/nacos/server.ts";

/** Milliseconds for one test. */
export const timeout = 20_000;

/** What a list is asked for with, in each API. */
export const v3 = "GET /nacos/v3/client/ns/instance/list";

export const v1 = "GET /nacos/v1/ns/instance/list";

/** How often something was asked for. */
export function asked(server: NacosServer, what: string): number {
  return server.seen.filter((each) => each === what).length;
}

/** The next list is of the older API, made at `lastRefTime`, with these ports. */
export function answerOnce(server: NacosServer, lastRefTime: number, ...ports: readonly number[]): void {
  server.once((_, response) => {
    answerList(response, lastRefTime, ports);
  });
}

/** Answers with such a list. */
export function answerList(response: ServerResponse, lastRefTime: number, ports: readonly number[]): void {
  const hosts = ports.map((port) => ({ ip: "10.0.0.1", port, healthy: true }));
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ hosts, lastRefTime, cacheMillis: 600_000 }));
}
