import { sourceContract } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { NacosServer } from "../../../test/nacos/server.ts";
import { nacos } from "../src/index.ts";
import { stored } from "./support/instances.ts";

describe.each([
  ["the API of Nacos 3", ["v3"] as const],
  ["the API of Nacos 1 and 2", ["v1"] as const],
])("the contract of a source with %s", { timeout: 30_000 }, (_, apis) => {
  const cases = sourceContract(
    async () => {
      const server = await NacosServer.start({ apis });
      const ports = new Map<string, { ip: string; port: number }>();
      let isPaused = false;
      const putMalformed = (service: string): void => {
        server.store.put(stored(service, 0, { ip: "not an address" }));
      };
      return {
        source: nacos({ url: server.url, intervalMs: 1000, requestTimeoutMs: 1000 }),
        put: (service, endpoints) => {
          const ids = new Set(endpoints.map(({ id }) => id));
          for (const [id, where] of ports) {
            if (!ids.has(id)) server.store.remove(stored(service, where.port, where));
          }
          for (const { id, host: ip, port } of endpoints) {
            ports.set(id, { ip, port });
            server.store.put(stored(service, port, { ip }));
          }
        },
        remove: (service, id) => {
          const where = ports.get(id);
          if (where !== undefined) server.store.remove(stored(service, where.port, where));
        },
        putMalformed,
        putOnlyMalformed: (service) => {
          for (const { ip, port } of ports.values()) server.store.remove(stored(service, port, { ip }));
          putMalformed(service);
        },
        breakConnection: () => server.kill(),
        silence: () => {
          server.pause();
          isPaused = true;
        },
        restore: async () => {
          if (isPaused) server.resume();
          else await server.restart();
          isPaused = false;
        },
        close: () => server.stop(),
      };
      // Nobody is woken: it asks.
    },
    { with: ["putOnlyMalformed", "silence", "many"] },
  );
  it.concurrent.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
