import { createMesh } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { xds } from "@proxyless/discovery-xds";
import type { XdsOptions } from "@proxyless/discovery-xds";
import { describe, it } from "vitest";
import type { TestContext } from "vitest";

import { instance, Traffic } from "../consul/traffic.ts";
import { FaultProxy } from "../discovery/fault-proxy.ts";
import { ControlPlane } from "./control-plane.ts";

/** What a test does when it is over; a concurrent test has its own. */
type AtEnd = TestContext["onTestFinished"];

async function started(atEnd: AtEnd): Promise<ControlPlane> {
  const server = await ControlPlane.start();
  atEnd(() => server.stop());
  return server;
}

function meshOn(address: string, atEnd: AtEnd, options: XdsOptions = {}): { mesh: Mesh; events: string[] } {
  const bootstrap = {
    xds_servers: [{ server_uri: address, channel_creds: [{ type: "insecure" }] }],
    node: { id: "shop-1" },
  };
  const mesh = createMesh({ discovery: xds({ bootstrap, ...options }) });
  const events: string[] = [];
  mesh.on("discovery.error", (event) => events.push(`${event.class} ${event.serving}`));
  mesh.on("discovery.recovered", () => events.push("recovered"));
  atEnd(() => mesh.close());
  return { mesh, events };
}

const at = (...ports: number[]): { host: string; port: number }[] =>
  ports.map((port) => ({ host: "127.0.0.1", port }));

describe.each(["sotw", "delta"] as const)(
  "a mesh on a control plane, %s",
  { timeout: 60_000 },
  (protocol) => {
    it("loses no call while the control plane is killed, and hears what changed when it is back", async ({
      expect,
      onTestFinished,
    }) => {
      const server = await started(onTestFinished);
      const [first, second] = [await instance(onTestFinished), await instance(onTestFinished)];
      await server.put("orders", at(first));
      const { events, mesh } = meshOn(server.address, onTestFinished, { protocol });
      const traffic = new Traffic(mesh, "orders", onTestFinished);
      await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toEqual([first]);
      await server.kill();
      await expect.poll(() => events, { timeout: 10_000 }).toContain("transient 1");
      traffic.forget();
      await expect.poll(() => traffic.answers, { timeout: 10_000 }).toBeGreaterThan(20);
      await server.restart();
      await server.put("orders", at(first, second));
      await expect.poll(() => traffic.answerers, { timeout: 40_000 }).toContain(second);
      await traffic.end();
      expect(traffic.failures).toEqual([]);
      expect(events.at(-1)).toBe("recovered");
      expect(await server.violations()).toEqual([]);
    });

    it("is well again with the control plane, also where nothing has changed", async ({
      expect,
      onTestFinished,
    }) => {
      const server = await started(onTestFinished);
      await server.put("orders", at(await instance(onTestFinished)));
      const { events, mesh } = meshOn(server.address, onTestFinished, { protocol });
      await mesh.ready("orders");
      const view = (): unknown => mesh.inspect().discovery[0];
      await server.kill();
      await expect.poll(view, { timeout: 20_000 }).toMatchObject({ status: "bound", stale: true });
      await server.restart();
      await expect.poll(view, { timeout: 40_000 }).toMatchObject({ status: "bound", stale: false });
      expect(events.at(-1)).toBe("recovered");
      expect(await server.violations()).toEqual([]);
    });

    it("loses no call while the control plane stands still, nor when it comes back without anything", async ({
      expect,
      onTestFinished,
    }) => {
      const server = await started(onTestFinished);
      const [first, second] = [await instance(onTestFinished), await instance(onTestFinished)];
      await server.put("orders", at(first));
      const { mesh } = meshOn(server.address, onTestFinished, { protocol });
      const traffic = new Traffic(mesh, "orders", onTestFinished);
      await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toEqual([first]);
      await server.pause();
      traffic.forget();
      await expect.poll(() => traffic.answers, { timeout: 10_000 }).toBeGreaterThan(20);
      server.resume();
      await server.restartEmpty();
      traffic.forget();
      await expect.poll(() => traffic.answers, { timeout: 10_000 }).toBeGreaterThan(20);
      await server.put("orders", at(second));
      await expect.poll(() => traffic.answerers, { timeout: 40_000 }).toContain(second);
      await traffic.end();
      expect(traffic.failures).toEqual([]);
      expect(await server.violations()).toEqual([]);
    });
  },
);

describe.concurrent("a mesh behind a link that breaks", { timeout: 60_000 }, () => {
  it.for(["garbage", "truncate", "refuse"] as const)(
    "keeps calling through %s and recovers",
    async (fault, { expect, onTestFinished }) => {
      const server = await started(onTestFinished);
      const [first, second] = [await instance(onTestFinished), await instance(onTestFinished)];
      await server.put("orders", at(first));
      const proxy = await FaultProxy.start("127.0.0.1", server.port);
      onTestFinished(() => proxy.stop());
      const { events, mesh } = meshOn(`127.0.0.1:${proxy.port}`, onTestFinished);
      const traffic = new Traffic(mesh, "orders", onTestFinished);
      await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toEqual([first]);
      proxy.set(fault);
      proxy.cut();
      await expect.poll(() => events, { timeout: 20_000 }).toContainEqual(expect.stringMatching(/^\w+ 1$/));
      await server.put("orders", at(first, second));
      proxy.set("pass");
      await expect.poll(() => traffic.answerers, { timeout: 40_000 }).toContain(second);
      await traffic.end();
      expect(traffic.failures).toEqual([]);
      expect(await server.violations()).toEqual([]);
    },
  );

  it("finds out by a ping that nobody is there any more", async ({ expect, onTestFinished }) => {
    const server = await started(onTestFinished);
    const [first, second] = [await instance(onTestFinished), await instance(onTestFinished)];
    await server.put("orders", at(first));
    const proxy = await FaultProxy.start("127.0.0.1", server.port);
    onTestFinished(() => proxy.stop());
    const { events, mesh } = meshOn(`127.0.0.1:${proxy.port}`, onTestFinished, {
      keepaliveMs: 1000,
      keepaliveTimeoutMs: 500,
      connectTimeoutMs: 1000,
    });
    const traffic = new Traffic(mesh, "orders", onTestFinished);
    await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toEqual([first]);
    proxy.set("silence");
    // Two: the stream had brought something, so its end alone is no error, but that there is no other one is.
    await expect.poll(() => events, { timeout: 20_000 }).toContain("transient 1");
    proxy.set("pass");
    proxy.cut();
    await server.put("orders", at(second));
    await expect.poll(() => traffic.answerers, { timeout: 40_000 }).toContain(second);
    await traffic.end();
    expect(traffic.failures).toEqual([]);
  });
});
