import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";

import type { CacheOptions } from "../../src/discovery/combine/cache-options.ts";
import { merge } from "../../src/discovery/combine/merge.ts";
import { withCache } from "../../src/discovery/combine/with-cache.ts";
import type { Subscription } from "../../src/discovery/resolution.ts";
import type { Endpoint, Snapshot } from "../../src/discovery/source.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource } from "../../src/testing/fake-source.ts";
import { bound, list, rigFor, serving } from "./rig.ts";
import type { Rig } from "./rig.ts";

const down = { class: "transient", message: "down" } as const;
let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "proxyless-cached-merge-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
});

interface Both extends Rig {
  readonly a: FakeSource;
  readonly b: FakeSource;
  readonly orders: Subscription;
}

/** A process with two registries that say nothing by themselves, and a disk. */
async function start(options: Partial<CacheOptions> = {}): Promise<Both> {
  const [a, b] = [fakeSource({ silent: true }), fakeSource({ silent: true })];
  const rig = rigFor(withCache(merge({ a, b }), { directory, ...options }));
  const orders = rig.directory.subscribe("orders");
  await rig.clock.advance(0);
  return { ...rig, a, b, orders };
}

/** Moves time on until it is so: the work of a disk is real. */
async function becomes({ clock }: Rig, test: () => unknown): Promise<void> {
  await vi.waitFor(
    async () => {
      await clock.advance(100);
      await test();
    },
    { timeout: 10_000, interval: 5 },
  );
}

/** What the file says; undefined where there is none. */
async function saved(): Promise<
  { readonly savedAt: number; readonly endpoints: readonly Endpoint[] } | undefined
> {
  const [name] = await readdir(directory);
  return name === undefined ? undefined : JSON.parse(await readFile(join(directory, name), "utf8"));
}

/** The ids in the file; empty where there is none. */
async function written(): Promise<string> {
  return (await saved())?.endpoints.map(({ id }) => id).join(" ") ?? "";
}

/** A process that heard both of them, and ended. */
async function earlier(a: readonly string[], b: readonly string[]): Promise<void> {
  const before = await start();
  before.a.push("orders", bound(list(...a)));
  before.b.push("orders", bound(list(...b)));
  const ids = [...a.map((id) => `a/${id}`), ...b.map((id) => `b/${id}`)];
  await becomes(before, async () => expect(await written()).toBe(ids.join(" ")));
  await before.directory.close();
}

describe("a source that was never heard of", () => {
  it.for(["fails", "says nothing"])(
    "does not take away what the disk knows of it when it %s",
    async (how) => {
      await earlier([], ["1", "2"]);
      const after = await start();
      after.a.push("orders", bound([]));
      if (how === "fails") after.b.fail("orders", down);
      await becomes(after, () => expect(serving(after.orders)).toBe("b/1 b/2"));
      await after.clock.advance(60_000);
      expect(serving(after.orders)).toBe("b/1 b/2");
      expect(after.orders.current).toMatchObject({ stale: true });
      after.b.push("orders", bound(list("2", "3")));
      await after.clock.advance(1_000);
      expect(serving(after.orders)).toBe("b/2 b/3");
      expect(after.orders.current).toMatchObject({ stale: false, from: "live" });
      await after.directory.close();
    },
  );

  it("does not keep another one from taking out its own, with a disk", async () => {
    await earlier(["1", "2", "3"], ["7"]);
    const after = await start();
    // The third one went while nobody looked.
    after.a.push("orders", bound(list("1", "2", "4")));
    after.b.fail("orders", down);
    await becomes(after, () => expect(serving(after.orders)).toBe("a/1 a/2 a/3 a/4 b/7"));
    await becomes(after, () => expect(serving(after.orders)).toBe("a/1 a/2 a/4 b/7"));
    after.a.push("orders", bound(list("2")));
    await after.clock.advance(1_000);
    expect(serving(after.orders)).toBe("a/2 b/7");
    await after.directory.close();
  });

  it("does not keep another one from taking out its own, without a disk", async () => {
    const only = await start();
    only.a.push("orders", bound(list("1", "2", "3")));
    only.b.fail("orders", down);
    await becomes(only, () => expect(serving(only.orders)).toBe("a/1 a/2 a/3"));
    await only.clock.advance(10_000);
    only.a.push("orders", bound(list("1")));
    await becomes(only, () => expect(serving(only.orders)).toBe("a/1"));
    expect(only.orders.current).toMatchObject({ stale: true, from: "live" });
    await only.directory.close();
  });

  it("may be a part of a part", async () => {
    const nested = async () => {
      const [a, b, c] = [
        fakeSource({ silent: true }),
        fakeSource({ silent: true }),
        fakeSource({ silent: true }),
      ];
      const rig = rigFor(withCache(merge({ ab: merge({ a, b }), c }), { directory }));
      const orders = rig.directory.subscribe("orders");
      await rig.clock.advance(0);
      return { ...rig, a, b, c, orders };
    };
    const before = await nested();
    before.a.push("orders", bound(list("1")));
    before.b.push("orders", bound(list("2")));
    before.c.push("orders", bound(list("3", "4")));
    await becomes(before, async () => expect(await written()).toBe("ab/a/1 ab/b/2 c/3 c/4"));
    await before.directory.close();
    const after = await nested();
    after.a.push("orders", bound(list("5")));
    after.b.fail("orders", down);
    after.c.push("orders", bound(list("4")));
    await becomes(after, () => expect(serving(after.orders)).toBe("ab/a/5 ab/b/2 c/4"));
    await after.directory.close();
  });
});

describe("what a list leaves out because it was not heard of", () => {
  /** A process whose one registry says itself which part it never heard of, on a disk that knows `a/1`, `b/2` and `b/3`. */
  async function one() {
    await earlier(["1"], ["2", "3"]);
    const merged = merge({ a: fakeSource({ silent: true }), b: fakeSource({ silent: true }) });
    const source = fakeSource({ silent: true, name: merged.name });
    source.key = (target) => merged.key(target);
    const rig = rigFor(withCache(source, { directory }));
    const orders = rig.directory.subscribe("orders");
    const say = (ids: readonly string[], patch: Partial<Snapshot> = {}): void => {
      source.push("orders", bound(list(...ids), { unheard: ["b/"], ...patch }));
    };
    return { ...rig, source, orders, say };
  }

  it("comes from the disk, but for an address that is listed", async () => {
    const { orders, say, source, ...rig } = await one();
    source.push("orders", bound([fakeEndpoint("x", { host: fakeEndpoint("2").host })], { unheard: ["b/"] }));
    await becomes(rig, () => expect(serving(orders)).toBe("b/3 x"));
    say([]);
    await becomes(rig, () => expect(serving(orders)).toBe("b/2 b/3"));
    say(["x"], { unheard: [] });
    await becomes(rig, () => expect(serving(orders)).toBe("x"));
    await rig.directory.close();
  });

  it.for([
    ["fails meanwhile", true],
    ["gets well meanwhile", false],
  ] as const)(
    "neither ends nor brings back trouble when the disk is late and the source %s",
    async ([, stale]) => {
      const { orders, say, source, ...rig } = await one();
      say(["x"], stale ? {} : { trouble: down });
      if (stale) source.fail("orders", down);
      else source.alive("orders");
      await becomes(rig, () => expect(serving(orders)).toBe("b/2 b/3 x"));
      expect(orders.current).toMatchObject({ stale, from: "live" });
      await rig.directory.close();
    },
  );
});

describe("the file of several sources of which one is in trouble", () => {
  it("is written where there is none", async () => {
    const only = await start();
    only.a.push("orders", bound(list("1", "2")));
    only.b.fail("orders", down);
    await becomes(only, async () => expect(await written()).toBe("a/1 a/2"));
    await only.directory.close();
  });

  it("follows those that are well, and keeps what was last known of the other one", async () => {
    const both = await start();
    both.a.push("orders", bound(list("1")));
    both.b.push("orders", bound(list("2")));
    await becomes(both, async () => expect(await written()).toBe("a/1 b/2"));
    both.b.fail("orders", down);
    both.a.push("orders", bound(list("3")));
    await becomes(both, async () => expect(await written()).toBe("a/3 b/2"));
    await both.directory.close();
  });

  it("keeps what it has of one that was never heard of, for as long as it may, and its age", async () => {
    await earlier(["1", "2"], ["3"]);
    const savedAt = (await saved())?.savedAt;
    const after = await start({ maxAgeMs: 60_000 });
    after.a.push("orders", bound(list("2", "4")));
    after.b.fail("orders", down);
    await becomes(after, async () => expect(await written()).toBe("a/2 a/4 b/3"));
    expect((await saved())?.savedAt).toBe(savedAt);
    await after.clock.advance(70_000);
    after.a.push("orders", bound(list("2", "5")));
    await becomes(after, async () => expect(await written()).toBe("a/2 a/5"));
    expect((await saved())?.savedAt).toBeGreaterThan(60_000);
    // What is served already is not given up for that.
    expect(serving(after.orders)).toBe("a/2 a/5 b/3");
    await after.directory.close();
  });
});
