import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMesh } from "@proxyless/core";
import type { Mesh, MeshOptions } from "@proxyless/core";
import { withCache } from "@proxyless/core/discovery";
import { fakeEndpoint, ManualClock } from "@proxyless/core/testing";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";

import { instance } from "../consul/traffic.ts";
import { ToyRegistry, toySource } from "./support/toy-registry.ts";

let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "proxyless-cold-"));
});

afterAll(() => rm(directory, { recursive: true }));

/** A registry that knows one instance of `orders`, which answers with its port. */
async function registryWithOne(): Promise<{ registry: ToyRegistry; port: number }> {
  const registry = await ToyRegistry.start();
  onTestFinished(() => registry.kill());
  const port = await instance();
  registry.put("orders", [fakeEndpoint("a", { host: "127.0.0.1", port })]);
  return { registry, port };
}

function meshOf(url: string, folder: string, more: Omit<MeshOptions, "discovery"> = {}): Mesh {
  const mesh = createMesh({ discovery: withCache(toySource(url), { directory: folder }), ...more });
  onTestFinished(() => mesh.close());
  return mesh;
}

const call = async (mesh: Mesh): Promise<number> => Number(await (await mesh.fetch("http://orders/")).text());

/** The registry's answers take real time, and what waits between the attempts to ask it is told to pass. */
function untilLive(mesh: Mesh, clock: ManualClock): Promise<unknown> {
  return vi.waitUntil(
    async () => {
      await clock.advance(100);
      return mesh.inspect().discovery[0]?.from === "live";
    },
    { timeout: 20_000, interval: 5 },
  );
}

describe("a process that starts while its registry is down", () => {
  it("is served what the disk knows after two seconds, marked as such, until the registry is back", async () => {
    const { port, registry } = await registryWithOne();
    const before = meshOf(registry.url, directory);
    expect(await call(before)).toBe(port);
    await before.close();
    await registry.kill();

    const clock = new ManualClock(Date.now());
    const mesh = meshOf(registry.url, directory, { clock });
    const updates: { from: string; at: number }[] = [];
    mesh.on("discovery.updated", ({ from }) => updates.push({ from, at: clock.now() }));
    let servedAt: number | undefined;
    const first = call(mesh).finally(() => {
      servedAt = clock.now();
    });
    await clock.advance(1_999);
    // Whoever had read the disk by now would have been heard of: it is read fifty times over.
    for (let i = 0; i < 50; i++) await readdir(directory);
    expect([updates, servedAt]).toEqual([[], undefined]);
    await clock.advance(1);
    // From here on the clock stands still: whatever the call still needs, it needs no more waiting.
    expect(await first).toBe(port);
    expect(servedAt).toBe(2_000);
    expect(updates).toEqual([{ from: "disk", at: 2_000 }]);
    expect(mesh.inspect().discovery[0]).toMatchObject({ from: "disk", stale: true });

    await registry.listen();
    await untilLive(mesh, clock);
    expect(mesh.inspect().discovery[0]).toMatchObject({ stale: false, status: "bound" });
    expect(await call(mesh)).toBe(port);
  });

  it("fails clearly at the time limit without a disk, and recovers by itself", async () => {
    const { port, registry } = await registryWithOne();
    await registry.kill();
    const clock = new ManualClock(Date.now());
    const mesh = meshOf(registry.url, join(directory, "none"), {
      clock,
      directory: { initTimeoutMs: 2_500 },
    });
    let failedAt: number | undefined;
    const failure = call(mesh).catch((error: unknown) => {
      failedAt = clock.now();
      return error;
    });
    // It says why: the registry has refused a connection by now.
    await vi.waitUntil(() => mesh.inspect().discovery[0]?.error !== undefined, { timeout: 10_000 });
    await clock.advance(2_499);
    expect(failedAt).toBeUndefined();
    await clock.advance(1);
    expect(await failure).toMatchObject({
      code: "ERR_PROXYLESS_DISCOVERY",
      message: expect.stringContaining("no answer within 2500 ms, last error: GET /orders"),
    });
    expect(failedAt).toBe(2_500);

    await registry.listen();
    await untilLive(mesh, clock);
    expect(await call(mesh)).toBe(port);
  });
});
