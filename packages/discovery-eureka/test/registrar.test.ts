import type { RegistrationHandle, RegistrationState } from "@proxyless/core/discovery";
import { ManualClock } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { EurekaServer } from "../../../test/eureka/server.ts";
import { eventually } from "../../../test/support/watching.ts";
import { eurekaRegistrar } from "../src/index.ts";
import type { EurekaInstance, EurekaRegistrarOptions } from "../src/index.ts";
import { ask, put } from "./support/instances.ts";

let server: EurekaServer;
let clock: ManualClock;
let handles: RegistrationHandle[];

beforeEach(async () => {
  clock = new ManualClock(Date.now());
  server = await EurekaServer.start({ now: () => clock.wallNow() });
  handles = [];
});

afterEach(async () => {
  await Promise.all(handles.map((handle) => handle.deregister({ propagationMs: 0 })));
  await server.stop();
});

async function register(
  more: Partial<EurekaInstance> = {},
  options: Partial<EurekaRegistrarOptions> = {},
): Promise<RegistrationHandle> {
  const url = options.zones === undefined ? { url: server.url } : {};
  const registrar = eurekaRegistrar({ ...url, clock, random: () => 1, ...options });
  const given = { service: "web", id: "web:1", host: "10.0.0.1", port: 80, ...more };
  const handle = await registrar.register(given);
  handles.push(handle);
  return handle;
}

function listed(): Record<string, unknown> | undefined {
  const found = server.registry.find("WEB", "web:1");
  return found === undefined ? undefined : { ...found.fields.raw, status: found.status };
}

/** One beat, and what follows from it. */
async function beat(ms = 30_000): Promise<void> {
  const before = server.seen.length;
  await clock.advance(ms);
  await eventually("a beat", () => server.seen.length > before);
  // What follows a beat is asked at once, one after the other.
  for (let quiet = 0, seen = server.seen.length; quiet < 10; quiet++) {
    // eslint-disable-next-line no-await-in-loop -- a poll
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
    if (server.seen.length > seen) quiet = 0;
    seen = server.seen.length;
  }
}

describe("point 25, a registration", { timeout: 20_000 }, () => {
  it("writes what every client of Eureka reads", async () => {
    const handle = await register({
      hostName: "web.internal",
      version: "2.0.0",
      zone: "z1",
      weight: 5,
      metadata: { "management.port": "81" },
      homePageUrl: "http://web.internal/",
      healthCheckUrl: "http://web.internal/health",
    });
    expect(handle).toMatchObject({ id: "web:1", host: "10.0.0.1", port: 80, state: "registered" });
    const stamp = expect.stringMatching(/^\d{13}$/);
    expect(listed()).toEqual({
      instanceId: "web:1",
      app: "WEB",
      hostName: "web.internal",
      ipAddr: "10.0.0.1",
      status: "UP",
      overriddenStatus: "UNKNOWN",
      port: { $: 80, "@enabled": "true" },
      securePort: { $: 80, "@enabled": "false" },
      countryId: 1,
      dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
      leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
      metadata: { "management.port": "81", version: "2.0.0", zone: "z1", weight: "5" },
      homePageUrl: "http://web.internal/",
      healthCheckUrl: "http://web.internal/health",
      vipAddress: "web",
      secureVipAddress: "web",
      isCoordinatingDiscoveryServer: "false",
      lastUpdatedTimestamp: stamp,
      lastDirtyTimestamp: stamp,
      actionType: "ADDED",
    });
  });

  it("enables the secure port only for https, and has the zone of its registrar", async () => {
    await register({ scheme: "https", port: 443 }, { zones: { z7: server.url }, zone: "z7" });
    expect(listed()).toMatchObject({
      port: { "@enabled": "false" },
      securePort: { $: 443, "@enabled": "true" },
      metadata: { zone: "z7" },
    });
  });

  it("is renewed every 30 s, and looked at every other time", async () => {
    await register();
    server.seen.length = 0;
    for (let i = 0; i < 4; i++) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await beat();
    }
    const path = "/eureka/apps/WEB/web%3A1";
    const renewals = server.seen.filter((each) =>
      each.startsWith(`PUT ${path}?status=UP&lastDirtyTimestamp=`),
    );
    expect(renewals).toHaveLength(4);
    expect(server.seen.filter((each) => each === `GET ${path}`)).toHaveLength(2);
    expect(server.seen).toHaveLength(6);
  });

  it("survives as long as it is renewed, and no longer than twice its lease and the next look of the server", async () => {
    const handle = await register();
    for (let i = 0; i < 10; i++) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await beat();
      server.registry.evict();
    }
    expect(listed()).toBeDefined();
    handles = [];
    const { registry } = server;
    await server.kill();
    await clock.advance(179_000);
    registry.evict();
    expect(registry.find("WEB", "web:1")).toBeDefined();
    await clock.advance(2000);
    registry.evict();
    expect(registry.find("WEB", "web:1")).toBeUndefined();
    await server.restart();
    await handle.deregister({ propagationMs: 0 });
  });

  it("is written again when the server does not know it at a beat (404)", async () => {
    const states: RegistrationState[] = [];
    await register({ onStateChange: (state) => states.push(state) });
    server.registry.cancel("WEB", "web:1");
    await beat();
    expect(listed()).toMatchObject({ status: "UP" });
    expect(states).toEqual(["registered"]);
  });

  it("is written again, as it is by now, when the server comes back empty", async () => {
    const handle = await register();
    await handle.update({ version: "2", weight: 3 });
    await handle.setStatus("out-of-service");
    await server.restartEmpty();
    await beat();
    expect(listed()).toMatchObject({ status: "OUT_OF_SERVICE", metadata: { version: "2", weight: "3" } });
    expect(handle.state).toBe("registered");
  });

  it("is lost after a lease without an answer, and back with the first one", async () => {
    const states: RegistrationState[] = [];
    const handle = await register({ onStateChange: (state) => states.push(state) });
    await server.kill();
    for (let i = 0; i < 400 && handle.state !== "lost"; i++) {
      // eslint-disable-next-line no-await-in-loop -- time goes on
      await clock.advance(1000);
      // eslint-disable-next-line no-await-in-loop -- a refused connection needs a moment
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    expect(handle.state).toBe("lost");
    await server.restart();
    for (let i = 0; i < 40; i++) {
      // eslint-disable-next-line no-await-in-loop -- time goes on
      await clock.advance(1000);
      // eslint-disable-next-line no-await-in-loop -- as above
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    await eventually("it is back", () => handle.state === "registered");
    expect(states).toEqual(["registered", "lost", "registered"]);
  });

  it("is repaired when it is not what was written", async () => {
    const handle = await register({ version: "2" });
    await put(server, "web", "web:1", {
      ipAddr: "10.9.9.9",
      lastDirtyTimestamp: String(clock.wallNow() + 60_000),
    });
    await beat();
    await beat();
    expect(listed()).toMatchObject({ ipAddr: "10.0.0.1", metadata: { version: "2" } });
    expect(handle.state).toBe("registered");
  });

  it("replaces its own ghost of another address, that was put out of service and has a later clock", async () => {
    await put(server, "web", "web:1", {
      ipAddr: "10.9.9.9",
      lastDirtyTimestamp: String(clock.wallNow() + 3_600_000),
    });
    await ask(server, "PUT", "/apps/WEB/web%3A1/status?value=OUT_OF_SERVICE");
    await register();
    expect(listed()).toMatchObject({ ipAddr: "10.0.0.1", status: "UP" });
  });

  it("says every status against what the server would keep", async () => {
    const handle = await register();
    const seen: unknown[] = [];
    for (const status of [
      "out-of-service",
      "up",
      "down",
      "up",
      "starting",
      "out-of-service",
      "starting",
      "up",
    ] as const) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await handle.setStatus(status);
      seen.push(listed()?.["status"]);
    }
    const expected = ["OUT_OF_SERVICE", "UP", "DOWN", "UP", "STARTING", "OUT_OF_SERVICE", "STARTING", "UP"];
    expect(seen).toEqual(expected);
    await expect(handle.setStatus("degraded")).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONFIG" });
  });

  it("leaves alone what an operator took out of service, until it says something else itself", async () => {
    const handle = await register();
    await ask(server, "PUT", "/apps/WEB/web%3A1/status?value=OUT_OF_SERVICE");
    await beat();
    await beat();
    expect(listed()?.["status"]).toBe("OUT_OF_SERVICE");
    await handle.setStatus("out-of-service");
    await handle.setStatus("up");
    expect(listed()?.["status"]).toBe("UP");
  });

  it("begins out of service where that is asked for", async () => {
    const handle = await register({ status: "out-of-service" });
    expect(listed()?.["status"]).toBe("OUT_OF_SERVICE");
    // Nothing was set from outside, and the server keeps what the lease was.
    await handle.setStatus("up");
    expect(listed()?.["status"]).toBe("UP");
  });

  it("leaves in order: out of service, a wait without beats, and then gone", async () => {
    const handle = await register();
    server.seen.length = 0;
    const left = handle.deregister();
    await eventually("draining", () => listed()?.["status"] === "OUT_OF_SERVICE");
    await clock.advance(59_000);
    expect(listed()?.["status"]).toBe("OUT_OF_SERVICE");
    await clock.advance(1000);
    await left;
    expect(listed()).toBeUndefined();
    const words = server.seen.map((each) => each.replaceAll(/\?.*|\/eureka\/apps\/WEB\/web%3A1/g, ""));
    expect(words).toEqual(["PUT /status", "DELETE "]);
    await handle.deregister();
    await clock.advance(300_000);
    expect(server.seen).toHaveLength(2);
  });

  it("leaves where it is gone already", async () => {
    const handle = await register();
    server.registry.cancel("WEB", "web:1");
    await handle.deregister();
    expect(handle.state).toBe("deregistered");
    expect(listed()).toBeUndefined();
  });

  it("goes to another server when one fails, and is written there", async () => {
    const second = await EurekaServer.start({ now: () => clock.wallNow() });
    await register({}, { zones: { a: server.url, b: second.url }, zone: "a" });
    await server.kill();
    await clock.advance(30_000);
    await eventually("it is there", () => second.registry.find("WEB", "web:1") !== undefined);
    await Promise.all(handles.map((handle) => handle.deregister({ propagationMs: 0 })));
    expect(second.registry.find("WEB", "web:1")).toBeUndefined();
    await second.stop();
  });

  it("is refused at once by a server that does not know the user, and shows no password", async () => {
    const closed = await EurekaServer.start({ user: "me:right-word" });
    const registrar = eurekaRegistrar({ url: closed.url, user: "me", password: "wr0ng-word" });
    const made = registrar.register({ service: "web", host: "10.0.0.1", port: 80 });
    await expect(made).rejects.toMatchObject({ code: "ERR_PROXYLESS_REGISTRATION" });
    await expect(made).rejects.toThrow(/401/);
    await expect(made).rejects.not.toThrow(/wr0ng|bWU6/);
    await closed.stop();
  });
});
