import { once } from "node:events";

import { describe, expect, it } from "vitest";

import { ResponseStore, partitionHeader } from "../../../src/engine/around/response-store.ts";
import type { StoreLimits } from "../../../src/engine/around/response-store.ts";

type Key = Parameters<ResponseStore["get"]>[0];

function storeOf(limits: Partial<StoreLimits> = {}): { store: ResponseStore; time: { now: number } } {
  const time = { now: 0 };
  const all = { maxEntries: 100, maxBytes: 1_000_000, maxEntryBytes: 10_000, ...limits };
  return { store: new ResponseStore(all, () => time.now), time };
}

function keyOf(path: string, headers: Record<string, string> = {}, method = "GET"): Key {
  return { origin: "http://orders", method, path, headers };
}

async function put(store: ResponseStore, key: Key, body: string, over: object = {}): Promise<void> {
  const stream = store.createWriteStream(key, {
    statusCode: 200,
    statusMessage: "OK",
    headers: { "x-id": "1" },
    cachedAt: 0,
    staleAt: 50,
    deleteAt: 100,
    ...over,
  });
  stream.on("error", () => undefined);
  stream.write(Buffer.from(body));
  stream.end();
  await once(stream, "close").catch(() => undefined);
}

const bodyOf = (store: ResponseStore, key: Key): string | undefined => {
  const kept = store.get(key);
  return Array.isArray(kept?.body) ? kept.body.join("") : undefined;
};

describe("a store of responses", () => {
  it("finds what was put, until it is to be deleted", async () => {
    const { store, time } = storeOf();
    await put(store, keyOf("/a"), "a");
    expect([bodyOf(store, keyOf("/a")), bodyOf(store, keyOf("/b")), store.size]).toEqual(["a", undefined, 1]);
    time.now = 100;
    expect([bodyOf(store, keyOf("/a")), store.size, store.bytes]).toEqual([undefined, 0, 0]);
  });

  it("keeps users, methods and variants apart", async () => {
    const { store } = storeOf();
    const alice = { [partitionHeader]: "alice" };
    await put(store, keyOf("/a", alice), "alice's");
    await put(store, keyOf("/a", { accept: "text" }), "text", { vary: { accept: "text" } });
    await put(store, keyOf("/a", { accept: "json" }), "json", { vary: { accept: "json" } });
    await put(store, keyOf("/a", {}, "HEAD"), "");
    expect(
      [alice, { [partitionHeader]: "bob" }, { accept: "json" }, { accept: "text" }, {}].map((headers) =>
        bodyOf(store, keyOf("/a", headers)),
      ),
    ).toEqual(["alice's", undefined, "json", "text", undefined]);
    expect(store.size).toBe(4);
  });

  it("replaces what it has of the same request", async () => {
    const { store } = storeOf();
    await put(store, keyOf("/a"), "old");
    const { bytes } = store;
    await put(store, keyOf("/a"), "new");
    expect([bodyOf(store, keyOf("/a")), store.size, store.bytes]).toEqual(["new", 1, bytes]);
  });

  it("forgets a URL for one user, or after a change for all", async () => {
    const { store } = storeOf();
    const [alice, bob] = ["alice", "bob"].map((name) => ({ [partitionHeader]: name }));
    for (const headers of [alice!, bob!]) await put(store, keyOf("/a", headers), "x");
    await put(store, keyOf("/b"), "b");
    store.delete(keyOf("/a", alice));
    expect([bodyOf(store, keyOf("/a", alice)), bodyOf(store, keyOf("/a", bob))]).toEqual([undefined, "x"]);
    store.delete(keyOf("/a", {}, "POST"));
    expect([bodyOf(store, keyOf("/a", bob)), bodyOf(store, keyOf("/b")), store.size]).toEqual([
      undefined,
      "b",
      1,
    ]);
  });

  it("makes room: what was used longest ago goes first; too much for it is not kept at all", async () => {
    const { store } = storeOf({ maxEntries: 2, maxEntryBytes: 5 });
    await put(store, keyOf("/1"), "1");
    await put(store, keyOf("/2"), "2");
    store.get(keyOf("/1"));
    await put(store, keyOf("/3"), "3");
    await put(store, keyOf("/4"), "123456");
    expect(["/1", "/2", "/3", "/4"].map((path) => bodyOf(store, keyOf(path)))).toEqual([
      "1",
      undefined,
      "3",
      undefined,
    ]);
    const small = storeOf({ maxBytes: 1_200 }).store;
    await put(small, keyOf("/1"), "x".repeat(400));
    await put(small, keyOf("/2"), "x".repeat(400));
    await put(small, keyOf("/3"), "x".repeat(2_000));
    expect([small.size, bodyOf(small, keyOf("/2"))?.length, small.bytes <= 1_200]).toEqual([1, 400, true]);
  });

  it("holds no piece of the memory that it was given", async () => {
    const { store } = storeOf();
    const shared = Buffer.from("abcdef");
    const stream = store.createWriteStream(keyOf("/a"), {
      statusCode: 200,
      statusMessage: "",
      headers: {},
      cachedAt: 0,
      staleAt: 1,
      deleteAt: 1,
    });
    stream.end(shared.subarray(0, 3));
    await once(stream, "finish");
    shared.fill("z");
    expect(bodyOf(store, keyOf("/a"))).toBe("abc");
  });
});
