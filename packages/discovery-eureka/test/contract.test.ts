import type { Endpoint } from "@proxyless/core";
import { sourceContract } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { EurekaServer } from "../../../test/eureka/server.ts";
import type { EurekaServerOptions } from "../../../test/eureka/server.ts";
import { eureka } from "../src/index.ts";
import type { EurekaOptions } from "../src/index.ts";
import { drop, put } from "./support/instances.ts";

describe.each<[string, Partial<EurekaOptions>, EurekaServerOptions]>([
  ["one service at a time", { mode: "app" }, {}],
  ["the whole registry with deltas", { mode: "delta" }, {}],
  ["the whole registry of a server that tells no deltas", { mode: "delta" }, { delta: false }],
  ["whatever suits", { deltaAbove: 1 }, {}],
])("the contract of a source that reads %s", { timeout: 30_000 }, (_, options, serverOptions) => {
  const cases = sourceContract(
    async () => {
      const server = await EurekaServer.start(serverOptions);
      const source = eureka({ url: server.url, intervalMs: 1000, requestTimeoutMs: 1000, ...options });
      const known = new Map<string, readonly Endpoint[]>();
      const write = (service: string, endpoints: readonly Endpoint[]): void => {
        const ids = new Set(endpoints.map(({ id }) => id));
        const listed = server.registry.list(service.toUpperCase()).get(service.toUpperCase()) ?? [];
        for (const { fields } of listed) {
          if (!ids.has(fields.instanceId)) server.registry.cancel(fields.app, fields.instanceId);
        }
        for (const { id, host, port } of endpoints) server.put(service, id, host, port);
        known.set(service, endpoints);
      };
      const putMalformed = (service: string): Promise<void> =>
        put(server, service, "bad", { port: { $: 0, "@enabled": "false" } });
      let isPaused = false;
      return {
        source,
        put: write,
        remove: async (service, id) => {
          await drop(server, service, id);
        },
        putMalformed,
        putOnlyMalformed: (service) => {
          write(service, []);
          return putMalformed(service);
        },
        // All of them register again: the server tells that as a change of each.
        touch: (service) => {
          write(service, known.get(service) ?? []);
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
    },
    { with: ["putOnlyMalformed", "touch", "silence", "many"] },
  );
  it.concurrent.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
