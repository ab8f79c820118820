import type { IncomingMessage, ServerResponse } from "node:http";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ResponseCache } from "../../../src/engine/around/response-cache.ts";
import { ResponseStore } from "../../../src/engine/around/response-store.ts";
import { EventHub } from "../../../src/event-hub.ts";
import type { CachePolicy } from "../../../src/policies/cache/cache-policy.ts";
import { resolveCache } from "../../../src/policies/cache/resolve-cache.ts";
import { rejection, server } from "../../support/mesh.ts";
import { Caller, Line, StepClock } from "./line.ts";
import { layered } from "./rig.ts";
import type { LayeredMesh } from "./rig.ts";

interface Cached extends LayeredMesh {
  readonly store: ResponseStore;
  /** Requests that the server got, in short. */
  readonly asked: () => string[];
  /** Body, and what the cache says of it. */
  readonly get: (path?: string, headers?: Record<string, string>) => Promise<string>;
  readonly stop: () => Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function cached(answer: Answer, policy: CachePolicy = {}): Promise<Cached> {
  let count = 0;
  const upstream = await server((request, response) => {
    // The server's own date would be the real one.
    response.sendDate = false;
    answer(request, response, ++count);
  });
  const resolved = resolveCache(policy, "cache");
  if (resolved === false) throw new Error("it is off");
  const store = new ResponseStore(resolved, () => Date.now());
  const mesh = layered(
    [upstream.address],
    (inner, scope) => new ResponseCache({ ...scope, policy: resolved, store }, inner),
    { orders: { retry: false } },
  );
  return {
    ...mesh,
    store,
    asked: () =>
      upstream.requests.map(({ headers, method, url }) =>
        [method, url, headers["if-none-match"]].filter((part) => part !== undefined).join(" "),
      ),
    get: async (path = "/x", headers = {}) => {
      const response = await mesh.fetch(`http://orders${path}`, { headers });
      const body = await response.text();
      const age = response.headers.get("age");
      return age === null ? body : `${body}, ${age} s old`;
    },
    stop: () => upstream.close(),
  };
}

const fresh: Answer = (_, response, count) => {
  response.setHeader("cache-control", "max-age=60");
  response.end(`answer ${count}`);
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date("2030-01-01T00:00:00Z") });
});

afterEach(() => {
  vi.useRealTimers();
});

const later = (seconds: number): void => {
  vi.setSystemTime(Date.now() + seconds * 1_000);
};

describe("a cache of responses, over real sockets", () => {
  it("answers what is fresh without asking, and asks again when it is not", async () => {
    const { asked, get, heard } = await cached(fresh);
    expect([await get(), await get()]).toEqual(["answer 1", "answer 1, 0 s old"]);
    later(59);
    expect(await get()).toBe("answer 1, 59 s old");
    later(2);
    expect(await get()).toBe("answer 2");
    expect(asked()).toEqual(["GET /x", "GET /x"]);
    expect(heard("call.cached")).toMatchObject([
      { how: "hit", status: 200, method: "GET", ageMs: 0 },
      { how: "hit", ageMs: 59_000 },
    ]);
  });

  it("serves the typed client and fetch alike", async () => {
    const { asked, client, get } = await cached((_, response, count) => {
      response.setHeader("cache-control", "max-age=60");
      response.setHeader("content-type", "application/json");
      response.end(`{"n":${count}}`);
    });
    const bodies = [await client.GET("/x"), await client.GET("/x")].map(({ data }) => data);
    expect([...bodies, await get("/x", { accept: "application/json" })]).toEqual([
      { n: 1 },
      { n: 1 },
      '{"n":1}, 0 s old',
    ]);
    expect(asked()).toHaveLength(1);
  });

  it.each([
    ["no-store", 2],
    ["no-cache", 2],
    ["max-age=0", 2],
    ["private, max-age=60", 1],
    ["public, max-age=60", 1],
    ["s-maxage=0, max-age=60", 1],
  ])("keeps to cache-control: %s", async (directives, times) => {
    const { asked, get } = await cached((_, response) => {
      response.setHeader("cache-control", directives);
      response.end("x");
    });
    await get();
    await get();
    expect(asked()).toHaveLength(times);
  });

  it("keeps nothing that says nothing of it", async () => {
    const { asked, get } = await cached((_, response) => response.end("x"));
    await get();
    await get();
    expect(asked()).toHaveLength(2);
  });

  it("keeps to what the request says", async () => {
    const { asked, fetch, get } = await cached(fresh);
    await get();
    expect(await get("/x", { "cache-control": "no-cache" })).toBe("answer 2");
    await get("/x", { "cache-control": "no-store" });
    await get("/x", { range: "bytes=0-1" });
    expect(await get("/x", { "cache-control": "max-stale" })).toBe("answer 2, 0 s old");
    const response = await fetch("http://orders/other", { headers: { "cache-control": "only-if-cached" } });
    expect(response.status).toBe(504);
    expect(asked()).toHaveLength(4);
  });

  it("tells variants apart by vary", async () => {
    const { asked, get } = await cached((request, response) => {
      response.setHeader("cache-control", "max-age=60");
      response.setHeader("vary", "accept-language");
      response.end(String(request.headers["accept-language"]));
    });
    const languages = ["de", "fr", "de", "fr"];
    const answers: string[] = [];
    for (const language of languages) answers.push(await get("/x", { "accept-language": language }));
    expect(answers).toEqual(["de", "fr", "de, 0 s old", "fr, 0 s old"]);
    expect(asked()).toHaveLength(2);
  });

  it("asks whether a stale answer still holds, and keeps it for as long again", async () => {
    const { asked, get, heard } = await cached((request, response, count) => {
      response.setHeader("cache-control", "max-age=60");
      response.setHeader("etag", '"v1"');
      if (request.headers["if-none-match"] === '"v1"') response.writeHead(304).end();
      else response.end(`answer ${count}`);
    });
    await get();
    later(59);
    for (let round = 0; round < 3; round++) {
      later(2);
      expect(await get()).toBe("answer 1, 0 s old");
      await expect.poll(() => get()).toBe("answer 1, 0 s old");
      later(59);
      expect(await get()).toBe("answer 1, 59 s old");
    }
    expect(asked()).toEqual(["GET /x", 'GET /x "v1"', 'GET /x "v1"', 'GET /x "v1"']);
    expect(heard("call.cached").map(({ how }) => how)).toEqual(
      Array.from({ length: 3 }, () => ["revalidated", "hit", "hit"]).flat(),
    );
  });

  it("renews by a 304 that says nothing of caching as well", async () => {
    const { asked, get } = await cached((request, response, count) => {
      if (request.headers["if-none-match"] === '"v1"') {
        response.writeHead(304, { etag: '"v1"' }).end();
        return;
      }
      response.setHeader("cache-control", "max-age=60");
      response.setHeader("etag", '"v1"');
      response.end(`answer ${count}`);
    });
    await get();
    later(61);
    expect(await get()).toBe("answer 1, 0 s old");
    await expect.poll(() => get()).toBe("answer 1, 0 s old");
    expect(asked()).toHaveLength(2);
  });

  it("takes the new answer where the old one does not hold any more", async () => {
    const { get } = await cached((_, response, count) => {
      response.setHeader("cache-control", "max-age=60");
      response.setHeader("etag", `"v${count}"`);
      response.end(`answer ${count}`);
    });
    await get();
    later(61);
    expect([await get(), await get()]).toEqual(["answer 2", "answer 2, 0 s old"]);
  });

  it("gives a stale answer at once where it may, and renews it behind that, once", async () => {
    const waiting: ServerResponse[] = [];
    const { asked, get, heard } = await cached((_, response, count) => {
      response.setHeader("cache-control", "max-age=60, stale-while-revalidate=60");
      if (count === 1) response.end("answer 1");
      else waiting.push(response);
    });
    await get();
    later(61);
    expect(await Promise.all([get(), get(), get()])).toEqual(
      Array.from({ length: 3 }, () => "answer 1, 61 s old"),
    );
    await expect.poll(() => waiting.length).toBe(1);
    waiting[0]!.end("answer 2");
    await expect.poll(() => get()).toBe("answer 2, 0 s old");
    expect(asked()).toHaveLength(2);
    expect(heard("call.cached")[0]).toMatchObject({ how: "stale", ageMs: 61_000 });
  });

  it("gives a stale answer instead of an error where it may, also when nobody answers", async () => {
    const { get, heard, stop } = await cached((_, response, count) => {
      if (count > 1) {
        response.writeHead(503).end("down");
        return;
      }
      response.setHeader("cache-control", "max-age=60, stale-if-error=600");
      response.end("answer 1");
    });
    await get();
    later(61);
    expect(await get()).toBe("answer 1, 61 s old");
    await stop();
    expect(await get()).toBe("answer 1, 61 s old");
    later(700);
    expect(await rejection(get())).toMatchObject({ code: "ERR_PROXYLESS_CONNECT" });
    expect(heard("call.cached").map(({ how }) => how)).toEqual(["stale", "stale"]);
  });

  it.each(["POST", "PUT", "PATCH", "DELETE"])(
    "forgets what a successful %s may have changed",
    async (method) => {
      const { fetch, get } = await cached((request, response, count) => {
        response.setHeader("cache-control", "max-age=60");
        if (request.method !== "GET") response.setHeader("location", "/made");
        response.statusCode = request.url === "/refused" && request.method !== "GET" ? 409 : 200;
        response.end(`answer ${count}`);
      });
      const paths = ["/x", "/made", "/refused"];
      for (const path of paths) await get(path);
      for (const path of ["/x", "/refused"]) await (await fetch(`http://orders${path}`, { method })).text();
      expect([await get("/x"), await get("/made"), await get("/refused")]).toEqual([
        "answer 6",
        "answer 7",
        "answer 3, 0 s old",
      ]);
    },
  );

  it("keeps what is one user's from every other, also where the server forgets to say so", async () => {
    const { asked, get } = await cached((request, response) => {
      response.setHeader("cache-control", "max-age=60");
      response.end(`${request.headers.authorization} ${request.headers.cookie}`);
    });
    const users: Record<string, string>[] = [
      { authorization: "Bearer a" },
      { authorization: "Bearer b" },
      { cookie: "s=a" },
      { cookie: "s=b" },
    ];
    const first = await Promise.all(users.map((user) => get("/me", user)));
    expect(first).toEqual(["Bearer a undefined", "Bearer b undefined", "undefined s=a", "undefined s=b"]);
    const second = await Promise.all(users.map((user) => get("/me", user)));
    expect(second).toEqual(first.map((body) => `${body}, 0 s old`));
    expect(asked()).toHaveLength(4);
  });

  it("shares, as a shared cache, only what it is told to of users who authorize themselves", async () => {
    const { asked, get } = await cached(
      (request, response) => {
        response.setHeader("cache-control", request.url === "/public" ? "public, max-age=60" : "max-age=60");
        response.end("x");
      },
      { type: "shared" },
    );
    for (const path of ["/public", "/mine"]) {
      for (const authorization of ["Bearer a", "Bearer b"]) await get(path, { authorization });
    }
    expect(asked()).toEqual(["GET /public", "GET /mine", "GET /mine"]);
  });

  it("ends a call at once for a caller who goes, and keeps nothing half", async () => {
    const waiting: ServerResponse[] = [];
    const { fetch, get, store } = await cached((_, response, count) => {
      response.setHeader("cache-control", "max-age=60, stale-if-error=600");
      if (count > 1) response.end("whole");
      else {
        response.write("half of it");
        waiting.push(response);
      }
    });
    const aborter = new AbortController();
    const response = await fetch("http://orders/x", { signal: aborter.signal });
    aborter.abort(new Error("left"));
    expect(await rejection(response.text())).toMatchObject({ message: "left" });
    await expect.poll(() => waiting[0]?.destroyed).toBe(true);
    expect([store.size, await get(), await get()]).toEqual([0, "whole", "whole, 0 s old"]);
    later(61);
    expect(
      await rejection(fetch("http://orders/x", { signal: AbortSignal.abort(new Error("gone")) })),
    ).toMatchObject({
      message: "gone",
    });
  });

  it("neither keeps nor holds up what is too long, and lets a slow reader set the pace", async () => {
    const big = Buffer.alloc(2_000_000, "x");
    const { fetch, store } = await cached(
      (_, response) => {
        response.setHeader("cache-control", "max-age=60");
        response.end(big);
      },
      { maxEntryBytes: 100_000 },
    );
    const response = await fetch("http://orders/x");
    const reader = response.body!.getReader();
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.byteLength;
    }
    expect([length, store.size]).toEqual([2_000_000, 0]);
  });

  it("gives every caller memory of its own", async () => {
    const { client } = await cached(fresh);
    const bytes = async (): Promise<Uint8Array> => {
      const { data } = await client.GET("/x", { parseAs: "arrayBuffer" });
      return new Uint8Array(data instanceof ArrayBuffer ? data : new ArrayBuffer(0));
    };
    await bytes();
    (await bytes()).fill(0);
    expect(Buffer.from(await bytes()).toString()).toBe("answer 1");
  });

  it("watches changes where nothing is kept, for the routes where something is", async () => {
    const upstream = await server((_, response) => {
      response.sendDate = false;
      response.setHeader("cache-control", "max-age=60");
      response.end("x");
    });
    const policy = resolveCache(true, "cache");
    if (policy === false) throw new Error("it is off");
    const store = new ResponseStore(policy, () => Date.now());
    const { fetch } = layered([upstream.address], (inner, scope) => {
      const [on, off] = [policy, false as const].map(
        (one) => new ResponseCache({ ...scope, policy: one, store }, inner),
      );
      return {
        send: (request, sink) => {
          (request.method === "GET" ? on! : off!).send(request, sink);
        },
      };
    });
    await (await fetch("http://orders/x")).text();
    expect(store.size).toBe(1);
    await (await fetch("http://orders/x", { method: "PUT", body: "new" })).text();
    expect(store.size).toBe(0);
  });
});

describe("a cache of responses, step by step", () => {
  function stepwise(policy: CachePolicy = {}): { line: Line; layer: ResponseCache; store: ResponseStore } {
    const resolved = resolveCache(policy, "cache");
    if (resolved === false) throw new Error("it is off");
    const line = new Line(new StepClock());
    const store = new ResponseStore(resolved, () => Date.now());
    const scope = { service: "orders", route: undefined, totalMs: 10_000, events: new EventHub() };
    return { line, store, layer: new ResponseCache({ ...scope, policy: resolved, store }, line.send) };
  }

  const turn = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(resolve);
    });

  const kept = { "cache-control": "max-age=60, stale-if-error=600" };

  it("does not resume a response that its caller has paused when it gives up keeping it", async () => {
    const { layer, line } = stepwise({ maxEntryBytes: 4 });
    const caller = new Caller();
    caller.isSlow = true;
    layer.send(caller.request, caller.streamed);
    const [sent] = line.sent;
    sent!.head(200, kept);
    expect(sent!.isPaused).toBe(true);
    sent!.data("too long");
    await turn();
    expect(sent!.isPaused).toBe(true);
    caller.isSlow = false;
    caller.control?.resume();
    expect(sent!.isPaused).toBe(false);
    sent!.end();
    expect([caller.body, caller.end]).toEqual(["too long", "answered"]);
  });

  it("shows an old answer to nobody who has gone", async () => {
    const { layer, line } = stepwise();
    const first = new Caller();
    layer.send(first.request, first.whole);
    line.sent[0]!.done(200, kept, "old");
    await turn();
    later(61);
    const [gone, here] = [new Caller(), new Caller()];
    layer.send(gone.request, gone.whole);
    layer.send(here.request, here.whole);
    gone.aborter.abort(new Error("left"));
    line.sent[2]!.fail(new Error("broke"));
    await turn();
    expect([gone.end, gone.error, here.body]).toMatchObject(["failed", { message: "left" }, "old"]);
  });

  it("ends a kept answer in the middle for a caller who goes", async () => {
    const { layer, line } = stepwise();
    const first = new Caller();
    layer.send(first.request, first.streamed);
    line.sent[0]!.done(200, kept, "kept");
    await turn();
    const [gone, left, aborted] = [new Caller(), new Caller(), new Caller()];
    for (const caller of [gone, left]) layer.send(caller.request, caller.streamed);
    gone.aborter.abort(new Error("left"));
    left.leave();
    aborted.aborter.abort(new Error("before"));
    layer.send(aborted.request, aborted.streamed);
    await turn();
    expect([gone.error, gone.body, left.end, left.body, aborted.error]).toMatchObject([
      { message: "left" },
      "",
      "left",
      "",
      { message: "before" },
    ]);
    expect(line.sent).toHaveLength(2);
  });

  it("gives away none of the memory that it keeps", async () => {
    const { layer, line } = stepwise();
    const bodies: string[] = [];
    for (let i = 0; i < 3; i++) {
      layer.send(new Caller().request, {
        mode: "stream",
        head: () => undefined,
        data: (chunk) => {
          bodies.push(chunk.toString());
          chunk.fill("z");
        },
        end: () => undefined,
        fail: () => undefined,
      });
      if (i === 0) line.sent[0]!.done(200, kept, "kept");
      await turn();
    }
    expect([line.sent.length, bodies]).toEqual([1, ["kept", "kept", "kept"]]);
  });

  it("sends a renewal without the caller's signal and time, and forgets it when it fails", async () => {
    const { layer, line } = stepwise();
    const renewable = { "cache-control": "max-age=60, stale-while-revalidate=600" };
    const first = new Caller();
    layer.send(first.request, first.whole);
    line.sent[0]!.done(200, renewable, "old");
    await turn();
    later(61);
    for (let round = 1; round <= 2; round++) {
      const caller = new Caller({ timeoutMs: 5 });
      layer.send(caller.request, caller.whole);
      await turn();
      expect([caller.body, line.sent.length]).toEqual(["old", round + 1]);
      expect(line.sent[round]!.request).toMatchObject({ timeoutMs: 10_000, signal: undefined });
      line.sent[round]!.fail(new Error("broke"));
    }
  });
});
