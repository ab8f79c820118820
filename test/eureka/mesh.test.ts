import { eureka, eurekaRegistrar } from "@proxyless/discovery-eureka";
import type { EurekaMode } from "@proxyless/discovery-eureka";
import { describe } from "vitest";

import { itFollowsItsInstances } from "../discovery/support/self-registering.ts";
import { EurekaServer } from "./server.ts";

describe.concurrent.each<[string, EurekaMode]>([
  ["asked for each service", "app"],
  ["read as a whole", "delta"],
])("a mesh on a Eureka that is %s", { timeout: 60_000 }, (_, mode) => {
  itFollowsItsInstances(async () => {
    const server = await EurekaServer.start();
    const { url } = server;
    return {
      server,
      source: eureka({ url, mode, intervalMs: 1000, requestTimeoutMs: 2000 }),
      register: (port) =>
        eurekaRegistrar({ url, renewalMs: 1000, leaseMs: 3000, requestTimeoutMs: 2000 }).register({
          service: "echo",
          host: "127.0.0.1",
          port,
        }),
      listed: () => server.registry.list("ECHO").get("ECHO")?.length ?? 0,
      isQuestion: (request) => /^GET .*\/apps(\/delta|\/ECHO)?$/.test(request),
    };
  });
});
