import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMesh } from "@proxyless/core";
import type { Endpoint, Mesh } from "@proxyless/core";
import { withCache } from "@proxyless/core/discovery";
import { fakeEndpoint } from "@proxyless/core/testing";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { ToyRegistry, toySource } from "./support/toy-registry.ts";

let backend: Server;
let directory = "";
let instance: Endpoint;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "proxyless-cold-"));
  backend = createServer((_, response) => response.end("fine"));
  backend.listen(0, "127.0.0.1");
  await once(backend, "listening");
  const address = backend.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  instance = fakeEndpoint("a", { host: "127.0.0.1", port });
});

afterAll(async () => {
  backend.close();
  backend.closeAllConnections();
  await rm(directory, { recursive: true });
});

const meshOf = (url: string): Mesh => createMesh({ discovery: withCache(toySource(url), { directory }) });

describe("a process that starts while its registry is down", () => {
  it("calls what the disk knows, marked as such, until the registry is back", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", [instance]);
    const before = meshOf(registry.url);
    expect(await (await before.fetch("http://orders/")).text()).toBe("fine");
    await before.close();
    await registry.kill();

    await using mesh = meshOf(registry.url);
    const updates: string[] = [];
    mesh.on("discovery.updated", ({ from }) => updates.push(from));
    const began = performance.now();
    const response = await mesh.fetch("http://orders/");
    const tookMs = performance.now() - began;
    expect(await response.text()).toBe("fine");
    // It waits two seconds for the registry; the rest is a generous bound for a busy machine.
    expect(tookMs).toBeGreaterThan(1_900);
    expect(tookMs).toBeLessThan(12_000);
    expect(updates).toEqual(["disk"]);
    expect(mesh.inspect().discovery[0]).toMatchObject({ from: "disk", stale: true });

    await registry.listen();
    await vi.waitUntil(() => mesh.inspect().discovery[0]?.from === "live", { timeout: 40_000 });
    expect(mesh.inspect().discovery[0]).toMatchObject({ stale: false, status: "bound" });
    expect(await (await mesh.fetch("http://orders/")).text()).toBe("fine");
  }, 60_000);

  it("fails clearly at the time limit without a disk, and recovers by itself", async () => {
    await using registry = await ToyRegistry.start();
    await registry.kill();
    await using mesh = createMesh({
      discovery: withCache(toySource(registry.url), { directory: join(directory, "none") }),
      directory: { initTimeoutMs: 2_500 },
    });
    await expect(mesh.fetch("http://orders/")).rejects.toMatchObject({
      code: "ERR_PROXYLESS_DISCOVERY",
      message: expect.stringContaining("no answer within 2500 ms, last error: GET /orders"),
    });
    registry.put("orders", [instance]);
    await registry.listen();
    await vi.waitUntil(() => mesh.inspect().discovery[0]?.status === "bound", { timeout: 40_000 });
    expect(await (await mesh.fetch("http://orders/")).text()).toBe("fine");
  }, 60_000);
});
