/**
 * What went wrong in other clients of registries, a test for each by name: here against the directory and the kit that
 * adapters are made of. What belongs to one registry is tested with it:
 *
 * | bug or point                                      | where                                                        |
 * | ------------------------------------------------- | ------------------------------------------------------------ |
 * | bug 4, slices of Kubernetes                       | packages/discovery-kubernetes/test, test/kubernetes          |
 * | bug 5, a prefix without a separator               | packages/discovery-etcd/test, packages/discovery-consul/test |
 * | bug 7, Consul's index                             | packages/discovery-consul/test, test/consul                  |
 * | bug 10, the wrong instance of Eureka is replaced  | packages/discovery-eureka/test                               |
 * | bug 12, out of date pushes of Nacos               | packages/discovery-nacos/test                                |
 * | point 6, revisions of each registry               | each package's tests, test/<registry>                        |
 * | point 8, tokens and rights of each registry       | each package's tests, test/<registry>                        |
 * | point 24, what every framework writes             | each package's tests (codecs)                                |
 * | point 25, with real registries                    | test/<registry>, docs/registration.md                        |
 */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMesh, sleep } from "@proxyless/core";
import type { DiscoverySource, Mesh } from "@proxyless/core";
import {
  Backoff,
  createRegistrar,
  KeyedStore,
  longPollSource,
  merge,
  resolveInstance,
  SourceError,
  TokenHolder,
  watchLoop,
  withCache,
} from "@proxyless/core/discovery";
import type { RegistrationDriver } from "@proxyless/core/discovery";
import { fakeEndpoint, fakeSource, ManualClock, sourceContract } from "@proxyless/core/testing";
import { describe, expect, it, vi } from "vitest";

import {
  bound,
  ending,
  list,
  record,
  rig,
  rigFor,
  serving,
  untyped,
} from "../../packages/core/test/discovery/rig.ts";
import { ToyRegistry, toySource } from "./support/toy-registry.ts";

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => `e${i}`);
const at = (...names: readonly string[]) => names.map((id) => fakeEndpoint(id));

/** What a mesh serves of a service, by id. */
function served(mesh: Mesh): string {
  return (mesh.inspect().discovery[0]?.endpoints ?? []).map(({ id }) => id).join(" ");
}

function until(test: () => boolean): Promise<boolean> {
  return vi.waitUntil(test, { timeout: 10_000, interval: 5 });
}

describe("bugs of other clients", () => {
  it("bug 1: an error becomes an empty list", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", at("a", "b"));
    await using mesh = createMesh({ discovery: toySource(registry.url, { emptyHoldMs: 0 }) });
    await mesh.ready("orders");
    for (const status of [500, 404, 403, 200]) {
      registry.answer = (_, response) => response.writeHead(status).end("<html>[]");
      registry.touch();
      await until(() => mesh.inspect().discovery[0]?.error !== undefined);
      expect(served(mesh)).toBe("a b");
      registry.answer = undefined;
      await until(() => mesh.inspect().discovery[0]?.error === undefined);
    }
    await registry.kill();
    await until(() => mesh.inspect().discovery[0]?.stale === true);
    expect(served(mesh)).toBe("a b");
  });

  it("bug 2: the watch dies silently", async () => {
    // By itself, by an exception, and by saying nothing: each time it is opened again.
    const ended = rig();
    ended.directory.subscribe("orders");
    ended.source.watches[0]?.end();
    await ended.clock.advance(1_000);
    expect(ended.source.watches).toHaveLength(2);
    const silent = rig({}, { aliveEveryMs: 1_000 });
    silent.directory.subscribe("orders");
    await silent.clock.advance(4_000);
    expect(silent.source.watches).toHaveLength(2);
    // And a loop goes on whatever its rounds throw.
    const clock = new ManualClock();
    const abort = new AbortController();
    let rounds = 0;
    const handle = watchLoop(
      { snapshot: () => {}, alive: () => {}, error: () => {} },
      { clock, random: Math.random, signal: abort.signal },
      {
        round: () => {
          rounds++;
          throw rounds % 2 === 0 ? new SourceError("config", "no") : new TypeError("a bug");
        },
      },
    );
    await clock.advance(3_600_000);
    expect(rounds).toBeGreaterThan(100);
    abort.abort();
    await handle.done;
  });

  it("bug 3: an empty list is never delivered", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", []);
    await clock.advance(30_000);
    expect(orders.current).toMatchObject({ status: "bound", endpoints: [] });
    const users = directory.subscribe("users");
    source.put("users", []);
    expect(await users.ready()).toMatchObject({ status: "bound", endpoints: [] });
  });

  it("bug 4: a list of several parts is told one part at a time", () => {
    const slices = new KeyedStore<string>();
    slices.replace([
      ["slice-1", ids(100)],
      ["slice-2", ids(50).map((id) => `second-${id}`)],
    ]);
    expect(slices.values()).toHaveLength(150);
    slices.set("slice-2", ["only"]);
    expect(slices.values()).toHaveLength(101);
    slices.delete("slice-1");
    expect(slices.values()).toEqual(["only"]);
  });

  it("bug 6: one entry that cannot be decoded fails the whole list", () => {
    const { directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.push(
      "orders",
      bound(untyped([null, 7, { id: "x" }, ...list("a", "b"), { ...fakeEndpoint("c"), port: "80" }])),
    );
    expect(serving(orders)).toBe("a b");
    expect(directory.dump()[0]?.counts.skipped).toBe(4);
  });

  it("bug 7: the index is never reset", async () => {
    const asked: (number | undefined)[] = [];
    const source = longPollSource<number>({
      name: "indexed",
      timeoutMs: 60_000,
      poll: async (_, { clock, cursor, signal }) => {
        asked.push(cursor);
        if (asked.length === 3) throw new SourceError("protocol-reset", "the registry begins anew");
        if (asked.length > 4) await sleep(clock, 1_000_000, signal);
        return { cursor: 100 - asked.length, snapshot: bound(list("a")) };
      },
    });
    const { clock, directory } = rigFor(source);
    directory.subscribe("orders");
    await clock.advance(1_000);
    expect(asked).toEqual([undefined, 99, 98, undefined, 96]);
    await directory.close();
  });

  it("bug 8: a request ends before the registry's own wait does", async () => {
    let asked = 0;
    const source = longPollSource<number>({
      name: "patient",
      timeoutMs: 60_000,
      poll: async (_, { clock, cursor, signal }) => {
        asked++;
        if (cursor !== undefined) await sleep(clock, 55_000, signal);
        return { cursor: 1, ...(cursor === undefined ? { snapshot: bound(list("a")) } : {}) };
      },
    });
    const { clock, directory, said } = rigFor(source);
    directory.subscribe("orders");
    await clock.advance(600_000);
    expect(asked).toBe(12);
    expect(said("discovery.error")).toEqual([]);
    await directory.close();
  });

  it("bug 9: registering gives up after some attempts", async () => {
    const clock = new ManualClock();
    let attempts = 0;
    const driver: RegistrationDriver = {
      periodMs: 5_000,
      patienceMs: 15_000,
      apply: async () => {
        attempts++;
        if (attempts < 50) throw new SourceError("transient", "away");
      },
      drain: async () => false,
      remove: async () => {},
      close: () => {},
    };
    const registrar = createRegistrar({
      name: "away",
      propagationMs: 0,
      resolve: resolveInstance,
      driver: () => driver,
      clock,
      random: () => 1,
    });
    const handle = await registrar.register({
      service: "orders",
      host: "10.0.0.1",
      port: 80,
      startTimeoutMs: 0,
    });
    await clock.advance(600_000);
    expect(attempts).toBeGreaterThan(50);
    expect(handle.state).toBe("registered");
    await handle.deregister();
  });

  it("bug 11: a wake-up is treated as a change", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", at("a", "b"));
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    const changes: string[] = [];
    mesh.on("discovery.updated", () => changes.push("updated"));
    mesh.on("endpoint.updated", ({ endpoint }) => changes.push(endpoint));
    await mesh.ready("orders");
    const before = mesh.inspect().discovery[0]?.counts.snapshots ?? 0;
    for (let i = 0; i < 20; i++) registry.put("orders", i % 2 === 0 ? at("b", "a") : at("a", "b"));
    await until(() => (mesh.inspect().discovery[0]?.counts.snapshots ?? 0) > before);
    expect(changes).toEqual(["updated"]);
  });
});

describe("what every client of a registry must stand", () => {
  it("point 1: an initial list, then a change", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", at("a"));
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    await mesh.ready("orders");
    expect(served(mesh)).toBe("a");
    registry.put("orders", at("a", "b"));
    await until(() => served(mesh) === "a b");
  });

  it("point 2: a wake-up without a change tells nobody, and counts as a sign of life", async () => {
    const { clock, directory, source } = rig();
    const lines = record(directory.subscribe("orders"));
    source.put("orders", list("a"));
    await clock.advance(9_000);
    expect(directory.dump()[0]?.ageMs).toBe(9_000);
    source.put("orders", structuredClone(list("a")));
    await clock.advance(20);
    expect(directory.dump()[0]?.ageMs).toBeLessThan(50);
    expect(lines).toHaveLength(1);
  });

  it("point 3: the registry is down at the start and comes up later", async () => {
    await using registry = await ToyRegistry.start();
    await registry.kill();
    registry.put("orders", at("a"));
    await using mesh = createMesh({ discovery: toySource(registry.url), directory: { initTimeoutMs: 300 } });
    await expect(mesh.ready("orders")).rejects.toMatchObject({
      code: "ERR_PROXYLESS_DISCOVERY",
      message: expect.stringContaining("no answer within 300 ms, last error"),
    });
    await registry.listen();
    await until(() => served(mesh) === "a");
    await mesh.ready("orders");
  });

  it("point 4: a hundred drops in the middle of a watch lead to a bounded number of requests", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const times: number[] = [];
    const handle = watchLoop(
      { snapshot: () => {}, alive: () => {}, error: () => {} },
      { clock, random: () => 0.5, signal: abort.signal },
      {
        round: async (round) => {
          times.push(clock.now());
          // It connects, is well for a moment, and breaks.
          round.good();
          await sleep(clock, 1, round.signal);
          throw new SourceError("transient", "dropped");
        },
      },
    );
    await clock.advance(60_000);
    expect(times.length).toBeLessThan(15);
    await clock.advance(3_600_000);
    expect(times.length).toBeGreaterThan(100);
    abort.abort();
    await handle.done;
  });

  it("point 5: a connection that is open and dead is noticed", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", at("a"));
    await using mesh = createMesh({ discovery: toySource(registry.url, { timeoutMs: 300 }) });
    await mesh.ready("orders");
    registry.answer = () => {};
    registry.touch();
    await until(() => mesh.inspect().discovery[0]?.error !== undefined);
    expect(mesh.inspect().discovery[0]?.error?.message).toContain("no answer within 300 ms");
    expect(served(mesh)).toBe("a");
    registry.answer = undefined;
    await until(() => mesh.inspect().discovery[0]?.stale === false);
  });

  it("point 6: a revision that is reset is read anew at once, once, and then with patience", async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const times: number[] = [];
    const handle = watchLoop(
      { snapshot: () => {}, alive: () => {}, error: () => {} },
      { clock, random: () => 1, signal: abort.signal },
      {
        round: async (round) => {
          times.push(clock.now());
          round.good();
          throw new SourceError("protocol-reset", "410 Gone");
        },
      },
    );
    await clock.advance(750);
    expect(times).toEqual([0, 0, 100, 300, 700]);
    abort.abort();
    await handle.done;
  });

  it("point 7: empty after non-empty is held and then released, and what was deleted on purpose is not held", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.put("orders", []);
    expect(orders.current).toMatchObject({ from: "held" });
    expect(source.watches[0]?.refreshes).toEqual(["confirm empty"]);
    await clock.advance(15_000);
    expect(source.watches[0]?.refreshes).toEqual(["confirm empty", "confirm once more"]);
    await clock.advance(15_000);
    expect(serving(orders)).toBe("");
    source.put("orders", list("a"));
    source.push("orders", bound([], { explicitRemovals: true }));
    expect(serving(orders)).toBe("");
  });

  it("point 8: rights that are gone empty nothing, and a token that was renewed is used", async () => {
    const filtered = rig();
    const orders = filtered.directory.subscribe("orders");
    filtered.source.put("orders", list("a", "b"));
    filtered.source.push("orders", bound([], { trust: "suspect" }));
    filtered.source.fail("orders", { class: "auth", message: "403" });
    await filtered.clock.advance(600_000);
    expect(serving(orders)).toBe("a b");

    const folder = await mkdtemp(join(tmpdir(), "proxyless-token-"));
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "old-token\n");
    const holder = new TokenHolder({ tokenFile });
    expect(await holder.current()).toBe("old-token");
    expect(await holder.renew()).toBe(false);
    await writeFile(tokenFile, "new-token\n");
    expect(await holder.renew()).toBe(true);
    expect(await holder.current()).toBe("new-token");
    await writeFile(tokenFile, "no token\n");
    const said = await ending(holder.renew());
    expect(said).toMatchObject({ error: { class: "auth" } });
    expect(JSON.stringify(said)).not.toContain("no token\n");
    await rm(folder, { recursive: true });
  });

  it("point 9: one malformed entry is skipped and counted", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", [...at("a"), { id: "bad", host: "169.254.169.254", port: 80 }]);
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    const skipped: string[] = [];
    mesh.on("discovery.skipped", ({ reason }) => skipped.push(reason));
    await mesh.ready("orders");
    expect(served(mesh)).toBe("a");
    expect(skipped).toEqual(["1 × host is not no cloud metadata address"]);
  });

  it("point 10: a list of nothing but nonsense is an error of class data, and not an empty list", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list("a"));
    source.push("orders", bound(untyped([{ id: 1 }, "x"])));
    await clock.advance(20);
    expect(serving(orders)).toBe("a");
    expect(directory.dump()[0]?.error).toMatchObject({ class: "data" });
  });

  it("point 11: when more than half goes at once, what went stays as a last resort", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    source.put("orders", list(...ids(10)));
    source.put("orders", list("e0"));
    await clock.advance(20);
    const { current } = orders;
    const held = current.status === "bound" ? current.endpoints.filter((endpoint) => endpoint.held) : [];
    expect(held.map(({ priority }) => priority)).toEqual(Array.from({ length: 9 }, () => 1_000));
  });

  it("point 12: duplicate ids and addresses are one endpoint, the better one", () => {
    const { directory, source } = rig();
    const orders = directory.subscribe("orders");
    const host = "10.0.0.1";
    source.put("orders", [
      fakeEndpoint("a", { health: "unhealthy", host: "10.0.0.9" }),
      fakeEndpoint("a", { host }),
      fakeEndpoint("b", { host, health: "draining" }),
    ]);
    expect(serving(orders)).toBe("a");
    expect(orders.current).toMatchObject({ endpoints: [{ host, health: "healthy" }] });
  });

  it("point 13: ten thousand endpoints bring no timer each", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    const all = ids(10_000).map((id, i) => fakeEndpoint(id, { host: `10.0.${i >> 8}.${i & 255}` }));
    source.put("orders", all);
    source.put("orders", all.slice(0, 9_000));
    await clock.advance(100);
    expect(orders.current).toMatchObject({ version: 2 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("point 14: a thousand changes per second lead to a bounded number of requests and updates", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", at("a"));
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    await mesh.ready("orders");
    const before = registry.requests.length;
    const began = performance.now();
    for (let i = 0; i < 1_000; i++) {
      registry.put("orders", at("a", `b${i}`));
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const tookMs = performance.now() - began;
    await until(() => served(mesh) === "a b999");
    // At most one in 5 ms, and those at the beginning and at the end.
    expect(registry.requests.length - before).toBeLessThanOrEqual(tookMs / 5 + 10);
  });

  describe("points 15, 16, 18, 22: aborts at any moment, two hundred users, dates that jump, storms of hints", () => {
    const make = async () => {
      const registry = await ToyRegistry.start();
      return {
        source: toySource(registry.url, { timeoutMs: 500 }),
        put: (service: string, endpoints: readonly unknown[]) => {
          registry.put(service, endpoints);
        },
        remove: (service: string, id: string) => {
          const before = registry.lists.get(service) ?? [];
          registry.put(
            service,
            before.filter((entry) => !JSON.stringify(entry).includes(`"${id}"`)),
          );
        },
        putMalformed: (service: string) => {
          registry.put(service, [{ id: "bad" }, ...(registry.lists.get(service) ?? [])]);
        },
        putOnlyMalformed: (service: string) => {
          registry.put(service, [{ id: "bad" }, "x"]);
        },
        breakConnection: () => registry.kill(),
        restore: async () => {
          registry.answer = undefined;
          if (registry.open === 0) await registry.listen().catch(() => undefined);
        },
        touch: () => {
          registry.index++;
          registry.touch();
        },
        silence: () => {
          registry.answer = () => {};
          registry.touch();
        },
        close: () => registry.kill(),
      };
    };
    it.for(sourceContract(make, { quietMs: 50, with: ["putOnlyMalformed", "touch", "silence", "many"] }))(
      "$name",
      { timeout: 20_000 },
      async ({ run }) => {
        await expect(run()).resolves.toBeUndefined();
      },
    );
  });

  it("point 17: a disk cache that is corrupt, expired, of another version or target is ignored, and said", async () => {
    const directory = await mkdtemp(join(tmpdir(), "proxyless-known-"));
    const serve = async (source: DiscoverySource): Promise<Mesh> => {
      const mesh = createMesh({ discovery: withCache(source, { directory, coldStartWaitMs: 20 }) });
      mesh.service("orders");
      return mesh;
    };
    const registry = await ToyRegistry.start();
    registry.put("orders", at("a"));
    const first = await serve(toySource(registry.url));
    await first.ready("orders");
    await first.close();
    await registry.kill();
    const [name = ""] = await readdir(directory);
    const second = await serve(toySource(registry.url));
    await second.ready("orders");
    expect(second.inspect().discovery[0]).toMatchObject({ status: "bound", from: "disk", stale: true });
    await second.close();
    const good = {
      v: 1,
      target: { source: "toy", key: "toy:orders", service: "orders" },
      savedAt: Date.now(),
    };
    const endpoints = at("a");
    for (const content of [
      "{",
      JSON.stringify({ ...good, endpoints, savedAt: 0 }),
      JSON.stringify({ ...good, endpoints, v: 9 }),
      JSON.stringify({ ...good, endpoints, target: { ...good.target, service: "users" } }),
    ]) {
      await writeFile(join(directory, name), content, { mode: 0o600 });
      const mesh = createMesh({
        discovery: withCache(toySource(registry.url), { directory, coldStartWaitMs: 20 }),
      });
      const notices: string[] = [];
      mesh.on("discovery.notice", ({ message }) => notices.push(message));
      mesh.service("orders");
      await until(() => notices.length > 0);
      expect(notices[0]).toContain("is not used");
      expect(mesh.inspect().discovery[0]?.status).toBe("pending");
      await mesh.close();
    }
    await rm(directory, { recursive: true });
  });

  it("point 19: a registry that is asked too much is left alone for as long as it says", async () => {
    await using registry = await ToyRegistry.start();
    registry.answer = (_, response) => response.writeHead(429, { "retry-after": "1" }).end();
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    mesh.service("orders");
    await until(() => mesh.inspect().discovery[0]?.error !== undefined);
    const asked = registry.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(registry.requests.length).toBe(asked);
    expect(mesh.inspect().discovery[0]?.error).toMatchObject({ class: "transient" });
    expect(new Backoff().failed(0, () => 0, 60_000)).toBe(60_000);
  });

  it("point 20: an answer that is compressed though nobody asked, or endless, is an error of class data", async () => {
    await using registry = await ToyRegistry.start();
    await using mesh = createMesh({ discovery: toySource(registry.url, { maxBodyBytes: 1_000 }) });
    registry.answer = (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    mesh.service("orders");
    await until(() => mesh.inspect().discovery[0]?.error?.message.includes("gzip") === true);
    registry.answer = (_, response) => response.end("x".repeat(1_000_000));
    await until(() => mesh.inspect().discovery[0]?.error?.message.includes("1000 bytes") === true);
    expect(mesh.inspect().discovery[0]?.error?.class).toBe("data");
    await until(() => registry.open <= 1);
  });

  it("point 21: is about streams; chunks are cut inside characters in the tests of RegistryHttp", async () => {
    await using registry = await ToyRegistry.start();
    const body = Buffer.from(JSON.stringify([fakeEndpoint("grüße", { version: "🜚" })]));
    const drip = async (write: (byte: Buffer) => unknown, end: () => unknown): Promise<void> => {
      for (const byte of body) {
        write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      end();
    };
    registry.answer = (_, response) =>
      void drip(
        (byte) => response.write(byte),
        () => response.end(),
      );
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    await mesh.ready("orders");
    expect(mesh.inspect().discovery[0]?.endpoints).toEqual([
      expect.objectContaining({ id: "grüße", version: "🜚" }),
    ]);
  });

  it("point 23: a listener that throws stops nobody", async () => {
    const { directory, source } = rig();
    const thrown = new Promise((resolve) => {
      const listeners = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.once("uncaughtException", (error) => {
        for (const listener of listeners) process.on("uncaughtException", listener);
        resolve(error);
      });
    });
    const orders = directory.subscribe("orders");
    orders.onChange(() => {
      throw new Error("a listener's mistake");
    });
    const lines = record(directory.subscribe("orders"));
    source.put("orders", list("a"));
    expect(await thrown).toMatchObject({ message: "a listener's mistake" });
    expect(lines).toEqual(["bound +a"]);
  });

  it("point 26: two registries in order of preference do not flip-flop", async () => {
    const near = fakeSource({ silent: true, debounceMs: 0, emptyHoldMs: 0 });
    const far = fakeSource({ silent: true, debounceMs: 0 });
    const { clock, directory } = rigFor(merge({ near, far }, { mode: "failover" }));
    const orders = directory.subscribe("orders");
    await clock.advance(0);
    near.put("orders", list("n"));
    far.put("orders", list("f"));
    const lines = record(orders);
    for (let i = 0; i < 30; i++) {
      near.put("orders", i % 2 === 0 ? [] : list("n"));
      await clock.advance(200);
    }
    await clock.advance(10_000);
    expect(lines.slice(1)).toEqual(["bound -near/n", "bound +near/n"]);
  });
});
