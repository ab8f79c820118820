import type { RegistrationHandle } from "@proxyless/core/discovery";
import { describe, expect, it } from "vitest";

import type { AtEnd } from "../../../test/support/watching.ts";
import { eureka, eurekaRegistrar } from "../src/index.ts";
import type { EurekaMode } from "../src/index.ts";
import { ask, startServer } from "./support/instances.ts";
import { startOther } from "./support/other-client.ts";
import { watchIds } from "./support/watch-ids.ts";

/**
 * What must hold with any Eureka server. `PROXYLESS_EUREKA_URL` (`http://host:8761/eureka`) names a real one; without it
 * they run on the test server, once for each way in which servers write. A real server answers from caches of 30 s.
 */
const real = process.env["PROXYLESS_EUREKA_URL"];
const patience = real === undefined ? 10_000 : 120_000;
const unique = `proxyless-${process.pid}-${Date.now().toString(36)}`;
let count = 0;

const servers: readonly [string, (atEnd: AtEnd) => Promise<{ readonly url: string }>][] =
  real === undefined
    ? [
        ["the test server", (atEnd) => startServer({}, atEnd)],
        ["the test server with the older serialiser", (atEnd) => startServer({ style: "xstream" }, atEnd)],
        ["the test server under the path of Netflix", (atEnd) => startServer({ path: "/eureka/v2" }, atEnd)],
      ]
    : [["a real server", async () => ({ url: real })]];

/** A name that nothing else has. */
function named(): string {
  count++;
  return `${unique}-${count}`;
}

async function register(
  url: string,
  service: string,
  atEnd: AtEnd,
  more: object = {},
): Promise<RegistrationHandle> {
  const handle = await eurekaRegistrar({ url, renewalMs: 1000, leaseMs: 3000 }).register({
    service,
    id: `${service}:1`,
    host: "127.0.0.1",
    port: 8080,
    ...more,
  });
  atEnd(() => handle.deregister({ propagationMs: 0 }));
  return handle;
}

describe.concurrent.for(servers)("%s", { timeout: patience * 3 }, ([, start]) => {
  it("lets an independent client see what our registrar writes, and no longer after it left", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const handle = await register(url, service, atEnd, { version: "2.1.0", zone: "z1", weight: 3 });
    const other = await startOther(url, atEnd);
    await expect
      .poll(
        async () => {
          await other.fetch();
          return other.client.getInstancesByAppId(service);
        },
        { timeout: patience },
      )
      .toMatchObject([
        {
          instanceId: `${service}:1`,
          app: service.toUpperCase(),
          ipAddr: "127.0.0.1",
          hostName: "127.0.0.1",
          status: "UP",
          port: { $: 8080 },
          vipAddress: service,
          metadata: { version: "2.1.0", zone: "z1", weight: "3" },
        },
      ]);
    expect(other.client.getInstancesByVipAddress(service)).toHaveLength(1);
    await handle.deregister({ propagationMs: 0 });
    const later = await startOther(url, atEnd);
    await expect
      .poll(
        async () => {
          await later.fetch().catch(() => undefined);
          return (await startOther(url, atEnd)).client.getInstancesByAppId(service);
        },
        { timeout: patience, interval: 500 },
      )
      .toEqual([]);
  });

  it.for<EurekaMode>(["app", "vip", "delta"])(
    "lets our source (%s) see what an independent client registers, keeps alive and takes out",
    async (mode, { onTestFinished: atEnd }) => {
      const { url } = await start(atEnd);
      const service = named();
      const watched = watchIds(eureka({ url, mode, intervalMs: 1000, emptyHoldMs: 0 }), service, {}, atEnd);
      await watched.until("the first answer", () => watched.last !== undefined, patience);
      expect(watched.last).toMatchObject({ kind: "absent", endpoints: [] });
      const other = await startOther(url, atEnd, { app: service, id: `${service}:7`, port: 8123 });
      await watched.until("the instance", () => watched.last?.endpoints.length === 1, patience);
      expect(watched.last).toMatchObject({
        kind: "bound",
        trust: "authoritative",
        endpoints: [
          {
            id: `${service.toUpperCase()}/${service}:7`,
            host: "127.0.0.1",
            port: 8123,
            scheme: "http",
            health: "healthy",
            metadata: {},
          },
        ],
      });
      await new Promise((resolve) => {
        other.client.once("heartbeat", resolve);
      });
      await other.stop();
      await watched.until("it left", () => watched.last?.endpoints.length === 0, patience);
      expect(watched.errors).toEqual([]);
    },
  );

  it("lists an instance as draining before it is gone, and as it was after it came back", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const watched = watchIds(eureka({ url, mode: "app" }), service, {}, atEnd);
    const nudge = setInterval(() => watched.refresh(), 100);
    atEnd(() => {
      clearInterval(nudge);
    });
    const handle = await register(url, service, atEnd);
    const state = `${service}:1`;
    await watched.until("up", () => watched.states.join() === `${state} healthy`, patience);
    await handle.setStatus("out-of-service");
    await watched.until("draining", () => watched.states.join() === `${state} draining`, patience);
    await handle.setStatus("up");
    await watched.until("up again", () => watched.states.join() === `${state} healthy`, patience);
    await handle.setStatus("down");
    await watched.until("down", () => watched.states.join() === `${state} unhealthy`, patience);
    await handle.setStatus("up");
    await watched.until("up once more", () => watched.states.join() === `${state} healthy`, patience);
    await handle.update({ version: "3" });
    await watched.until("updated", () => watched.last?.endpoints[0]?.version === "3", patience);
    const left = handle.deregister({ propagationMs: real === undefined ? 500 : 90_000 });
    await watched.until("draining at last", () => watched.states.join() === `${state} draining`, patience);
    await left;
    await watched.until("gone", () => watched.last?.endpoints.length === 0, patience);
    expect(watched.last?.kind).toBe("absent");
  });

  it("gets an instance back that an operator deleted, and believes in a second goodbye", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const handle = await register(url, service, atEnd);
    const path = `/apps/${service.toUpperCase()}/${encodeURIComponent(`${service}:1`)}`;
    expect((await ask({ url }, "DELETE", path)).status).toBe(200);
    await expect.poll(async () => (await ask({ url }, "GET", path)).status, { timeout: patience }).toBe(200);
    expect(handle.state).toBe("registered");
    await handle.deregister({ propagationMs: 0 });
    await handle.deregister({ propagationMs: 0 });
    expect((await ask({ url }, "GET", path)).status).toBe(404);
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    expect((await ask({ url }, "GET", path)).status).toBe(404);
  });
});
