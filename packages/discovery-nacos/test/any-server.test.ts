import type { RegistrationHandle } from "@proxyless/core/discovery";
import { describe, expect, it } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import type { AtEnd } from "../../../test/support/watching.ts";
import { nacos, nacosRegistrar } from "../src/index.ts";
import type { NacosApi } from "../src/index.ts";
import { startServer } from "./support/instances.ts";
import { startOther } from "./support/other-client.ts";

/**
 * What must hold with any Nacos server. `PROXYLESS_NACOS_URL` (`http://host:8848`) names a real one without accounts;
 * without it they run on the test server. The independent client speaks the older API, which a real Nacos 3 has as long
 * as `nacos.core.api.compatibility.client.enabled` is on.
 */
const real = process.env["PROXYLESS_NACOS_URL"];
const patience = real === undefined ? 10_000 : 60_000;
const unique = `proxyless-${process.pid}-${Date.now().toString(36)}`;
let count = 0;

const servers: readonly [string, NacosApi, (atEnd: AtEnd) => Promise<{ readonly url: string }>][] =
  real === undefined
    ? [
        ["the test server as Nacos 3", "v3", (atEnd) => startServer({}, atEnd)],
        ["the test server as Nacos 2", "auto", (atEnd) => startServer({ apis: ["v1"] }, atEnd)],
      ]
    : [["a real server", "auto", async () => ({ url: real })]];

/** A name that nothing else has. */
function named(): string {
  count++;
  return `${unique}-${count}`;
}

async function register(
  { url, api }: { url: string; api: NacosApi },
  service: string,
  atEnd: AtEnd,
  more: object = {},
): Promise<RegistrationHandle> {
  const handle = await nacosRegistrar({ url, api, beatMs: 1000 }).register({
    service,
    host: "127.0.0.1",
    port: 8080,
    ...more,
  });
  atEnd(() => handle.deregister({ propagationMs: 0 }));
  return handle;
}

describe.concurrent.for(servers)("%s", { timeout: patience * 3 }, ([, api, start]) => {
  it("lets an independent client see what our registrar writes, and no longer after it left", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const handle = await register({ url, api }, service, atEnd, { version: "2.1.0", zone: "z1", weight: 3 });
    const other = await startOther(url, atEnd);
    const list = (): Promise<readonly object[]> => other.getAllInstances(service, "DEFAULT_GROUP", "", false);
    await expect.poll(list, { timeout: patience }).toMatchObject([
      {
        ip: "127.0.0.1",
        port: 8080,
        weight: 3,
        healthy: true,
        enabled: true,
        ephemeral: true,
        clusterName: "DEFAULT",
        serviceName: `DEFAULT_GROUP@@${service}`,
        metadata: { version: "2.1.0", zone: "z1" },
      },
    ]);
    await handle.deregister({ propagationMs: 0 });
    // This client takes an empty list for no answer and shows the last one, so a new one looks.
    const later = await startOther(url, atEnd);
    await expect
      .poll(async () => (await later.getAllInstances(service, "DEFAULT_GROUP", "", false)) ?? [], {
        timeout: patience,
      })
      .toEqual([]);
  });

  it("lets our source see what an independent client registers, keeps alive and takes out", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const watched = watching(nacos({ url, api, intervalMs: 1000 }), service, {}, atEnd);
    await watched.until("the first answer", () => watched.last !== undefined, patience);
    expect(watched.last).toMatchObject({ kind: "bound", endpoints: [] });
    const other = await startOther(url, atEnd);
    const instance = {
      instanceId: "",
      ip: "127.0.0.1",
      port: 8123,
      healthy: true,
      enabled: true,
      weight: 2.5,
      metadata: { version: "7" },
    };
    await other.registerInstance(service, instance);
    await watched.until("the instance", () => watched.last?.endpoints.length === 1, patience);
    expect(watched.last).toMatchObject({
      trust: "authoritative",
      endpoints: [
        { host: "127.0.0.1", port: 8123, weight: 2.5, health: "healthy", version: "7", priority: 0 },
      ],
    });
    await other.deregisterInstance(service, instance);
    await watched.until("it left", () => watched.last?.endpoints.length === 0, patience);
    expect(watched.errors).toEqual([]);
  });

  it("follows an instance through its statuses, an update and its leaving", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const watched = watching(nacos({ url, api }), service, {}, atEnd);
    const nudge = setInterval(() => watched.refresh(), 100);
    atEnd(() => {
      clearInterval(nudge);
    });
    const handle = await register({ url, api }, service, atEnd);
    await watched.until("up", () => watched.states.join() === "127.0.0.1:8080 healthy", patience);
    await handle.setStatus("down");
    await watched.until("down", () => watched.states.join() === "127.0.0.1:8080 unhealthy", patience);
    await handle.setStatus("up");
    await watched.until("up again", () => watched.states.join() === "127.0.0.1:8080 healthy", patience);
    // Nacos lists nobody that is disabled.
    await handle.setStatus("out-of-service");
    await watched.until("out", () => watched.states.join() === "", patience);
    await handle.setStatus("up");
    await watched.until("in again", () => watched.states.join() === "127.0.0.1:8080 healthy", patience);
    await handle.update({ version: "3", weight: 5 });
    await watched.until("updated", () => watched.last?.endpoints[0]?.version === "3", patience);
    expect(watched.last?.endpoints[0]?.weight).toBe(5);
    const left = handle.deregister({ propagationMs: 300 });
    await watched.until("gone", () => watched.states.join() === "", patience);
    await left;
  });

  it("gets an instance back that an operator deleted, and believes in a second goodbye", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const handle = await register({ url, api }, service, atEnd);
    const other = await startOther(url, atEnd);
    const instance = { instanceId: "", ip: "127.0.0.1", port: 8080, healthy: true, enabled: true };
    await other.deregisterInstance(service, instance);
    const watched = watching(nacos({ url, api, intervalMs: 1000 }), service, {}, atEnd);
    await watched.until("it is back", () => watched.states.join() === "127.0.0.1:8080 healthy", patience);
    expect(handle.state).toBe("registered");
    await handle.deregister({ propagationMs: 0 });
    await handle.deregister({ propagationMs: 0 });
    await watched.until("it is gone", () => watched.states.join() === "", patience);
    const heard = watched.log.length;
    await watched.until("two more answers", () => watched.log.length > heard + 1, patience);
    expect(watched.states).toEqual([]);
  });
});
