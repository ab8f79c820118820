import { setTimeout as wait } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import { describe, it } from "vitest";

import { until } from "../../scripts/servers/until.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { startXdsDeltaRegistry } from "./registries/xds.ts";

const sources = 12;
const cuts = 20;
/** Far below what a source takes to give up a connection that is mute. */
const withinMs = 8000;

describe("an encrypted connection that is reset in the middle of a write", () => {
  it(
    "is noticed at once, and followed by another",
    { timeout: 120_000 },
    async ({ expect, onTestFinished }) => {
      const registry = await startXdsDeltaRegistry();
      onTestFinished(() => registry.stop());
      const follow = async (number: number): Promise<void> => {
        const service = `reset-${number}`;
        const proxy = await FaultProxy.start(registry.host, registry.port);
        const mesh = createMesh({ discovery: registry.source("127.0.0.1", proxy.port, false) });
        onTestFinished(async () => {
          await mesh.close();
          await proxy.stop();
        });
        await registry.put(service, [{ id: "a", host: "127.0.0.1", port: 1001 }]);
        await mesh.ready(service);
        for (let cut = 0; cut < cuts; cut++) {
          proxy.cut();
          // Never in step with what the connection does.
          // eslint-disable-next-line no-await-in-loop -- one after the other
          await wait(20 + ((cut * 37 + number * 11) % 60));
        }
        await registry.put(service, [{ id: "a", host: "127.0.0.1", port: 1002 }]);
        await until(`${service} is followed again`, withinMs, () => {
          const known = mesh.inspect().discovery.find((watch) => watch.service === service)?.endpoints;
          expect(known?.map(({ address }) => address)).toEqual(["127.0.0.1:1002"]);
          return Promise.resolve(true);
        });
      };
      await Promise.all(Array.from({ length: sources }, (_, number) => follow(number)));
    },
  );
});
