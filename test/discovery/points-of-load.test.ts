import { createMesh } from "@proxyless/core";
import { fakeEndpoint, sourceContract } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { rig } from "../../packages/core/test/discovery/rig.ts";
import { at, ids, served, until } from "./support/endpoints.ts";
import { ToyRegistry, toySource } from "./support/toy-registry.ts";

describe("what every client of a registry must stand", () => {
  it("point 13: ten thousand endpoints bring no timer each", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    const all = ids(10_000).map((id, i) => fakeEndpoint(id, { host: `10.0.${i >> 8}.${i & 255}` }));
    source.put("orders", all);
    source.put("orders", all.slice(0, 9_000));
    await clock.advance(200);
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
});
