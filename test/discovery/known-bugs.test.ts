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
 * | points 1 to 26, what every client must stand      | points-of-lists, points-of-trouble and points-of-load here   |
 * | point 6, revisions of each registry               | each package's tests, test/<registry>                        |
 * | point 8, tokens and rights of each registry       | each package's tests, test/<registry>                        |
 * | point 24, what every framework writes             | each package's tests (codecs)                                |
 * | point 25, with real registries                    | test/<registry>, docs/registration.md                        |
 */
import { createMesh, sleep } from "@proxyless/core";
import {
  createRegistrar,
  KeyedStore,
  longPollSource,
  resolveInstance,
  SourceError,
  watchLoop,
} from "@proxyless/core/discovery";
import type { RegistrationDriver } from "@proxyless/core/discovery";
import { fakeEndpoint, ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { bound, list, rig, rigFor, serving, untyped } from "../../packages/core/test/discovery/rig.ts";
import { at, ids, served, until } from "./support/endpoints.ts";
import { ToyRegistry, toySource } from "./support/toy-registry.ts";

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
    const slices = new KeyedStore<readonly string[], string>((held) => held);
    slices.set("slice-1", ids(100));
    const second = ids(50).map((id) => `second-${id}`);
    slices.set("slice-2", second);
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
