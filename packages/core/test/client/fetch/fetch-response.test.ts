import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { inspect } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createFetch } from "../../../src/client/fetch/create-fetch.ts";
import type { MeshFetch } from "../../../src/client/fetch/fetch-init.ts";
import { Backends, until } from "./pool-engine.ts";

let backends: Backends;
let fetch: MeshFetch;
let open: ServerResponse | undefined;
let written = 0;

beforeEach(async () => {
  backends = new Backends();
  fetch = createFetch(backends);
  open = undefined;
  written = 0;
  await backends.serve("orders", (request, response) => {
    const status = /^\/status\/(\d+)/.exec(request.url ?? "");
    if (status !== null) {
      response.writeHead(Number(status[1]), "Very Fine");
      response.end(request.url?.endsWith("/body") === true ? "body" : undefined);
    } else if (request.url === "/open") {
      open = response;
      response.write("first,");
    } else if (request.url === "/cookies") {
      response.setHeader("set-cookie", ["a=1; Path=/", "b=2, 3"]);
      response.setHeader("x-many", ["1", "2"]);
      response.setHeader("x-latin", "\u00fc");
      response.end();
    } else if (request.url === "/form") {
      response.setHeader("content-type", "application/x-www-form-urlencoded");
      response.end("a=1&b=2");
    } else if (request.url === "/big") {
      void flood(response);
    } else if (request.url === "/broken") {
      response.write("x");
      setTimeout(() => response.destroy(), 20);
    } else {
      response.setHeader("content-type", "application/json; charset=utf-8");
      response.end('\ufeff{"a":"\u00e4"}');
    }
  });
});

afterEach(async () => {
  await backends[Symbol.asyncDispose]();
});

function flood(response: ServerResponse): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024, "x");
  const chunks = Readable.from(
    (function* chunksOfFlood() {
      for (let sent = 0; sent < 10 * 1024 * 1024; sent += chunk.length) {
        written += chunk.length;
        yield chunk;
      }
    })(),
  );
  return pipeline(chunks, response).catch(() => undefined);
}

describe("the head", () => {
  test("is that of a global Response", async () => {
    const response = await fetch("http://orders/json?x#frag");
    expect(response).toBeInstanceOf(Response);
    expect(response.constructor).toBe(Response);
    expect(Object.prototype.toString.call(response)).toBe("[object Response]");
    expect(response).toMatchObject({
      status: 200,
      ok: true,
      statusText: "OK",
      type: "basic",
      redirected: false,
      url: "http://orders/json?x",
      bodyUsed: false,
    });
    expect(response.headers).toBeInstanceOf(Headers);
    expect(response.headers.get("Content-Type")).toBe("application/json; charset=utf-8");
    expect(response.headers).toBe(response.headers);
  });

  test("has the status text and ok of its status", async () => {
    expect(await fetch("http://orders/status/418")).toMatchObject({
      status: 418,
      ok: false,
      statusText: "Very Fine",
    });
  });

  test("keeps each set-cookie apart and joins other headers", async () => {
    const { headers } = await fetch("http://orders/cookies");
    expect(headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2, 3"]);
    expect(headers.get("x-many")).toBe("1, 2");
    expect(headers.get("x-latin")).toBe("\u00fc");
    expect([...headers.keys()].filter((name) => name === "set-cookie")).toHaveLength(2);
  });

  test("has headers that nobody can change", async () => {
    const { headers } = await fetch("http://orders/json");
    expect(() => headers.set("a", "b")).toThrow(TypeError);
    expect(() => headers.append("a", "b")).toThrow(TypeError);
    expect(() => headers.delete("content-type")).toThrow(TypeError);
    expect(headers.constructor).toBe(Headers);
    expect(new Headers(headers).get("content-type")).toBe("application/json; charset=utf-8");
  });

  test("can make an ordinary response", async () => {
    const response = await fetch("http://orders/json");
    const copy = new Response(response.body, response);
    expect(copy.headers.get("content-type")).toContain("json");
    expect(await copy.json()).toEqual({ a: "\u00e4" });
  });
});

describe("the body, read whole", () => {
  test("json and text drop the byte order mark, bytes keep it", async () => {
    expect(await (await fetch("http://orders/json")).json()).toEqual({ a: "\u00e4" });
    expect(await (await fetch("http://orders/json")).text()).toBe('{"a":"\u00e4"}');
    const bytes = await (await fetch("http://orders/json")).bytes();
    expect(bytes).toBeInstanceOf(Uint8Array);
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    const buffer = await (await fetch("http://orders/json")).arrayBuffer();
    expect(buffer).toBeInstanceOf(ArrayBuffer);
    expect(buffer.byteLength).toBe(bytes.byteLength);
  });

  test("blob and formData know the content type", async () => {
    const blob = await (await fetch("http://orders/json")).blob();
    expect([blob.type, blob.size]).toEqual(["application/json;charset=utf-8", 13]);
    expect([...(await (await fetch("http://orders/form")).formData())]).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
  });

  test("can be read once, whichever way", async () => {
    const readers: ((response: Response) => Promise<unknown>)[] = [
      (r) => r.text(),
      (r) => r.json(),
      (r) => r.bytes(),
      (r) => r.arrayBuffer(),
      (r) => r.blob(),
      (r) => r.formData(),
    ];
    for (const first of readers.slice(0, 5)) {
      for (const second of readers) {
        // eslint-disable-next-line no-await-in-loop -- one after the other
        const response = await fetch("http://orders/json");
        // eslint-disable-next-line no-await-in-loop -- one after the other
        await first(response);
        expect(response.bodyUsed).toBe(true);
        // eslint-disable-next-line no-await-in-loop -- one after the other
        await expect(second(response)).rejects.toBeInstanceOf(TypeError);
        expect(response.body?.locked).toBe(true);
        expect(() => response.clone()).toThrow(TypeError);
      }
    }
  });

  test("is used from the moment reading begins", async () => {
    const response = await fetch("http://orders/open");
    const text = response.text();
    expect(response.bodyUsed).toBe(true);
    await expect(response.text()).rejects.toBeInstanceOf(TypeError);
    await until(() => open !== undefined);
    open?.end("last");
    expect(await text).toBe("first,last");
  });

  test("is seen by every method that reads it, also one that only newer Nodes have", async () => {
    const newer = (response: Response): AsyncIterable<unknown> | undefined => {
      const method: unknown = Reflect.get(response, "textStream");
      return typeof method === "function" ? Reflect.apply(method, response, []) : undefined;
    };
    const response = await fetch("http://orders/json");
    let read = "";
    for await (const part of newer(response) ?? [await response.text()]) read += String(part);
    expect(read).toBe('{"a":"\u00e4"}');
    expect(response.bodyUsed).toBe(true);
  });

  test("is shown by inspect without being used", async () => {
    const response = await fetch("http://orders/json");
    expect(inspect(response)).toMatch(/^Response \{[^]*status: 200,[^]*url: 'http:\/\/orders\/json'/);
    expect(await response.json()).toEqual({ a: "\u00e4" });
  });

  test("that is no JSON rejects with a SyntaxError", async () => {
    await expect((await fetch("http://orders/form")).json()).rejects.toBeInstanceOf(SyntaxError);
    await expect((await fetch("http://orders/status/200")).json()).rejects.toBeInstanceOf(SyntaxError);
  });

  test.each([204, 205, 304])("status %i has none", async (status) => {
    const response = await fetch(`http://orders/status/${status}`);
    expect(response.body).toBeNull();
    expect(await response.text()).toBe("");
    expect(await response.text()).toBe("");
    expect(response.bodyUsed).toBe(false);
    expect(response.clone().body).toBeNull();
  });

  test("an answer to HEAD has none", async () => {
    const response = await fetch("http://orders/json", { method: "HEAD" });
    expect(response.body).toBeNull();
    expect(response.headers.get("content-type")).toContain("json");
  });

  test("an empty one is a body all the same", async () => {
    const response = await fetch("http://orders/status/200");
    expect(response.body).toBeInstanceOf(ReadableStream);
    expect(await response.text()).toBe("");
  });

  test("that breaks off rejects, whether read before or after", async () => {
    const early = await fetch("http://orders/broken");
    await expect(early.text()).rejects.toMatchObject({ code: "ERR_PROXYLESS_RESET" });
    const late = await fetch("http://orders/broken");
    await new Promise((resolve) => {
      setTimeout(resolve, 40);
    });
    await expect(late.text()).rejects.toMatchObject({ code: "ERR_PROXYLESS_RESET" });
    const streamed = await fetch("http://orders/broken");
    const reader = streamed.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("x");
    await expect(reader?.read()).rejects.toMatchObject({ code: "ERR_PROXYLESS_RESET" });
  });
});

describe("the body as a stream", () => {
  test("gives chunks as they come and ends", async () => {
    const response = await fetch("http://orders/open");
    const reader = response.body!.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("first,");
    expect(response.bodyUsed).toBe(true);
    const next = reader.read();
    open?.write("second");
    expect(Buffer.from((await next).value ?? []).toString()).toBe("second");
    const end = reader.read();
    open?.end();
    expect((await end).done).toBe(true);
    await reader.closed;
  });

  test("is a byte stream that reads into the reader's buffer and closes under a waiting read", async () => {
    const response = await fetch("http://orders/open");
    const reader = response.body!.getReader({ mode: "byob" });
    const first = await reader.read(new Uint8Array(4));
    expect(Buffer.from(first.value!).toString()).toBe("firs");
    const second = await reader.read(new Uint8Array(16));
    expect(Buffer.from(second.value!).toString()).toBe("t,");
    const end = reader.read(new Uint8Array(4));
    open?.end();
    expect((await end).done).toBe(true);
  });

  test("can be read by text once it was touched, and not once it was read from", async () => {
    const touched = await fetch("http://orders/json");
    expect(touched.body?.locked).toBe(false);
    expect(touched.bodyUsed).toBe(false);
    expect(await touched.json()).toEqual({ a: "\u00e4" });
    expect(touched.bodyUsed).toBe(true);
    const locked = await fetch("http://orders/json");
    locked.body?.getReader();
    await expect(locked.text()).rejects.toBeInstanceOf(TypeError);
    expect(() => locked.clone()).toThrow(TypeError);
  });

  test("a small one closes as soon as it is read, so that its length ends a pipe", async () => {
    const response = await fetch("http://orders/json");
    const chunks: Uint8Array[] = [];
    await response.body!.pipeTo(
      new WritableStream({
        write(chunk) {
          chunks.push(chunk);
        },
      }),
    );
    expect(Buffer.concat(chunks)).toHaveLength(13);
  });

  test("clones give the same bytes, before and after the end", async () => {
    const response = await fetch("http://orders/open");
    const copy = response.clone();
    const third = copy.clone();
    expect(copy).toMatchObject({ status: 200, url: "http://orders/open" });
    open?.end("last");
    expect(await response.text()).toBe("first,last");
    expect(await copy.text()).toBe("first,last");
    expect(await third.json().catch(() => "no json")).toBe("no json");
  });

  test("stops the sender while nobody reads, and gives all 10 MB to who does", async () => {
    const response = await fetch("http://orders/big");
    await until(() => written > 0);
    let before = -1;
    // Still when the sockets' own buffers are full.
    while (before !== written) {
      before = written;
      // eslint-disable-next-line no-await-in-loop -- waits for stillness
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    expect(written).toBeLessThan(9 * 1024 * 1024);
    let size = 0;
    for await (const chunk of response.body!) size += chunk.byteLength;
    expect(size).toBe(10 * 1024 * 1024);
  });

  test("10 MB read whole arrive whole", async () => {
    const response = await fetch("http://orders/big");
    expect((await response.arrayBuffer()).byteLength).toBe(10 * 1024 * 1024);
  });

  test("cancelling drops the response and its connection", async () => {
    const response = await fetch("http://orders/open");
    await until(() => open !== undefined);
    const closed = once(open!, "close");
    await response.body!.cancel("enough");
    await closed;
    expect(await response.body!.getReader().read()).toEqual({ done: true, value: undefined });
    await until(() => backends.connected("orders") === 0);
  });

  test("leaving a loop early drops it too", async () => {
    const response = await fetch("http://orders/big");
    for await (const chunk of response.body!) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    await until(() => backends.connected("orders") === 0);
  });
});

describe("an answer nobody reads", () => {
  test("gives its connection back by itself when it is small", async () => {
    for (let i = 0; i < 20; i++) {
      // eslint-disable-next-line no-await-in-loop -- more calls than connections
      await fetch("http://orders/json");
    }
    expect(backends.connected("orders")).toBeLessThanOrEqual(4);
  });

  test("gives its connection back when it is collected, itself or its stream", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    await (async () => {
      await fetch("http://orders/big");
      const { body } = await fetch("http://orders/big");
      await body!.getReader().read();
    })();
    expect(backends.connected("orders")).toBe(2);
    await until(() => {
      collect();
      return backends.connected("orders") === 0;
    });
  });

  test("keeps its connection as long as its stream is held or read", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const { body } = await fetch("http://orders/big");
    const whole = (async () => (await fetch("http://orders/big")).arrayBuffer())();
    for (let i = 0; i < 5; i++) {
      collect();
      // eslint-disable-next-line no-await-in-loop -- finalizers run between turns
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    let size = 0;
    for await (const chunk of body!) size += chunk.byteLength;
    expect(size).toBe(10 * 1024 * 1024);
    expect((await whole).byteLength).toBe(10 * 1024 * 1024);
  });
});
