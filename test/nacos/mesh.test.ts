import { nacos, nacosRegistrar } from "@proxyless/discovery-nacos";
import type { NacosApi } from "@proxyless/discovery-nacos";
import { describe } from "vitest";

import { itFollowsItsInstances } from "../discovery/support/self-registering.ts";
import { NacosServer } from "./server.ts";

const echo = { namespace: "public", group: "DEFAULT_GROUP", service: "echo" };

describe.concurrent.each<[string, NacosApi]>([
  ["the API of Nacos 3", "v3"],
  ["the API of Nacos 1 and 2", "v1"],
])("a mesh on a Nacos that speaks %s", { timeout: 60_000 }, (_, api) => {
  itFollowsItsInstances(async () => {
    const server = await NacosServer.start();
    const { url } = server;
    return {
      server,
      source: nacos({ url, api, intervalMs: 1000, requestTimeoutMs: 2000 }),
      register: (port) =>
        nacosRegistrar({ url, beatMs: 1000, requestTimeoutMs: 2000 }).register({
          service: "echo",
          host: "127.0.0.1",
          port,
        }),
      listed: () => server.store.list(echo, []).hosts.length,
      isQuestion: (request) => request.startsWith("GET ") && request.endsWith("/list"),
    };
  });
});
