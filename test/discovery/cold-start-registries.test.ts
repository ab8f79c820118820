import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { withCache } from "@proxyless/core/discovery";
import { afterAll, beforeAll, describe, it, vi } from "vitest";

import { instance } from "../consul/traffic.ts";
import { registries } from "./registries/index.ts";
import type { RegistryUnderTest } from "./under-test.ts";

const service = "cold";
/** What is promised of the first call where a disk knows the service. */
const firstCallMs = 2_500;
/** How long the registry is waited for before the disk is asked, of that. */
const waitForRegistryMs = 2_000;
const initTimeoutMs = 3_000;
/** How much later than its limit a failure may be told on a machine that is busy. */
const busyMs = 2_000;

/** A registry that has gone, whose list a disk knows. */
interface Gone {
  readonly registry: RegistryUnderTest;
  readonly cache: string;
  /** Of the one instance that it had. */
  readonly port: number;
  readonly bringBack: () => Promise<void>;
}

const gone = new Map<string, Gone>();
type End = () => void | Promise<void>;
const endings: End[] = [];
const atEnd = (end: End): void => {
  endings.push(end);
};

// All are started and taken away before the first test measures: starting servers keeps a machine busy.
beforeAll(async () => {
  await Promise.all(
    Object.entries(registries).map(async ([name, { start }]) =>
      gone.set(name, await goneAfterUse(await start())),
    ),
  );
}, 180_000);

afterAll(async () => {
  for (const end of endings.toReversed()) await end();
}, 60_000);

async function goneAfterUse(registry: RegistryUnderTest): Promise<Gone> {
  atEnd(() => registry.stop());
  const cache = await mkdtemp(join(tmpdir(), "proxyless-cold-"));
  atEnd(() => rm(cache, { recursive: true }));
  const port = await instance(atEnd);
  const put = (): Promise<void> => registry.put(service, [{ id: "a", host: "127.0.0.1", port }]);
  await put();
  const mesh = meshOn(registry, cache);
  await call(mesh);
  await mesh.close();
  // A file is down when it is not there.
  if (registry.kill === undefined) await registry.restartEmpty?.();
  else await registry.kill();
  const bringBack = async (): Promise<void> => {
    await registry.restart?.();
    await put();
  };
  return { registry, cache, port, bringBack };
}

function meshOn(registry: RegistryUnderTest, cache?: string): Mesh {
  const source = registry.source(registry.host, registry.port);
  const mesh = createMesh({
    discovery: cache === undefined ? source : withCache(source, { directory: cache }),
    directory: { initTimeoutMs },
  });
  atEnd(() => mesh.close());
  return mesh;
}

/** How much too late the same call comes without any discovery, after a plain timer of two seconds. */
async function machineIsLateBy(port: number | undefined): Promise<number> {
  const begin = performance.now();
  await wait(waitForRegistryMs);
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  return performance.now() - begin - waitForRegistryMs;
}

async function call(mesh: Mesh): Promise<number> {
  return Number(await (await mesh.fetch(`http://${service}/`)).text());
}

describe.concurrent.each(Object.keys(registries))("a process that starts while its %s is down", (name) => {
  it(
    "is served from its disk in time, or told why not, until it is back",
    { timeout: 120_000 },
    async ({ expect }) => {
      const { bringBack, cache, port, registry } = gone.get(name) ?? {};
      if (registry === undefined) throw new Error(`${name} was not started`);
      const begin = performance.now();
      const withDisk = meshOn(registry, cache);
      const withoutDisk = meshOn(registry);
      const updates: string[] = [];
      withDisk.on("discovery.updated", ({ from }) => updates.push(from));
      const lateness = machineIsLateBy(port);
      let failedAfterMs = 0;
      const failure = call(withoutDisk).catch((error: unknown) => {
        failedAfterMs = performance.now() - begin;
        return error;
      });

      expect(await call(withDisk)).toBe(port);
      const servedAfterMs = performance.now() - begin;
      expect(servedAfterMs).toBeLessThan(firstCallMs + (await lateness));
      expect(updates).toEqual(["disk"]);
      expect(withDisk.inspect().discovery[0]).toMatchObject({ from: "disk", stale: true });

      const { source } = withoutDisk.inspect().discovery[0] ?? {};
      expect(await failure).toMatchObject({
        code: "ERR_PROXYLESS_DISCOVERY",
        message: expect.stringMatching(
          new RegExp(`${source}.*no answer within ${initTimeoutMs} ms, last error: .*(ECONNREFUSED|ENOENT)`),
        ),
      });
      expect(failedAfterMs).toBeGreaterThanOrEqual(initTimeoutMs - 1);
      expect(failedAfterMs).toBeLessThan(initTimeoutMs + busyMs);

      await bringBack?.();
      for (const mesh of [withDisk, withoutDisk]) {
        await vi.waitUntil(() => mesh.inspect().discovery[0]?.from === "live", {
          timeout: registry.recoveryMs,
        });
        expect(mesh.inspect().discovery[0]).toMatchObject({ stale: false, status: "bound" });
        expect(await call(mesh)).toBe(port);
      }
    },
  );
});
