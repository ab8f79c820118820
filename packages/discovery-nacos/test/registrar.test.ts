import type { RegistrationHandle, RegistrationState } from "@proxyless/core/discovery";
import { ManualClock } from "@proxyless/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { StoredInstance } from "../../../test/nacos/instance-store.ts";
import { NacosServer } from "../../../test/nacos/server.ts";
import { eventually } from "../../../test/support/watching.ts";
import { nacosRegistrar } from "../src/index.ts";
import type { NacosInstance, NacosRegistrarOptions } from "../src/index.ts";

describe.each([["v3"], ["v1"]] as const)("point 25, a registration with the API %s", (api) => {
  let server: NacosServer;
  let clock: ManualClock;
  let handles: RegistrationHandle[];

  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    server = await NacosServer.start({ apis: [api], now: () => clock.wallNow() });
    handles = [];
  });

  afterEach(async () => {
    await Promise.all(handles.map((handle) => handle.deregister({ propagationMs: 0 })));
    await server.stop();
  });

  async function register(
    more: Partial<NacosInstance> = {},
    options: Partial<NacosRegistrarOptions> = {},
  ): Promise<RegistrationHandle> {
    const registrar = nacosRegistrar({ url: server.url, clock, random: () => 1, ...options });
    const handle = await registrar.register({ service: "web", host: "10.0.0.1", port: 80, ...more });
    handles.push(handle);
    return handle;
  }

  function known(): StoredInstance | undefined {
    return server.store.find("web", 80);
  }

  /** Time passes, in beats, each answered before the next. */
  async function beats(count: number, ms = 5000): Promise<void> {
    for (let i = 0; i < count; i++) {
      const before = server.seen.length;
      // eslint-disable-next-line no-await-in-loop -- time goes on
      await clock.advance(ms);
      // eslint-disable-next-line no-await-in-loop -- as above
      await eventually("a beat", () => server.seen.length > before);
      for (let quiet = 0, seen = server.seen.length; quiet < 5; quiet++) {
        // eslint-disable-next-line no-await-in-loop -- a poll
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
        if (server.seen.length > seen) quiet = 0;
        seen = server.seen.length;
      }
    }
  }

  it("writes what every client of Nacos reads", async () => {
    const handle = await register(
      { cluster: "c1", weight: 5, version: "2", zone: "z", scheme: "https", metadata: { kind: "http" } },
      { namespace: "n", group: "g" },
    );
    expect(handle).toMatchObject({ host: "10.0.0.1", port: 80, state: "registered" });
    expect(known()).toMatchObject({
      namespace: "n",
      group: "g",
      cluster: "c1",
      ip: "10.0.0.1",
      weight: 5,
      healthy: true,
      enabled: true,
      ephemeral: true,
      metadata: { kind: "http", version: "2", zone: "z", secure: "true" },
    });
  });

  it("tells Nacos of a pace of its own", async () => {
    await register({}, { beatMs: 2000 });
    expect(known()?.metadata).toEqual({
      "preserved.heart.beat.interval": "2000",
      "preserved.heart.beat.timeout": "6000",
      "preserved.ip.delete.timeout": "12000",
    });
  });

  it("stays healthy as long as it beats, is looked for once a minute, and is forgotten without beats", async () => {
    const handle = await register();
    const lists = (): number => server.seen.filter((each) => each.endsWith("/list")).length;
    await beats(12);
    expect(known()?.healthy).toBe(true);
    expect(lists()).toBe(1);
    await beats(12);
    expect(lists()).toBe(2);
    handles = [];
    await server.kill();
    await clock.advance(16_000);
    expect(known()?.healthy).toBe(false);
    await clock.advance(15_000);
    expect(known()).toBeUndefined();
    await server.restart();
    await handle.deregister({ propagationMs: 0 });
  });

  it("is written again at the next beat when the server does not know it", async () => {
    const states: RegistrationState[] = [];
    const handle = await register({ onStateChange: (state) => states.push(state) });
    await handle.update({ version: "2" });
    await server.restartEmpty();
    await beats(1);
    expect(known()).toMatchObject({ metadata: { version: "2" }, healthy: true });
    expect(states).toEqual(["registered"]);
  });

  it("says every status, and each again for as long as it lasts", async () => {
    const handle = await register();
    const seen: string[] = [];
    for (const status of ["down", "up", "out-of-service", "starting", "up"] as const) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await handle.setStatus(status);
      // eslint-disable-next-line no-await-in-loop -- as above
      await beats(5);
      seen.push(`${status}: ${known()?.healthy} ${known()?.enabled}`);
    }
    expect(seen).toEqual([
      "down: false true",
      "up: true true",
      "out-of-service: true false",
      "starting: false true",
      "up: true true",
    ]);
    await expect(handle.setStatus("degraded")).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONFIG" });
  });

  it("leaves in order: disabled, a wait without beats, and then gone", async () => {
    const handle = await register();
    const left = handle.deregister();
    await eventually("disabled", () => known()?.enabled === false);
    server.seen.length = 0;
    await clock.advance(10_999);
    expect(server.seen).toEqual([]);
    await clock.advance(1);
    await left;
    expect(known()).toBeUndefined();
    await handle.deregister();
    await clock.advance(60_000);
    expect(server.seen).toHaveLength(1);
    expect(server.seen[0]).toMatch(/^DELETE /);
  });

  it("keeps a persistent instance without beats, and writes it again when it was taken out", async () => {
    await register({ ephemeral: false });
    await beats(6, 10_000);
    expect(known()).toMatchObject({ ephemeral: false, healthy: true });
    expect(server.seen.some((each) => each.includes("beat"))).toBe(false);
    server.store.remove({
      ...known(),
      namespace: "public",
      group: "DEFAULT_GROUP",
      service: "web",
      ip: "10.0.0.1",
      port: 80,
      cluster: "DEFAULT",
    });
    await beats(1, 10_000);
    expect(known()).toBeDefined();
  });

  it.each<[string, Partial<StoredInstance>]>([
    ["weight", { weight: 9 }],
    ["metadata", { metadata: { kind: "other" } }],
    ["metadata, one more", { metadata: { kind: "http", more: "yes" } }],
    ["enabled", { enabled: false }],
  ])("is written again within a minute when somebody else changed its %s", async (_, change) => {
    await register({ weight: 5, metadata: { kind: "http" } });
    const writes = (): number =>
      server.seen.filter((each) => each.startsWith("POST ") && each.endsWith("/instance")).length;
    await beats(12);
    const before = writes();
    const written = known();
    if (written === undefined) throw new Error("it is not there");
    server.store.put({ ...written, ...change });
    await beats(12);
    expect(known()).toMatchObject({ weight: 5, enabled: true, metadata: { kind: "http" } });
    expect(known()?.metadata).toEqual({ kind: "http" });
    // In the newer API a beat is a POST as well; those of another minute show how many there are.
    const between = writes() - before;
    const again = writes();
    await beats(12);
    expect(writes() - again).toBe(between - 1);
  });

  it("is written again once where an operator's word stays", async () => {
    await register({ ephemeral: false, weight: 5 });
    const operator = (weight: number): void => {
      const written = known();
      if (written === undefined) throw new Error("it is not there");
      server.store.put({ ...written, weight });
    };
    const look = async (): Promise<number | undefined> => {
      await beats(1, 10_000);
      return known()?.weight;
    };
    operator(9);
    expect(await look()).toBe(5);
    operator(9);
    expect(await look()).toBe(9);
    expect(await look()).toBe(9);
    operator(7);
    expect(await look()).toBe(5);
    expect(await look()).toBe(5);
    operator(7);
    expect(await look()).toBe(5);
  });

  it.each([[true], [false]])(
    "is written again while it is out of service (ephemeral: %s)",
    async (ephemeral) => {
      const handle = await register({ ephemeral, weight: 5 });
      await handle.setStatus("out-of-service");
      const perLook = ephemeral ? 12 : 1;
      const ms = ephemeral ? 5000 : 10_000;
      const written = known();
      if (written === undefined) throw new Error("it is not there");
      server.store.remove(written);
      await beats(perLook, ms);
      expect(known()).toMatchObject({ enabled: false, weight: 5 });
      server.store.put({ ...written, enabled: true, weight: 9 });
      await beats(perLook, ms);
      expect(known()).toMatchObject({ enabled: false, weight: 5 });
    },
  );

  it("is lost after three beats without an answer, and back with the first one", async () => {
    const states: RegistrationState[] = [];
    const handle = await register({ onStateChange: (state) => states.push(state) });
    await server.kill();
    for (let i = 0; i < 100 && handle.state !== "lost"; i++) {
      // eslint-disable-next-line no-await-in-loop -- time goes on
      await clock.advance(1000);
      // eslint-disable-next-line no-await-in-loop -- a refused connection needs a moment
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    expect(handle.state).toBe("lost");
    await server.restart();
    await clock.advance(5000);
    await eventually("it is back", () => handle.state === "registered");
    expect(states).toEqual(["registered", "lost", "registered"]);
  });

  it("goes to another server when one fails, and is written there", async () => {
    const second = await NacosServer.start({ apis: [api], now: () => clock.wallNow() });
    await register({}, { url: [server.url, second.url] });
    await server.kill();
    await clock.advance(5000);
    await eventually("it is there", () => second.store.find("web", 80) !== undefined);
    await Promise.all(handles.map((handle) => handle.deregister({ propagationMs: 0 })));
    expect(second.store.find("web", 80)).toBeUndefined();
    await second.stop();
  });

  it("is refused at once by a server that does not know the user, and shows no password", async () => {
    const closed = await NacosServer.start({ apis: [api], user: "me:right-word" });
    const registrar = nacosRegistrar({ url: closed.url, username: "me", password: "wr0ng-word" });
    const made = registrar.register({ service: "web", host: "10.0.0.1", port: 80 });
    await expect(made).rejects.toMatchObject({ code: "ERR_PROXYLESS_REGISTRATION" });
    await expect(made).rejects.toThrow(/unknown user/);
    await expect(made).rejects.not.toThrow(/wr0ng/);
    await closed.stop();
  });
});
