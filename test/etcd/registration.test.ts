import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { codecs, etcd, etcdRegistrar } from "@proxyless/discovery-etcd";
import type { EtcdRegistrarOptions } from "@proxyless/discovery-etcd";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startEtcd, until } from "../../scripts/servers/index.ts";
import type { EtcdMember } from "../../scripts/servers/index.ts";
import { watching } from "../support/watching.ts";
import type { AtEnd } from "../support/watching.ts";
import { Gate } from "./gate.ts";

let shared: EtcdMember;
let services = 0;

beforeAll(async () => {
  shared = await startEtcd();
}, 120_000);

afterAll(() => shared.stop());

interface Registered {
  readonly service: string;
  readonly key: string;
  readonly states: string[];
  readonly handle: Awaited<ReturnType<ReturnType<typeof etcdRegistrar>["register"]>>;
  readonly entry: () => Promise<string | undefined>;
  readonly lease: () => Promise<string | undefined>;
}

/** Registers `10.9.0.1:80` under a service of its own; leaves at the end of the test. */
async function registered(
  member: EtcdMember,
  atEnd: AtEnd,
  options: Partial<EtcdRegistrarOptions> = {},
): Promise<Registered> {
  const service = `web-${++services}`;
  const states: string[] = [];
  const handle = await etcdRegistrar({ url: member.url, ttlMs: 3000, ...options }).register({
    service,
    id: "one",
    host: "10.9.0.1",
    port: 80,
    onStateChange: (state) => states.push(state),
  });
  atEnd(() => handle.deregister({ propagationMs: 0 }));
  const key = `${service}/one`;
  return {
    service,
    key,
    states,
    handle,
    entry: async () => (await member.list(key)).get(key),
    lease: () => member.leaseOf(key),
  };
}

/** Waits until `probe` gives something. */
function untilSome<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  return until(what, 15_000, probe);
}

const value = '{"Op":0,"Addr":"10.9.0.1:80","Metadata":null}';

describe.concurrent("point 25, a registration with a real etcd", { timeout: 30_000 }, () => {
  it("is kept alive beyond its TTL, on a lease of its own", async ({ onTestFinished }) => {
    const one = await registered(shared, onTestFinished, { ttlMs: 2000 });
    const two = await registered(shared, onTestFinished, { ttlMs: 2000 });
    const leases = [await one.lease(), await two.lease()];
    expect(new Set(leases).size).toBe(2);
    await new Promise((resolve) => {
      setTimeout(resolve, 4000);
    });
    expect(await one.entry()).toBe(value);
    expect([await one.lease(), await two.lease()]).toEqual(leases);
    expect(one.states).toEqual(["registered"]);
  });

  it("comes back at once when an operator deletes its key, and each time that he does", async ({
    onTestFinished,
  }) => {
    const one = await registered(shared, onTestFinished, { ttlMs: 60_000 });
    const web = watching(etcd({ url: shared.url }), one.service, {}, onTestFinished);
    await web.untilStates(["10.9.0.1:80 healthy"]);
    for (let times = 1; times <= 3; times++) {
      const seen = web.snapshots.length;
      // eslint-disable-next-line no-await-in-loop -- one deletion after the other
      await shared.delete(one.key);
      // eslint-disable-next-line no-await-in-loop -- as above
      await web.until("gone and back", () => web.snapshots.length >= seen + 2, 10_000);
      // eslint-disable-next-line no-await-in-loop -- as above
      await web.untilStates(["10.9.0.1:80 healthy"]);
    }
    expect(one.handle.state).toBe("registered");
  });

  it("comes back at once also when its key is deleted before anybody watches it", async ({
    onTestFinished,
  }) => {
    const gate = await Gate.before(shared, onTestFinished);
    gate.hold("/v3/watch");
    const one = await registered(shared, onTestFinished, { url: gate.url, ttlMs: 60_000 });
    await gate.untilHeld();
    await shared.delete(one.key);
    gate.open();
    expect(await untilSome("the entry", one.entry)).toBe(value);
  });

  it("comes back with another lease when an operator revokes the one it has", async ({ onTestFinished }) => {
    const one = await registered(shared, onTestFinished, { ttlMs: 60_000 });
    const first = await one.lease();
    await shared.call("/v3/lease/revoke", { ID: first });
    const second = await untilSome("another lease", one.lease);
    expect(second).not.toBe(first);
    expect(await one.entry()).toBe(value);
  });

  it("puts right what somebody else wrote into its key", async ({ onTestFinished }) => {
    const one = await registered(shared, onTestFinished, { ttlMs: 3000 });
    await shared.put(one.key, "10.66.6.6:80");
    await untilSome("its own value", async () => ((await one.entry()) === value ? true : undefined));
    expect(await one.lease()).toBeDefined();
  });

  it("keeps what it says of itself through the loss of its lease", async ({ onTestFinished }) => {
    const one = await registered(shared, onTestFinished, { codec: codecs.plain });
    await one.handle.setStatus("degraded", "cold cache");
    await one.handle.update({ weight: 3, version: "2", metadata: { rack: "r1" } });
    const web = watching(etcd({ url: shared.url }), one.service, {}, onTestFinished);
    await web.untilStates(["10.9.0.1:80 degraded"]);
    await shared.call("/v3/lease/revoke", { ID: await one.lease() });
    await untilSome("another lease", one.lease);
    await web.untilStates(["10.9.0.1:80 degraded"]);
    expect(web.snapshots.at(-1)?.endpoints[0]).toMatchObject({
      weight: 3,
      version: "2",
      metadata: { rack: "r1" },
    });
  });

  it("leaves in order: taken out at first, saying so, and its lease ended at last", async ({
    onTestFinished,
  }) => {
    const one = await registered(shared, onTestFinished);
    const web = watching(etcd({ url: shared.url }), one.service, {}, onTestFinished);
    await web.untilStates(["10.9.0.1:80 healthy"]);
    const lease = await one.lease();
    const left = one.handle.deregister({ propagationMs: 1000 });
    await web.until("absent", () => web.snapshots.at(-1)?.kind === "absent");
    // Others have heard, and it still serves: the lease lives until the wait is over.
    expect(await shared.leaseIsAlive(lease)).toBe(true);
    await left;
    expect(await shared.leaseIsAlive(lease)).toBe(false);
    const goodbyes = web.snapshots.filter(
      ({ explicitRemovals, endpoints }) => explicitRemovals === true || endpoints[0]?.health === "draining",
    );
    expect(goodbyes.length).toBeGreaterThan(0);
    expect(one.states).toEqual(["registered", "deregistered"]);
  });

  it("stays listed while it drains, in a format whose readers know the word", async ({ onTestFinished }) => {
    const one = await registered(shared, onTestFinished, { codec: codecs.plain });
    const web = watching(etcd({ url: shared.url }), one.service, {}, onTestFinished);
    await web.untilStates(["10.9.0.1:80 healthy"]);
    const left = one.handle.deregister({ propagationMs: 300 });
    await web.untilStates(["10.9.0.1:80 draining"]);
    await left;
    await web.until("absent", () => web.snapshots.at(-1)?.kind === "absent");
    expect(web.snapshots.at(-1)?.explicitRemovals).toBe(true);
  });

  it("is not listed while it takes no calls, in a format that has no word for it", async ({
    onTestFinished,
  }) => {
    const one = await registered(shared, onTestFinished);
    await one.handle.setStatus("out-of-service", "upgrade");
    expect(await one.entry()).toBeUndefined();
    await new Promise((resolve) => {
      setTimeout(resolve, 1500);
    });
    // Its own absence is no loss to be repaired.
    expect(await one.entry()).toBeUndefined();
    await one.handle.setStatus("up");
    expect(await one.entry()).toBe(value);
  });

  it("leaves a successor alone that took its key over", async ({ onTestFinished }) => {
    const old = await registered(shared, onTestFinished);
    const successor = await shared.grant(60);
    await shared.put(old.key, '{"Op":0,"Addr":"10.9.0.2:80","Metadata":null}', successor);
    await old.handle.deregister({ propagationMs: 0 });
    expect(await old.entry()).toContain("10.9.0.2:80");
    await shared.call("/v3/lease/revoke", { ID: successor });
  });

  it("is refused at once where the user may not write, saying so without the password", async ({
    onTestFinished,
  }) => {
    const closed = await startEtcd({ auth: true });
    onTestFinished(() => closed.stop());
    await closed.addUser("reader", "reader-password", "web/", "READ");
    const options = { url: closed.url, username: "reader", password: "reader-password" };
    const registering = etcdRegistrar(options).register({ service: "web", host: "10.9.0.1", port: 80 });
    await expect(registering).rejects.toMatchObject({
      code: "ERR_PROXYLESS_REGISTRATION",
      message: expect.stringContaining("permission denied"),
    });
    await expect(registering).rejects.not.toThrow(/reader-password/);
    await closed.addUser("writer", "writer-password", "web/", "READWRITE");
    const handle = await etcdRegistrar({
      url: closed.url,
      username: "writer",
      password: "writer-password",
    }).register({ service: "web", host: "10.9.0.1", port: 80 });
    await handle.deregister({ propagationMs: 0 });
  });
});

describe.concurrent("point 25, a registration whose etcd", { timeout: 60_000 }, () => {
  it("comes back empty is registered again", async ({ onTestFinished }) => {
    const member = await startEtcd({ state: "memory" });
    onTestFinished(() => member.stop());
    const one = await registered(member, onTestFinished);
    const web = watching(etcd({ url: member.url }), one.service, {}, onTestFinished);
    await web.untilStates(["10.9.0.1:80 healthy"]);
    await member.kill();
    await web.until("an error", () => web.errors.length > 0);
    await member.restart();
    await untilSome("the entry", one.entry);
    await web.untilStates(["10.9.0.1:80 healthy"]);
    expect(one.handle.state).toBe("registered");
  });

  it("is away for longer than the lease is lost, and registered again when it is back", async ({
    onTestFinished,
  }) => {
    const member = await startEtcd();
    onTestFinished(() => member.stop());
    const one = await registered(member, onTestFinished, { ttlMs: 2000 });
    await member.kill();
    await untilSome("the state lost", async () => (one.handle.state === "lost" ? true : undefined));
    await member.restart();
    await untilSome("registered", async () => (one.handle.state === "registered" ? true : undefined));
    expect(await one.entry()).toBe(value);
    expect(one.states).toEqual(["registered", "lost", "registered"]);
  });

  it("hears no more of a process, because it was killed, is rid of it after the TTL", async ({
    onTestFinished,
  }) => {
    const code = `
      const { etcdRegistrar } = await import(${JSON.stringify(join(import.meta.dirname, "../../packages/discovery-etcd/src/index.ts"))});
      await etcdRegistrar({ url: ${JSON.stringify(shared.url)}, ttlMs: 2000 }).register(
        { service: "crash", id: "one", host: "10.9.0.3", port: 80 });
      console.log("registered");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(createInterface({ input: child.stdout }), "line");
    const web = watching(etcd({ url: shared.url }), "crash", {}, onTestFinished);
    await web.untilStates(["10.9.0.3:80 healthy"]);
    child.kill("SIGKILL");
    await web.until("absent", () => web.snapshots.at(-1)?.kind === "absent");
    // Nobody said goodbye: that it is gone is not to be believed at once.
    expect(web.snapshots.at(-1)?.explicitRemovals).toBeUndefined();
  });
});
