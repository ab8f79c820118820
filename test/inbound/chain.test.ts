import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { createMesh, memorySource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { describe, expect, it } from "vitest";

import { startHop } from "./hop.ts";
import type { Hop, Mark } from "./hop.ts";

interface Chain extends AsyncDisposable {
  readonly hops: readonly Hop[];
  readonly mesh: Mesh;
  readonly log: Mark[];
}

/** Three services in a row: a calls b, b calls c, and each works for `steps` × 5 ms before it calls and after. */
async function startChain(steps: readonly [number, number, number]): Promise<Chain> {
  const discovery = memorySource({});
  const mesh = createMesh({ discovery });
  const log: Mark[] = [];
  const c = await startHop({ name: "c", steps: steps[2], log });
  discovery.set("c", [c.address]);
  const b = await startHop({
    name: "b",
    steps: steps[1],
    next: { url: "http://c/", fetch: mesh.fetch },
    log,
  });
  discovery.set("b", [b.address]);
  const a = await startHop({
    name: "a",
    steps: steps[0],
    next: { url: "http://b/", fetch: mesh.fetch },
    log,
  });
  await Promise.all([mesh.ready("b"), mesh.ready("c")]);
  const hops = [a, b, c];
  return {
    hops,
    mesh,
    log,
    [Symbol.asyncDispose]: async () => {
      await mesh.close();
      for (const hop of hops) await hop[Symbol.asyncDispose]();
    },
  };
}

/** A caller that knows no mesh. */
function call(
  hop: Hop,
  headers: Record<string, string>,
): { readonly status: Promise<number>; cancel(): void } {
  const sent = request(`http://${hop.address}/`, { headers });
  const status = new Promise<number>((resolve) => {
    sent.on("response", (response) => {
      response.resume().on("close", () => {
        resolve(response.statusCode ?? 0);
      });
    });
    sent.on("error", () => {
      resolve(0);
    });
  });
  sent.end();
  return { status, cancel: () => sent.destroy() };
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(1);
}

/** What a slow machine may add to times that are asserted; it takes nothing from the order that is asserted. */
const NOISE_MS = 50;

describe("a chain of three services", () => {
  it("answers where its deadline leaves it the time", async () => {
    await using chain = await startChain([1, 1, 1]);
    const { hops, log } = chain;
    expect(await call(hops[0]!, { "grpc-timeout": "10S" }).status).toBe(200);
    expect(log.filter(({ what }) => what === "answered").map(({ hop }) => hop)).toEqual(["c", "b", "a"]);
    expect(log.some(({ what }) => what === "stopped")).toBe(false);
    expect(hops.map(({ inbound }) => inbound.stats())).toMatchObject(
      Array.from({ length: 3 }, () => ({ withDeadline: 1, cut: 0, cancelled: 0, refused: 0 })),
    );
  });

  it.each([
    ["a", [10_000, 1, 1]],
    ["b", [1, 10_000, 1]],
    ["c", [1, 1, 10_000]],
  ] as const)("starts no work after a deadline of 100 ms that passes in %s", async (where, steps) => {
    await using chain = await startChain(steps);
    const { hops, log } = chain;
    const deadline = performance.now() + 100;
    expect(await call(hops[0]!, { "grpc-timeout": "100m" }).status).toBe(504);
    await until(() => hops.every(({ inbound }) => inbound.stats().inFlight === 0));
    await sleep(50);
    const begun = log.filter(({ what }) => what === "work" || what === "called");
    expect(begun.map(({ hop }) => hop)).toContain(where);
    // By the order: once told to stop, a hop begins nothing.
    for (const name of ["a", "b", "c"]) {
      const mine = log.filter(({ hop }) => hop === name);
      const stopped = mine.findIndex(({ what }) => what === "stopped");
      expect(stopped === -1 ? [] : mine.slice(stopped + 1)).toEqual([]);
    }
    // By the clock.
    expect(Math.max(...begun.map(({ at }) => at))).toBeLessThan(deadline + NOISE_MS);
    expect(log.some(({ what }) => what === "answered")).toBe(false);
  });

  it("asks no further hop where the first has used the time up", async () => {
    await using chain = await startChain([1_000, 1, 1]);
    const { hops, log } = chain;
    expect(await call(hops[0]!, { "x-envoy-expected-rq-timeout-ms": "40" }).status).toBe(504);
    expect(new Set(log.map(({ hop }) => hop))).toEqual(new Set(["a"]));
    expect(hops[1]?.inbound.stats().requests).toBe(0);
  });

  it("stops in all three within 20 ms of the caller's leaving, the first hop first", async () => {
    await using chain = await startChain([1, 1, 10_000]);
    const { hops, log } = chain;
    const spans: number[] = [];
    for (let round = 0; round < 5; round++) {
      log.length = 0;
      const caller = call(hops[0]!, {});
      await until(() => log.filter(({ hop, what }) => hop === "c" && what === "work").length > 2);
      const leftAt = performance.now();
      caller.cancel();
      await until(() => log.filter(({ what }) => what === "stopped").length === 3);
      await sleep(20);
      const stops = log.filter(({ what }) => what === "stopped");
      expect(stops.map(({ hop }) => hop)).toEqual(["a", "b", "c"]);
      const last = log.findIndex(({ hop, what }) => hop === "c" && what === "stopped");
      expect(log.slice(last + 1)).toEqual([]);
      spans.push(stops.at(-1)!.at - leftAt);
    }
    // The best of five says what the chain can do; the others may say what the machine was busy with.
    expect(Math.min(...spans)).toBeLessThan(20);
    expect(hops.map(({ inbound }) => inbound.stats().cancelled)).toEqual([5, 5, 5]);
    expect(hops.map(({ inbound }) => inbound.stats().inFlight)).toEqual([0, 0, 0]);
  });
});
