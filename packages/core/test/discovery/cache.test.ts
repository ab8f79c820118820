import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { CacheOptions } from "../../src/discovery/combine/cache-options.ts";
import { withCache } from "../../src/discovery/combine/with-cache.ts";
import type { DirectoryOptions } from "../../src/discovery/directory-options.ts";
import type { DiscoverySource } from "../../src/discovery/source.ts";
import { fakeEndpoint, fakeSource } from "../../src/testing/fake-source.ts";
import type { FakeSource, FakeSourceOptions } from "../../src/testing/fake-source.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { bound, ending, list, record, rigFor, serving, untyped } from "./rig.ts";
import type { Rig } from "./rig.ts";

const transient = { class: "transient", message: "refused" } as const;
let base = "";
let directory = "";

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "proxyless-cache-"));
  directory = join(base, "lists");
});
afterEach(async () => {
  await rm(base, { recursive: true, force: true });
});

/** One process: a fake registry that says nothing by itself, with a cache, in a directory of endpoints. */
function start(
  options: Partial<CacheOptions> = {},
  sourceOptions: FakeSourceOptions = {},
  directoryOptions: DirectoryOptions = {},
): Rig & { readonly source: FakeSource } {
  const source = fakeSource({ silent: true, ...sourceOptions });
  const cached = withCache(source, { directory, ...options });
  return { ...rigFor(cached, directoryOptions), source };
}

async function files(): Promise<string[]> {
  const names: string[] = await readdir(directory).catch(() => []);
  return names.toSorted((a, b) => (a < b ? -1 : 1));
}

/** Moves time on and waits until the disk is as it should be: its work is real. */
async function onDisk(rig: Rig, isSo: (content: string) => boolean): Promise<void> {
  await vi.waitFor(
    async () => {
      await rig.clock.advance(1);
      const [first] = await files();
      expect(isSo(first === undefined ? "" : await readFile(join(directory, first), "utf8"))).toBe(true);
    },
    { timeout: 10_000, interval: 5 },
  );
}

/** Waits for what a read of the disk leads to. */
async function seen(test: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(test()).toBe(true), { timeout: 10_000, interval: 2 });
}

/** A process that learned `ids` and ended. */
async function earlier(ids: readonly string[], options: Partial<CacheOptions> = {}): Promise<void> {
  const rig = start(options);
  rig.directory.subscribe("orders");
  rig.source.push("orders", bound(list(...ids), { revision: "7" }));
  await onDisk(rig, (content) => content.includes(`"${ids[0]}"`));
  await rig.directory.close();
}

describe("what is written", () => {
  it("is one JSON file for its owner alone, in a folder for its owner alone", async () => {
    await earlier(["a", "b"]);
    const [name = "", ...others] = await files();
    expect(others).toEqual([]);
    expect(name).toMatch(/^proxyless-orders-[0-9a-f]{16}\.json$/u);
    const path = join(directory, name);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({
      v: 1,
      target: { source: "fake", key: "orders", service: "orders" },
      revision: "7",
      savedAt: expect.any(Number),
      endpoints: [
        { id: "a", port: 8080, health: "healthy" },
        { id: "b", port: 8080, health: "healthy" },
      ],
    });
  });

  it("has no metadata whose key names a secret, and no entry that is no endpoint", async () => {
    const rig = start();
    rig.directory.subscribe("orders");
    const metadata = { team: "x", apiToken: "s3cret", "db-password": "s3cret", Authorization: "s3cret" };
    rig.source.push("orders", bound([fakeEndpoint("a", { metadata }), fakeEndpoint("bad", { port: 0 })]));
    await onDisk(rig, (content) => content.includes('"a"'));
    await rig.directory.close();
    const text = await readFile(join(directory, (await files())[0] ?? ""), "utf8");
    expect(text).not.toContain("s3cret");
    expect(JSON.parse(text).endpoints).toEqual([
      expect.objectContaining({ id: "a", metadata: { team: "x" } }),
    ]);
  });

  it("is written at most once in five seconds, and then the newest list", async () => {
    const rig = start();
    rig.directory.subscribe("orders");
    rig.source.put("orders", list("a"));
    await onDisk(rig, (content) => content.includes('"a"'));
    rig.source.put("orders", list("a", "b"));
    rig.source.put("orders", list("a", "c"));
    await rig.clock.advance(4_900);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await readFile(join(directory, (await files())[0] ?? ""), "utf8")).not.toContain('"c"');
    await rig.clock.advance(200);
    await onDisk(rig, (content) => content.includes('"c"') && !content.includes('"b"'));
    expect(rig.said("discovery.notice")).toEqual([]);
  });

  it.for<[string, object]>([
    ["empty", bound([])],
    ["absent", { kind: "absent", endpoints: [], trust: "authoritative" }],
    ["suspect", bound(list("x"), { trust: "suspect" })],
    ["all nonsense", bound([fakeEndpoint("x", { port: 0 })])],
    ["most of it gone", bound(list("a"))],
  ])("never takes the place of a good list when the answer is %s", async ([, answer]) => {
    await earlier(["a", "b", "c", "d", "e", "f"]);
    const rig = start({ writeEveryMs: 100 });
    rig.directory.subscribe("orders");
    rig.source.push("orders", answer);
    for (let i = 0; i < 5; i++) {
      await rig.clock.advance(5_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await rig.directory.close();
    const text = await readFile(join(directory, (await files())[0] ?? ""), "utf8");
    expect(JSON.parse(text).endpoints).toHaveLength(6);
  });

  it("takes a much shorter list once it has stood for a minute, or was meant", async () => {
    await earlier(["a", "b", "c", "d", "e", "f"]);
    const rig = start();
    rig.directory.subscribe("orders");
    rig.source.put("orders", list("a"));
    await rig.clock.advance(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await rig.clock.advance(61_000);
    await onDisk(rig, (content) => !content.includes('"f"') && content.includes('"a"'));
    await rig.directory.close();
    await earlier(["a", "b", "c", "d", "e", "f"]);
    const other = start();
    other.directory.subscribe("orders");
    other.source.push("orders", bound(list("a"), { explicitRemovals: true }));
    await onDisk(other, (content) => !content.includes('"f"'));
    expect(other.said("discovery.notice")).toEqual([]);
  });

  it("is finished when the mesh closes in the middle of it, and leaves nothing half done", async () => {
    const rig = start();
    rig.directory.subscribe("orders");
    rig.source.put(
      "orders",
      Array.from({ length: 5_000 }, (_, i) => fakeEndpoint(`e${i}`)),
    );
    await rig.clock.advance(1);
    await rig.directory.close();
    expect(await files()).toEqual([expect.stringMatching(/\.json$/u)]);
    const text = await readFile(join(directory, (await files())[0] ?? ""), "utf8");
    expect(JSON.parse(text).endpoints).toHaveLength(5_000);
    expect(rig.clock.pendingTimers).toBe(0);
  });

  it("is not written when it would be too long, which is said", async () => {
    const rig = start({ maxBytes: 1_024 });
    rig.directory.subscribe("orders");
    rig.source.put(
      "orders",
      Array.from({ length: 50 }, (_, i) => fakeEndpoint(`e${i}`)),
    );
    await rig.clock.advance(1);
    await seen(() => rig.said("discovery.notice").length > 0);
    expect(rig.said("discovery.notice")[0]).toMatchObject({
      topic: "cache",
      message: expect.stringContaining("longer than 1024 bytes"),
    });
    await rig.directory.close();
    expect(await files()).toEqual([]);
  });

  it("keeps the folder bounded, and takes away what processes that died left behind", async () => {
    await earlier(["a"]);
    const old = new Date(Date.now() - 7_200_000);
    for (const name of ["proxyless-x-1.json", "proxyless-y-2.json", ".proxyless-z.json.abc.tmp"]) {
      await writeFile(join(directory, name), "x", { mode: 0o600 });
      await utimes(join(directory, name), old, old);
    }
    await writeFile(join(directory, "somebody-elses.txt"), "x");
    const clock = new ManualClock(Date.now());
    const source = fakeSource({ silent: true });
    const rig = rigFor(withCache(source, { directory, maxFiles: 1 }), {}, clock);
    rig.directory.subscribe("orders");
    source.put("orders", list("b"));
    await onDisk({ ...rig, clock }, (content) => content.includes('"b"'));
    await rig.directory.close();
    expect(await files()).toEqual([expect.stringMatching(/^proxyless-orders-/u), "somebody-elses.txt"]);
  });

  it("fails without harm where nobody may write", async () => {
    await writeFile(join(base, "file"), "");
    const rig = start({ directory: join(base, "file", "inside") });
    const orders = rig.directory.subscribe("orders");
    rig.source.put("orders", list("a"));
    await rig.clock.advance(1);
    await seen(() => rig.said("discovery.notice").length > 0);
    expect(rig.said("discovery.notice")[0]).toMatchObject({ message: expect.stringContaining("ENOTDIR") });
    expect(serving(orders)).toBe("a");
    expect(rig.said("discovery.error")).toEqual([]);
  });
});

describe("a cold start", () => {
  it("serves the disk after two seconds, marked everywhere, until the registry answers", async () => {
    await earlier(["a", "b"]);
    const rig = start();
    const orders = rig.directory.subscribe("orders");
    const lines = record(orders);
    const ready = ending(orders.ready());
    rig.source.fail("orders", transient);
    await rig.clock.advance(1_999);
    expect(orders.current.status).toBe("pending");
    await rig.clock.advance(1);
    expect(await ready).toMatchObject({ value: { status: "bound", from: "disk", stale: true } });
    expect(serving(orders)).toBe("a b");
    expect(rig.said("discovery.updated")).toEqual([expect.objectContaining({ from: "disk", added: 2 })]);
    expect(rig.directory.dump()[0]).toMatchObject({ from: "disk", stale: true, status: "bound" });
    rig.source.alive("orders");
    expect(orders.current).toMatchObject({ from: "disk", stale: true });
    rig.source.put("orders", list("a", "b"));
    await rig.clock.advance(20);
    expect(orders.current).toMatchObject({ from: "live", stale: false, version: 1 });
    rig.source.put("orders", list("b", "c"));
    await rig.clock.advance(20);
    expect(lines).toEqual(["bound +a +b", "bound +c -a"]);
    await rig.directory.close();
  });

  it("does not ask the disk when the registry answers in time", async () => {
    await earlier(["a", "b"]);
    const rig = start();
    const orders = rig.directory.subscribe("orders");
    await rig.clock.advance(1_500);
    rig.source.put("orders", list("z"));
    await rig.clock.advance(10_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(serving(orders)).toBe("z");
    expect(rig.said("discovery.notice")).toEqual([]);
  });

  it("protects what the disk knows from an empty first answer, like any other list", async () => {
    await earlier(["a", "b"]);
    const rig = start();
    const orders = rig.directory.subscribe("orders");
    await rig.clock.advance(2_000);
    await seen(() => serving(orders) === "a b");
    rig.source.put("orders", []);
    expect(orders.current).toMatchObject({ from: "held" });
    expect(serving(orders)).toBe("a b");
    await rig.clock.advance(30_000);
    expect(serving(orders)).toBe("");
  });

  it("asks the disk at once when the registry refuses, before anybody fails of it", async () => {
    await earlier(["a"]);
    const rig = start();
    const orders = rig.directory.subscribe("orders");
    const ready = ending(orders.ready());
    rig.source.fail("orders", { class: "auth", message: "403" });
    expect(await ready).toMatchObject({ value: { status: "bound", from: "disk" } });
    expect(rig.said("discovery.error")).toEqual([expect.objectContaining({ class: "auth", serving: 1 })]);
  });

  it("fails clearly without a cache, at once on a refusal and else at the time limit, and recovers by itself", async () => {
    const rig = start();
    const refused = rig.directory.subscribe("users");
    const atOnce = ending(refused.ready());
    rig.source.fail("users", { class: "config", message: "no such namespace" });
    expect(await atOnce).toMatchObject({ error: { code: "ERR_PROXYLESS_DISCOVERY" } });
    const orders = rig.directory.subscribe("orders");
    const ready = ending(orders.ready());
    rig.source.fail("orders", transient);
    await rig.clock.advance(10_000);
    expect(await ready).toMatchObject({
      error: { message: expect.stringContaining("no answer within 10000 ms, last error: refused") },
    });
    rig.source.put("orders", list("a"));
    expect(serving(orders)).toBe("a");
  });

  it("takes away what nobody could confirm for too long, counting the age on the disk", async () => {
    await earlier(["a"]);
    const rig = start({}, {}, { maxStaleMs: 60_000 });
    const orders = rig.directory.subscribe("orders");
    await rig.clock.advance(2_000);
    await seen(() => serving(orders) === "a");
    await rig.clock.advance(60_000);
    expect(orders.current.status).toBe("failed");
    rig.source.put("orders", list("b"));
    expect(orders.current).toMatchObject({ from: "live", stale: false });
  });
});

describe("a file that cannot be used", () => {
  const content = async (): Promise<{ path: string; json: Record<string, unknown> }> => {
    await earlier(["a"]);
    const path = join(directory, (await files())[0] ?? "");
    return { path, json: JSON.parse(await readFile(path, "utf8")) };
  };
  /** What a cold start says of the file. */
  const said = async (options: Partial<CacheOptions> = {}): Promise<unknown> => {
    const rig = start(options);
    const orders = rig.directory.subscribe("orders");
    await rig.clock.advance(2_000);
    await seen(() => rig.said("discovery.notice").length > 0);
    expect(orders.current.status).toBe("pending");
    await rig.directory.close();
    const [first] = rig.said("discovery.notice");
    return first !== undefined && "message" in first && first.message;
  };

  it.for<[string, (json: Record<string, unknown>) => unknown, string]>([
    ["corrupted", () => "{", "no JSON"],
    ["cut short", (json) => JSON.stringify(json).slice(0, -20), "no JSON"],
    ["no object", () => "[]", "no list"],
    ["of another version", (json) => ({ ...json, v: 2 }), "not version 1"],
    [
      "of a foreign target",
      (json) => ({ ...json, target: { source: "fake", key: "k", service: "orders" } }),
      "something else",
    ],
    ["without a date", (json) => ({ ...json, savedAt: "today" }), "no list"],
    ["expired", (json) => ({ ...json, savedAt: -90_000_000 }), "s old"],
    ["of a far future", (json) => ({ ...json, savedAt: 90_000_000 }), "s old"],
    ["of nonsense", (json) => ({ ...json, endpoints: [{ id: 1 }, null] }), "no usable endpoint"],
    [
      "of a metadata address",
      (json) => ({ ...json, endpoints: [{ id: "a", host: "169.254.169.254", port: 80 }] }),
      "no usable endpoint",
    ],
  ])("is one that is %s: it is ignored, and said", async ([, change, reason]) => {
    const { json, path } = await content();
    const changed = change(json);
    await writeFile(path, typeof changed === "string" ? changed : JSON.stringify(changed));
    expect(await said()).toContain(reason);
  });

  it("is one that is too long, is a link, or that others may write", async () => {
    const { path } = await content();
    await writeFile(path, `${await readFile(path, "utf8")}${" ".repeat(2_000)}`);
    expect(await said({ maxBytes: 1_024 })).toContain("longer than 1024 bytes");
    await chmod(path, 0o666);
    expect(await said()).toContain("others may have written it");
    await chmod(path, 0o600);
    await rm(path);
    await writeFile(join(base, "elsewhere"), "{}");
    await symlink(join(base, "elsewhere"), path);
    expect(await said()).toContain("ELOOP");
  });

  it("is in a folder that others may write to", async () => {
    await mkdir(directory);
    await chmod(directory, 0o777);
    expect(await said()).toContain("the directory is not used");
  });

  it("does no harm: the next good list takes its place", async () => {
    const { path } = await content();
    await writeFile(path, "{");
    await earlier(["b"]);
    expect(JSON.parse(await readFile(path, "utf8")).endpoints).toHaveLength(1);
  });
});

describe("what a cache is made of", () => {
  it.for<[string, unknown, string]>([
    ["directory", {}, "a non-empty string"],
    ["directory", { directory: "lists" }, "an absolute path"],
    ["coldStartWaitMs", { directory: "/x", coldStartWaitMs: -1 }, "from 0 to 60000"],
    ["maxAgeMs", { directory: "/x", maxAgeMs: 5 }, "from 1000"],
    ["writeEveryMs", { directory: "/x", writeEveryMs: 1 }, "from 100"],
    ["maxBytes", { directory: "/x", maxBytes: 1 }, "from 1024"],
    ["maxFiles", { directory: "/x", maxFiles: 0 }, "from 1"],
    ["maxage", { directory: "/x", maxage: 1 }, "absent"],
  ])("refuses a bad %s", ([field, options, message]) => {
    const make = (): DiscoverySource => withCache(fakeSource(), untyped(options));
    expect(make).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }));
    expect(make).toThrow(message);
  });

  it("takes the greatest age from the source, and speaks for it in everything else", async () => {
    const source = fakeSource({ emptyHoldMs: 7, debounceMs: 3, cacheMaxAgeMs: 60_000, aliveEveryMs: 500 });
    const cached = withCache(source, { directory });
    expect(cached).toMatchObject({ name: "fake", emptyHoldMs: 7, debounceMs: 3, aliveEveryMs: 500 });
    expect(cached.key({ service: "orders" })).toBe(source.key({ service: "orders" }));
    await cached.close?.();
    expect(source.closed).toBe(1);
  });
});
