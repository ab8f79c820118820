import { sourceContract } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { EurekaServer } from "../../../test/eureka/server.ts";
import { eureka } from "../src/index.ts";
import type { EurekaOptions } from "../src/index.ts";
import { drop, put } from "./support/instances.ts";

describe.each<[string, Partial<EurekaOptions>]>([
  ["one service at a time", { mode: "app" }],
  ["the whole registry with deltas", { mode: "delta" }],
  ["whatever suits", { deltaAbove: 1 }],
])("the contract of a source that reads %s", { timeout: 30_000 }, (_, options) => {
  const cases = sourceContract(async () => {
    const server = await EurekaServer.start();
    const source = eureka({ url: server.url, intervalMs: 1000, ...options });
    return {
      source,
      put: async (service, endpoints) => {
        const ids = new Set(endpoints.map(({ id }) => id));
        const listed = server.registry.list(service.toUpperCase()).get(service.toUpperCase()) ?? [];
        for (const { fields } of listed) {
          if (!ids.has(fields.instanceId)) server.registry.cancel(fields.app, fields.instanceId);
        }
        for (const { id, host, port } of endpoints) {
          // eslint-disable-next-line no-await-in-loop -- in this order
          await put(server, service, id, { ipAddr: host, port: { $: port, "@enabled": "true" } });
        }
      },
      remove: async (service, id) => {
        await drop(server, service, id);
      },
      putMalformed: (service) => put(server, service, "bad", { port: { $: 0, "@enabled": "false" } }),
      breakConnection: () => server.kill(),
      restore: () => server.restart(),
      close: () => server.stop(),
    };
  });
  it.concurrent.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
