import { once } from "node:events";
import { createServer } from "node:http";
import { Writable } from "node:stream";
import { buffer, text } from "node:stream/consumers";

import {
  fetch as undiciFetch,
  getGlobalDispatcher,
  interceptors,
  pipeline,
  request,
  setGlobalDispatcher,
  stream,
} from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { portOf, startOrders, tenMegabytes, until } from "./orders.ts";
import type { Orders, Received } from "./orders.ts";

let orders: Orders;

beforeEach(async () => {
  orders = await startOrders(2, "allow");
});

afterEach(async () => {
  await orders[Symbol.asyncDispose]();
});

describe("with { dispatcher }", () => {
  test("request, stream and pipeline are governed", async () => {
    const { dispatcher } = orders.mesh;
    const { statusCode, body } = await request("http://orders/a?b=1", { dispatcher });
    expect(statusCode).toBe(200);
    expect(await body.json()).toMatchObject({ url: "/a?b=1", headers: { host: "orders" } });

    let size = 0;
    await stream("http://orders/flood", { dispatcher, method: "GET" }, () => {
      return new Writable({
        write(chunk: Buffer, _, done) {
          size += chunk.length;
          done();
        },
      });
    });
    expect(size).toBe(tenMegabytes);

    const duplex = pipeline(
      "http://orders/size",
      { dispatcher, method: "POST" },
      (response) => response.body,
    );
    duplex.end(Buffer.alloc(tenMegabytes));
    expect(await text(duplex)).toBe(String(tenMegabytes));
  });

  test("10 MB pass through at the reader's pace", async () => {
    const { dispatcher } = orders.mesh;
    const { body } = await request("http://orders/flood", { dispatcher });
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    expect(await buffer(body)).toHaveLength(tenMegabytes);
  });

  test("interceptors and the dispatcher's own methods work", async () => {
    const { body } = await orders.mesh.dispatcher
      .compose(interceptors.redirect({ maxRedirections: 2 }))
      .request({ origin: "http://orders", path: "/moved", method: "GET" });
    expect(await body.json()).toMatchObject({ url: "/here" });
  });

  test("an abort ends the attempt at its instance", async () => {
    const aborter = new AbortController();
    const sent = request("http://orders/silent", {
      dispatcher: orders.mesh.dispatcher,
      signal: aborter.signal,
    });
    await until(() => orders.count === 1);
    aborter.abort(new Error("enough"));
    await expect(sent).rejects.toThrow("enough");
    await until(() => orders.cut === 1);
  });
});

const fetches: [
  string,
  (url: string, init: object) => Promise<{ json(): Promise<unknown>; text(): Promise<string> }>,
][] = [
  ["undici's fetch", (url, init) => Reflect.apply(undiciFetch, undefined, [url, init])],
  ["the built-in fetch", (url, init) => fetch(url, init)],
];

describe.each(fetches)("%s", (_, anyFetch) => {
  test("is governed by a dispatcher of its own", async () => {
    const { dispatcher } = orders.mesh;
    const response = await anyFetch("http://orders/a", { dispatcher, method: "POST", body: "hello" });
    expect(await response.json()).toMatchObject({ url: "/a", method: "POST", body: "hello" });
    expect(await (await anyFetch("http://orders/zip", { dispatcher })).json()).toEqual({ zipped: true });
    expect((await (await anyFetch("http://orders/flood", { dispatcher })).text()).length).toBe(tenMegabytes);
    expect(await (await anyFetch("http://orders/moved", { dispatcher })).json()).toMatchObject({
      url: "/here",
    });
  });

  test("streams a body up and aborts", async () => {
    const { dispatcher } = orders.mesh;
    const body = new Blob([new Uint8Array(tenMegabytes)]).stream();
    const up = await anyFetch("http://orders/size", { dispatcher, method: "POST", body, duplex: "half" });
    expect(await up.text()).toBe(String(tenMegabytes));
    const aborter = new AbortController();
    const response = await anyFetch("http://orders/drip", { dispatcher, signal: aborter.signal });
    const rest = response.text();
    aborter.abort();
    await expect(rest).rejects.toMatchObject({ name: "AbortError" });
    await until(() => orders.cut === 1);
  });

  test("gets the mesh's error as the cause of its own", async () => {
    await orders.mesh.close();
    await expect(anyFetch("http://orders/a", { dispatcher: orders.mesh.dispatcher })).rejects.toMatchObject({
      cause: { code: "ERR_PROXYLESS_CLOSED" },
    });
  });
});

describe("as the global dispatcher", () => {
  test("governs everything, and lets the rest of the world through", async () => {
    const outside = createServer((incoming, response) => response.end(`outside ${incoming.url}`));
    outside.listen(0, "127.0.0.1");
    await once(outside, "listening");
    const before = getGlobalDispatcher();
    setGlobalDispatcher(orders.mesh.dispatcher);
    try {
      const received = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const one: Received = JSON.parse(await (await fetch("http://orders/x")).text());
          return one;
        }),
      );
      expect(new Set(received.map(({ instance }) => instance)).size).toBe(2);
      expect(await (await undiciFetch("http://orders/x")).json()).toMatchObject({ url: "/x" });
      expect(await (await request("http://orders/x")).body.json()).toMatchObject({ url: "/x" });
      const cookies = (await fetch("http://orders/cookies")).headers.getSetCookie();
      expect(cookies).toEqual(["a=1; Path=/", "b=2"]);
      const origin = `http://127.0.0.1:${portOf(outside)}`;
      expect(await (await fetch(`${origin}/a`)).text()).toBe("outside /a");
      expect(await (await undiciFetch(`${origin}/b`)).text()).toBe("outside /b");
    } finally {
      setGlobalDispatcher(before);
      outside.closeAllConnections();
      outside.close();
    }
  });
});
