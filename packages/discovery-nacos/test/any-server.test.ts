import type { RegistrationHandle } from "@proxyless/core/discovery";
import { describe, expect, it } from "vitest";

import { nacos, nacosRegistrar } from "../src/index.ts";
import type { NacosApi } from "../src/index.ts";
import { startServer } from "./support/instances.ts";
import { startOther } from "./support/other-client.ts";
import { watching } from "./support/watching.ts";
import type { AtEnd } from "./support/watching.ts";

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
    const { sink } = watching(nacos({ url, api, intervalMs: 1000 }), service, {}, atEnd);
    await sink.until("the first answer", () => sink.last !== undefined, patience);
    expect(sink.last).toMatchObject({ kind: "bound", endpoints: [] });
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
    await sink.until("the instance", () => sink.last?.endpoints.length === 1, patience);
    expect(sink.last).toMatchObject({
      trust: "authoritative",
      endpoints: [
        { host: "127.0.0.1", port: 8123, weight: 2.5, health: "healthy", version: "7", priority: 0 },
      ],
    });
    await other.deregisterInstance(service, instance);
    await sink.until("it left", () => sink.last?.endpoints.length === 0, patience);
    expect(sink.errors).toEqual([]);
  });

  it("follows an instance through its statuses, an update and its leaving", async ({
    onTestFinished: atEnd,
  }) => {
    const { url } = await start(atEnd);
    const service = named();
    const { sink, handle: watch } = watching(nacos({ url, api }), service, {}, atEnd);
    const nudge = setInterval(() => watch.refresh?.("test"), 100);
    atEnd(() => {
      clearInterval(nudge);
    });
    const handle = await register({ url, api }, service, atEnd);
    await sink.until("up", () => sink.states.join() === "127.0.0.1:8080 healthy", patience);
    await handle.setStatus("down");
    await sink.until("down", () => sink.states.join() === "127.0.0.1:8080 unhealthy", patience);
    await handle.setStatus("up");
    await sink.until("up again", () => sink.states.join() === "127.0.0.1:8080 healthy", patience);
    // Nacos lists nobody that is disabled.
    await handle.setStatus("out-of-service");
    await sink.until("out", () => sink.states.join() === "", patience);
    await handle.setStatus("up");
    await sink.until("in again", () => sink.states.join() === "127.0.0.1:8080 healthy", patience);
    await handle.update({ version: "3", weight: 5 });
    await sink.until("updated", () => sink.last?.endpoints[0]?.version === "3", patience);
    expect(sink.last?.endpoints[0]?.weight).toBe(5);
    const left = handle.deregister({ propagationMs: 300 });
    await sink.until("gone", () => sink.states.join() === "", patience);
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
    const { sink } = watching(nacos({ url, api, intervalMs: 1000 }), service, {}, atEnd);
    await sink.until("it is back", () => sink.states.join() === "127.0.0.1:8080 healthy", patience);
    expect(handle.state).toBe("registered");
    await handle.deregister({ propagationMs: 0 });
    await handle.deregister({ propagationMs: 0 });
    await sink.until("it is gone", () => sink.states.join() === "", patience);
    const heard = sink.log.length;
    await sink.until("two more answers", () => sink.log.length > heard + 1, patience);
    expect(sink.states).toEqual([]);
  });
});
