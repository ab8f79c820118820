import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createFetch } from "../../../src/client/fetch/create-fetch.ts";
import type { MeshFetch } from "../../../src/client/fetch/fetch-init.ts";
import { Backends, readAll } from "./pool-engine.ts";

interface Echo {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let backends: Backends;
let fetch: MeshFetch;
let received: number;

beforeEach(async () => {
  backends = new Backends();
  fetch = createFetch(backends);
  received = 0;
  await backends.serve("orders", (request, response) => {
    received++;
    void answer(request, response);
  });
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url, headers } = request;
  const body = (await readAll(request)).toString("latin1");
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ method, url, headers, body }));
}

afterEach(async () => {
  await backends[Symbol.asyncDispose]();
});

async function echo(...args: Parameters<MeshFetch>): Promise<Echo> {
  const response = await fetch(...args);
  const body: Echo = JSON.parse(await response.text());
  return body;
}

describe("what is sent", () => {
  test("a bare GET carries the default headers", async () => {
    const { method, url, headers } = await echo("http://orders/a/b?c=d#e");
    expect({ method, url }).toEqual({ method: "GET", url: "/a/b?c=d" });
    expect(headers).toEqual({
      host: "orders",
      connection: "keep-alive",
      accept: "*/*",
      "accept-encoding": "gzip, deflate",
      "user-agent": "proxyless",
    });
  });

  test("defaults give way to what the caller sets", async () => {
    const { headers } = await echo("http://orders/", {
      headers: { Accept: "text/plain", "User-Agent": "me", "accept-encoding": "identity" },
    });
    expect(headers).toMatchObject({
      accept: "text/plain",
      "user-agent": "me",
      "accept-encoding": "identity",
    });
  });

  test.each([
    ["a URL object", new URL("http://orders/x?y=1")],
    ["a Request", new Request("http://orders/x?y=1")],
    ["something with toString", { toString: (): string => "http://orders/x?y=1" }],
  ])("%s works as input", async (_, input) => {
    expect(await Reflect.apply(echo, undefined, [input])).toMatchObject({ method: "GET", url: "/x?y=1" });
  });

  test("a Request of undici's npm package works as input", async () => {
    const { Request: Other } = await import("undici");
    const request = new Other("http://orders/x", { method: "PUT", body: "hello", headers: { "x-a": "1" } });
    const sent: Echo = await Reflect.apply(echo, undefined, [request]);
    expect(sent).toMatchObject({ method: "PUT", body: "hello", headers: { "x-a": "1" } });
  });

  test("init overrides the Request it comes with", async () => {
    const request = new Request("http://orders/x", { method: "POST", body: "old", headers: { "x-a": "1" } });
    const sent = await echo(request, { method: "PUT", body: "new", headers: { "x-b": "2" } });
    expect(sent).toMatchObject({ method: "PUT", body: "new", headers: { "x-b": "2" } });
    expect(sent.headers["x-a"]).toBeUndefined();
    expect(request.bodyUsed).toBe(false);
  });

  test.each([
    ["get", "GET"],
    ["post", "POST"],
    ["Options", "OPTIONS"],
    ["PATCH", "PATCH"],
  ])("method %s goes out as %s", async (method, sent) => {
    expect((await echo("http://orders/", { method })).method).toBe(sent);
  });

  test("headers come from a Headers, pairs or an object, joined where names repeat", async () => {
    const want = { "x-a": "1, 2", cookie: "a=1; b=2" };
    const pairs: [string, string][] = [
      ["X-A", "1"],
      ["x-a", " 2\t"],
      ["cookie", "a=1"],
      ["Cookie", "b=2"],
    ];
    expect((await echo("http://orders/", { headers: pairs })).headers).toMatchObject(want);
    expect((await echo("http://orders/", { headers: new Headers(pairs) })).headers).toMatchObject(want);
    const record = { "X-A": "1", "x-a": "2", cookie: "a=1; b=2" };
    expect((await echo("http://orders/", { headers: record })).headers).toMatchObject(want);
  });

  test("part of a body is asked for without a coding", async () => {
    const { headers } = await echo("http://orders/", { headers: { Range: "bytes=0-1" } });
    expect(headers).toMatchObject({ range: "bytes=0-1", "accept-encoding": "identity" });
  });

  test("headers of the connection are left out", async () => {
    const { headers } = await echo("http://orders/", {
      headers: { host: "evil", connection: "close", "transfer-encoding": "chunked", expect: "100-continue" },
    });
    expect(headers).toMatchObject({ host: "orders", connection: "keep-alive" });
    expect(headers["transfer-encoding"]).toBeUndefined();
    expect(headers.expect).toBeUndefined();
  });

  test("idempotency keys reach the engine as such, as header or option", async () => {
    await echo("http://orders/", { headers: { "Idempotency-Key": "k1" } });
    await echo("http://orders/", {
      mesh: { idempotencyKey: "k2", hashKey: "h", timeoutMs: 9, retry: false },
    });
    expect(backends.engine.requests).toMatchObject([
      { idempotencyKey: "k1" },
      { idempotencyKey: "k2", hashKey: "h", timeoutMs: 9, retry: false },
    ]);
    expect(backends.engine.requests[0]?.headers).not.toContain("idempotency-key");
  });
});

describe("bodies", () => {
  const bytes = new Uint8Array([0, 1, 254, 255]);

  test.each([
    ["a string", "h\u00e4", "text/plain;charset=UTF-8", "h\u00c3\u00a4"],
    [
      "URLSearchParams",
      new URLSearchParams({ a: "1 2" }),
      "application/x-www-form-urlencoded;charset=UTF-8",
      "a=1+2",
    ],
    ["a Blob", new Blob(["xyz"], { type: "text/csv" }), "text/csv", "xyz"],
    ["a Blob without a type", new Blob(["xyz"]), undefined, "xyz"],
    ["bytes", bytes, undefined, "\u0000\u0001\u00fe\u00ff"],
    ["an ArrayBuffer", bytes.buffer, undefined, "\u0000\u0001\u00fe\u00ff"],
    ["a DataView", new DataView(bytes.buffer, 1, 2), undefined, "\u0001\u00fe"],
  ])("%s has its content type and length, and can be sent again", async (_, body, type, text) => {
    const sent = await echo("http://orders/", { method: "POST", body });
    expect(sent.body).toBe(text);
    expect(sent.headers["content-type"]).toBe(type);
    expect(sent.headers["content-length"]).toBe(String(text.length));
    const given = backends.engine.requests[0]?.body;
    expect(typeof given === "object" && given !== null && Symbol.asyncIterator in given).toBe(false);
  });

  test("the caller's content type wins", async () => {
    const { headers } = await echo("http://orders/", {
      method: "POST",
      body: "{}",
      headers: { "Content-Type": "application/json" },
    });
    expect(headers["content-type"]).toBe("application/json");
  });

  test("a form with a file is what another parser reads back", async () => {
    const form = new FormData();
    form.append('na"me\n', "v\nw");
    form.append("file", new File(["\u0000bin"], "ü.bin", { type: "application/x-a" }));
    form.append("file", new Blob(["b"]));
    const sent = await echo("http://orders/", { method: "POST", body: form });
    const type = sent.headers["content-type"] ?? "";
    expect(sent.headers["content-length"]).toBe(String(sent.body.length));
    const parsed = await new Response(Buffer.from(sent.body, "latin1"), {
      headers: { "content-type": type },
    }).formData();
    expect(parsed.get('na"me\r\n')).toBe("v\r\nw");
    const [first, second] = parsed.getAll("file");
    if (!(first instanceof File) || !(second instanceof File)) throw new Error("no files");
    expect([first.name, first.type, await first.text()]).toEqual(["ü.bin", "application/x-a", "\u0000bin"]);
    expect([second.name, second.type, await second.text()]).toEqual([
      "blob",
      "application/octet-stream",
      "b",
    ]);
    expect(backends.engine.requests[0]?.body).toBeTypeOf("function");
  });

  test("streams and async iterables are sent chunk by chunk", async () => {
    async function* chunks(): AsyncGenerator<string | Uint8Array> {
      yield "a";
      yield new Uint8Array([98]);
    }
    for (const body of [ReadableStream.from(chunks()), chunks()]) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      const sent: Echo = await Reflect.apply(echo, undefined, [
        "http://orders/",
        { method: "POST", body, duplex: "half" },
      ]);
      expect(sent).toMatchObject({ body: "ab", headers: { "transfer-encoding": "chunked" } });
    }
  });

  test("a stream goes out with the length its sender knows", async () => {
    const body = new Blob(["abc"]).stream();
    const sent = await echo("http://orders/", {
      method: "POST",
      body,
      duplex: "half",
      headers: { "content-length": "3" },
    });
    expect(sent).toMatchObject({ body: "abc", headers: { "content-length": "3" } });
  });

  test("the body of a Request made from a string can be sent again, and counts as used", async () => {
    const request = new Request("http://orders/", { method: "POST", body: '{"a":1}' });
    const sent = await echo(request);
    expect(sent).toMatchObject({ body: '{"a":1}', headers: { "content-length": "7" } });
    expect(backends.engine.requests[0]?.body).toBeInstanceOf(Uint8Array);
    expect(request.bodyUsed).toBe(true);
  });

  test("the body of a Request made from a slow stream goes on as a stream", async () => {
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a");
      // Longer than a busy machine stands still.
      await new Promise((resolve) => {
        setTimeout(resolve, 300);
      });
      yield Buffer.from("b");
    }
    const request = new Request("http://orders/", {
      method: "POST",
      body: ReadableStream.from(slow()),
      duplex: "half",
    });
    expect(await echo(request)).toMatchObject({ body: "ab", headers: { "transfer-encoding": "chunked" } });
  });

  test("a stream that breaks fails the call", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a");
      throw new Error("disk gone");
    }
    const sent = fetch("http://orders/", {
      method: "POST",
      body: ReadableStream.from(broken()),
      duplex: "half",
    });
    await expect(sent).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_PROXYLESS/) });
  });

  test("a stream that is never sent is cancelled", async () => {
    let reason: unknown;
    const body = new ReadableStream({
      cancel(given) {
        reason = given;
      },
    });
    const sent = fetch("http://nobody/", { method: "POST", body, duplex: "half" });
    await expect(sent).rejects.toMatchObject({ code: "ERR_PROXYLESS_UNKNOWN_SERVICE" });
    expect(reason).toMatchObject({ code: "ERR_PROXYLESS_UNKNOWN_SERVICE" });
  });
});

describe("what is refused", () => {
  test.each([
    ["a header name with a space", { headers: { "a b": "1" } }, "ERR_PROXYLESS_REQUEST"],
    ["a header value with a line break", { headers: { a: "1\r\nx-evil: 1" } }, "ERR_PROXYLESS_REQUEST"],
    ["a header value with a null byte", { headers: { a: "1\u0000" } }, "ERR_PROXYLESS_REQUEST"],
    ["a header value beyond Latin-1", { headers: { a: "\u20ac" } }, "ERR_PROXYLESS_REQUEST"],
    ["a body of no usable kind", { method: "POST", body: { a: 1 } }, "ERR_PROXYLESS_REQUEST"],
    ["integrity", { integrity: "sha256-x" }, "ERR_PROXYLESS_REQUEST"],
    ["a dispatcher", { dispatcher: { dispatch: () => true } }, "ERR_PROXYLESS_REQUEST"],
    ["mesh options that are none", { mesh: 1 }, "ERR_PROXYLESS_REQUEST"],
    ["an idempotency key with a line break", { mesh: { idempotencyKey: "a\nb" } }, "ERR_PROXYLESS_REQUEST"],
    ["a hash key that is no string", { mesh: { hashKey: 1 } }, "ERR_PROXYLESS_REQUEST"],
    ["explain that is no function", { mesh: { explain: "yes" } }, "ERR_PROXYLESS_REQUEST"],
  ])("%s rejects with a ProxylessError and sends nothing", async (_, init, code) => {
    await expect(Reflect.apply(fetch, undefined, ["http://orders/", init])).rejects.toMatchObject({
      name: "ProxylessError",
      code,
    });
    expect(received).toBe(0);
  });

  test.each([
    ["a body with GET", { body: "x" }],
    ["CONNECT", { method: "connect" }],
    ["a method with a space", { method: "GE T" }],
    ["a redirect mode nobody knows", { redirect: "maybe" }],
    ["a signal that is none", { signal: {} }],
    ["headers that are none", { headers: 1 }],
    ["header pairs of three", { headers: [["a", "b", "c"]] }],
    ["an init that is none", "x"],
    ["a stream without duplex", { method: "POST", body: new Blob(["x"]).stream() }],
  ])("%s rejects with a TypeError", async (_, init) => {
    await expect(Reflect.apply(fetch, undefined, ["http://orders/", init])).rejects.toBeInstanceOf(TypeError);
    expect(received).toBe(0);
  });

  test("a body that was used before is a TypeError", async () => {
    const request = new Request("http://orders/", { method: "POST", body: "x" });
    await request.text();
    await expect(fetch(request)).rejects.toBeInstanceOf(TypeError);
    const body = new Blob(["x"]).stream();
    body.getReader();
    await expect(fetch("http://orders/", { method: "POST", body, duplex: "half" })).rejects.toBeInstanceOf(
      TypeError,
    );
  });

  test("a header's value is never in the error", async () => {
    const error: unknown = await fetch("http://orders/", {
      headers: { authorization: "secret\nx" },
    }).catch((cause: unknown) => cause);
    expect(String(error)).toContain("authorization");
    expect(String(error)).not.toContain("secret");
  });

  test("an unknown host is a ProxylessError", async () => {
    await expect(fetch("http://payments/")).rejects.toMatchObject({ code: "ERR_PROXYLESS_UNKNOWN_SERVICE" });
  });
});

describe("hosts that are no service", () => {
  test("go out as they are where that is allowed", async () => {
    backends.allowExternal();
    const origin = await backends.listen((request, response) => {
      response.end(`${request.method} ${request.url} ${request.headers.host}`);
    });
    const response = await fetch(`${origin}/x`, { method: "POST", body: "1" });
    expect(response).toBeInstanceOf(Response);
    expect(await response.text()).toBe(`POST /x ${new URL(origin).host}`);
  });

  test("fail as with Node's fetch", async () => {
    backends.allowExternal();
    const origin = await backends.listen((request) => request.socket.destroy());
    await expect(fetch(origin)).rejects.toMatchObject({
      name: "TypeError",
      message: "fetch failed",
      cause: { code: "UND_ERR_SOCKET" },
    });
  });

  test("can be aborted before and after the head", async () => {
    backends.allowExternal();
    const origin = await backends.listen((request, response) => {
      if (request.url === "/body") response.write("x");
    });
    const reason = new Error("enough");
    const early = AbortSignal.timeout(30);
    const failed: unknown = await fetch(origin, { signal: early }).catch((error: unknown) => error);
    expect(failed).toBe(early.reason);
    const late = new AbortController();
    const response = await fetch(`${origin}/body`, { signal: late.signal });
    late.abort(reason);
    await expect(response.text()).rejects.toBe(reason);
  });

  test("a host about which discovery must be asked waits for the answer", async () => {
    backends.decideLater("late", { kind: "service", service: "orders" });
    expect(await echo("http://late/x")).toMatchObject({ url: "/x" });
    const aborted = new AbortController();
    const sent = fetch("http://late/x", { signal: aborted.signal });
    aborted.abort("no");
    await expect(sent).rejects.toBe("no");
    expect(received).toBe(1);
  });

  test("data: and blob: URLs are answered as ever", async () => {
    const response = await fetch("data:text/plain,hi");
    expect(await response.text()).toBe("hi");
    const url = URL.createObjectURL(new Blob(["there"]));
    expect(await (await fetch(url)).text()).toBe("there");
  });
});
