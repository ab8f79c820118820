import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMesh } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { withCache } from "@proxyless/core/discovery";
import { describe, it, vi } from "vitest";

import { instance } from "../consul/traffic.ts";
import { registries } from "./registries/index.ts";
import type { RegistryUnderTest } from "./under-test.ts";

const service = "cold";

/** Takes a registry away. @returns how it comes back */
async function takeAway(registry: RegistryUnderTest): Promise<() => Promise<void>> {
  if (registry.kill !== undefined) {
    await registry.kill();
    return async () => {
      await registry.restart?.();
    };
  }
  // A file is down when it is not there.
  await registry.restartEmpty?.();
  return () => Promise.resolve();
}

describe.concurrent.each(Object.entries(registries))(
  "a process that starts while its %s is down",
  (_, { start }) => {
    it(
      "calls what the disk knows, marked as such, until it is back",
      { timeout: 180_000 },
      async ({ expect, onTestFinished }) => {
        const directory = await mkdtemp(join(tmpdir(), "proxyless-cold-"));
        onTestFinished(() => rm(directory, { recursive: true }));
        const registry = await start();
        onTestFinished(() => registry.stop());
        const endpoints = [{ id: "a", host: "127.0.0.1", port: await instance(onTestFinished) }];
        const meshOn = (): Mesh => {
          const source = registry.source(registry.host, registry.port);
          const mesh = createMesh({ discovery: withCache(source, { directory }) });
          onTestFinished(() => mesh.close());
          return mesh;
        };
        const call = async (mesh: Mesh): Promise<number> =>
          Number(await (await mesh.fetch(`http://${service}/`)).text());

        await registry.put(service, endpoints);
        const before = meshOn();
        expect(await call(before)).toBe(endpoints[0]?.port);
        await before.close();
        const bringBack = await takeAway(registry);

        const mesh = meshOn();
        const updates: string[] = [];
        mesh.on("discovery.updated", ({ from }) => updates.push(from));
        expect(await call(mesh)).toBe(endpoints[0]?.port);
        expect(updates).toEqual(["disk"]);
        expect(mesh.inspect().discovery[0]).toMatchObject({ from: "disk", stale: true });

        await bringBack();
        await registry.put(service, endpoints);
        await vi.waitUntil(() => mesh.inspect().discovery[0]?.from === "live", { timeout: 60_000 });
        expect(mesh.inspect().discovery[0]).toMatchObject({ stale: false, status: "bound" });
        expect(await call(mesh)).toBe(endpoints[0]?.port);
      },
    );
  },
);
