import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createMesh } from "@proxyless/core";
import type { DiscoverySource, Mesh } from "@proxyless/core";
import { merge, SourceError, watchLoop, withCache } from "@proxyless/core/discovery";
import { fakeEndpoint, fakeSource, ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import {
  bound,
  list,
  record,
  rig,
  rigFor,
  serving,
  untyped,
} from "../../packages/core/test/discovery/rig.ts";
import { at, ids, served, until } from "./support/endpoints.ts";
import { ToyRegistry, toySource } from "./support/toy-registry.ts";

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

  it("point 9: one malformed entry is skipped and counted", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", [...at("a"), { id: "bad", host: "169.254.169.254", port: 80 }]);
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    const skipped: string[] = [];
    mesh.on("discovery.skipped", ({ reason }) => skipped.push(reason));
    await mesh.ready("orders");
    expect(served(mesh)).toBe("a");
    expect(skipped).toEqual(["1 × host is not an address other than a cloud metadata one"]);
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
