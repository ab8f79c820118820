import { createMesh } from "@proxyless/core";
import { fakeEndpoint, sourceContract } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { rig } from "../../packages/core/test/discovery/rig.ts";
import { at, ids, served, until } from "./support/endpoints.ts";
import { ToyRegistry, toySource } from "./support/toy-registry.ts";

/** A harness for the contract of sources. */
async function makeToy() {
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
}

const contract = sourceContract(makeToy, {
  quietMs: 50,
  with: ["putOnlyMalformed", "touch", "silence", "many"],
});

/** About three times what they are, in units of {@link parsedAndSorted}. */
const mostForFirst = 21;
const mostForChange = 0.7;
/** Many times what it is, so that only something that is wrong is above it, and not a slow machine. */
const manyChangesCpuMs = 2_000;

/** The processor time of this process since `before`, in milliseconds: what others have on the machine does not count. */
function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { system, user } = process.cpuUsage(before);
  return (system + user) / 1_000;
}

/** Holds the source to rules of the contract. @returns those that there are, and that it keeps */
async function kept(rules: readonly string[]): Promise<readonly string[]> {
  const cases = contract.filter(({ name }) => rules.includes(name));
  for (const { run } of cases) await run();
  return cases.map(({ name }) => name);
}

/** The processor time of some work, in milliseconds. */
async function cpuMsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  return cpuMsSince(before);
}

/** What the cost of lists is compared with: work of the same size that nobody changes. */
function parsedAndSorted(json: string): unknown {
  const list: readonly { readonly id: string }[] = JSON.parse(json);
  return list.toSorted((a, b) => (a.id < b.id ? 1 : -1));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

describe("what every client of a registry must stand", () => {
  it("point 13: ten thousand endpoints, and a change among them, cost no more than parsing and sorting them some times", async () => {
    const all = ids(10_000).map((id, i) => fakeEndpoint(id, { host: `10.0.${i >> 8}.${i & 255}` }));
    const json = JSON.stringify(all);
    const plain: number[] = [];
    const first: number[] = [];
    const changes: number[] = [];
    for (let round = 0; round < 9; round++) {
      const { clock, directory, source } = rig();
      const orders = directory.subscribe("orders");
      /** Everything in a list is a new object, as it is that comes from a parser. */
      const costOf = async (most: number, waitMs: number): Promise<number> => {
        const list = [...JSON.parse(json).slice(0, most), fakeEndpoint(`new-${round}-${most}`)];
        return await cpuMsOf(() => {
          source.put("orders", list);
          return clock.advance(waitMs);
        });
      };
      // Side by side, so that a machine that is slow now is slow for all of them.
      plain.push(await cpuMsOf(() => parsedAndSorted(json)));
      first.push(await costOf(9_990, 0));
      await clock.advance(1_000);
      for (let n = 1; n <= 5; n++) {
        plain.push(await cpuMsOf(() => parsedAndSorted(json)));
        changes.push(await costOf(9_990 - n, 50));
        await clock.advance(1_000);
      }
      expect(directory.dump()[0]?.counts.updates).toBe(6);
      orders.close();
      await directory.close();
    }
    expect(median(first) / median(plain)).toBeLessThan(mostForFirst);
    expect(median(changes) / median(plain)).toBeLessThan(mostForChange);
  });

  it("point 13: ten thousand endpoints are told without a wait, and bring no timer each", async () => {
    const { clock, directory, source } = rig();
    const orders = directory.subscribe("orders");
    const told: (readonly [number, number])[] = [];
    orders.onChange((_, { added, removed }) => told.push([clock.now(), added.length - removed.length]));
    const all = ids(10_000).map((id, i) => fakeEndpoint(id, { host: `10.0.${i >> 8}.${i & 255}` }));
    source.put("orders", all);
    await clock.advance(0);
    // In steps, each in a turn of its own, and without a wait between them.
    expect(told.reduce((sum, [, change]) => sum + change, 0)).toBe(10_000);
    expect(told.every(([toldAt]) => toldAt === 0)).toBe(true);
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(1_000);
    const before = told.length;
    source.put("orders", [...all.slice(2), fakeEndpoint("new")]);
    await clock.advance(50);
    expect(told.slice(before).map(([, change]) => change)).toEqual([-1]);
    expect(directory.dump()[0]?.counts.updates).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it("point 14: a thousand changes per second lead to a bounded number of requests and updates, and less than 2 s of processor time", async () => {
    await using registry = await ToyRegistry.start();
    registry.put("orders", at("a"));
    await using mesh = createMesh({ discovery: toySource(registry.url) });
    await mesh.ready("orders");
    const before = registry.requests.length;
    const began = performance.now();
    const cpu = process.cpuUsage();
    for (let i = 0; i < 1_000; i++) {
      registry.put("orders", at("a", `b${i}`));
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const tookMs = performance.now() - began;
    await until(() => served(mesh) === "a b999");
    const cpuMs = cpuMsSince(cpu);
    // At most one in 5 ms, and those at the beginning and at the end.
    const most = tookMs / 5 + 10;
    expect(registry.requests.length - before).toBeLessThanOrEqual(most);
    expect(mesh.inspect().discovery[0]?.counts.updates).toBeLessThanOrEqual(most);
    expect(cpuMs).toBeLessThan(manyChangesCpuMs);
  });

  it("point 15: an abort while connecting, listing, watching or in trouble leaves nothing behind, and nothing is told after it", async () => {
    const rules = [
      "is silent after an abort, whenever it comes, and settles done",
      "leaves no timer and no socket behind, whenever it is aborted",
    ];
    expect(await kept(rules)).toEqual(rules);
  });

  it("point 16: any number of users share one watch, which lingers after the last of them and then ends", async () => {
    const rules = ["shares one watch between any number of users"];
    expect(await kept(rules)).toEqual(rules);
    const { clock, directory, source } = rig();
    const users = Array.from({ length: 200 }, () => directory.subscribe("orders"));
    for (const user of users) user.close();
    await clock.advance(29_999);
    expect([source.watches.length, source.open]).toEqual([1, 1]);
    await clock.advance(1);
    expect(source.open).toBe(0);
  });

  it("point 18: a date that jumps an hour forth and back misleads nobody", async () => {
    const rules = ["is not led astray by a date that jumps"];
    expect(await kept(rules)).toEqual(rules);
  });

  it("point 22: a storm of hints is answered a few times", async () => {
    const rules = [
      "stands any number of refresh hints, also after the abort",
      "answers a storm of refresh hints a few times, not each of them",
    ];
    expect(await kept(rules)).toEqual(rules);
  });
});

describe("a source as its users write one", () => {
  it.for(contract)("$name", { timeout: 20_000 }, async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
