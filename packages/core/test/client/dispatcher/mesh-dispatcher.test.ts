import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { inspect } from "node:util";

import {
  FormData as UndiciFormData,
  interceptors,
  pipeline as undiciPipeline,
  request,
  stream,
  upgrade,
} from "undici";
import type { Dispatcher } from "undici";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { MeshDispatcher } from "../../../src/client/dispatcher/mesh-dispatcher.ts";
import { ProxylessError } from "../../../src/errors.ts";
import { Backends, readAll, until } from "../fetch/pool-engine.ts";

interface Echo {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let backends: Backends;
let dispatcher: MeshDispatcher;
let received: number;
let open: ServerResponse[];
let written: number;

beforeEach(async () => {
  backends = new Backends();
  dispatcher = new MeshDispatcher(backends);
  received = 0;
  written = 0;
  open = [];
  await backends.serve("orders", (incoming, response) => {
    received++;
    if (incoming.url === "/open") {
      open.push(response);
      response.write("first,");
    } else if (incoming.url === "/silent") {
      open.push(response);
    } else if (incoming.url === "/trailers") {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("x");
      response.addTrailers({ "x-sum": "42" });
      response.end();
    } else if (incoming.url === "/cookies") {
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      response.end();
    } else if (incoming.url === "/big") {
      void flood(response);
    } else if (incoming.url === "/reset") {
      incoming.socket.destroy();
    } else {
      void answer(incoming, response);
    }
  });
});

afterEach(async () => {
  await backends[Symbol.asyncDispose]();
});

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url, headers } = incoming;
  const body = (await readAll(incoming)).toString("latin1");
  response.end(JSON.stringify({ method, url, headers, body }));
}

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

async function echo(options: object = {}): Promise<Echo> {
  const { body } = await dispatcher.request({
    origin: "http://orders",
    path: "/",
    method: "GET",
    ...options,
  });
  const echoed: Echo = JSON.parse(await body.text());
  return echoed;
}

/** A handler that writes down what it hears. */
class Recorder {
  readonly heard: string[] = [];
  controller: Dispatcher.DispatchController | undefined;
  error: unknown;
  body = "";
  readonly #on: Partial<Record<string, (controller: Dispatcher.DispatchController) => void>>;

  constructor(on: Partial<Record<string, (controller: Dispatcher.DispatchController) => void>> = {}) {
    this.#on = on;
  }
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    this.#hear("start", controller);
  }
  onResponseStarted(): void {
    this.heard.push("started");
  }
  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#hear(`head ${status}`, controller);
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.body += chunk.toString();
    this.#hear("data", controller);
  }
  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#hear("end", controller);
  }
  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    this.error = error;
    this.heard.push("error");
  }
  #hear(what: string, controller: Dispatcher.DispatchController): void {
    this.heard.push(what);
    this.#on[what]?.(controller);
  }
  get over(): boolean {
    return this.heard.includes("end") || this.heard.includes("error");
  }
}

function dispatch(handler: object, options: object = {}): unknown {
  const given = { origin: "http://orders", path: "/", method: "GET", ...options };
  const target: { dispatch(options: object, handler: object): boolean } = dispatcher;
  return target.dispatch(given, handler);
}

describe("undici's own functions", () => {
  test("request works with a URL, and gives status, headers and trailers", async () => {
    const { statusCode, statusText, headers, body, trailers } = await request("http://orders/trailers", {
      dispatcher,
    });
    expect({ statusCode, statusText }).toEqual({ statusCode: 200, statusText: "OK" });
    expect(headers["transfer-encoding"]).toBe("chunked");
    expect(await body.text()).toBe("x");
    expect(trailers).toEqual({ "x-sum": "42" });
  });

  test("request gives raw headers where asked", async () => {
    const { headers, body } = await dispatcher.request({
      origin: "http://orders",
      path: "/cookies",
      method: "GET",
      responseHeaders: "raw",
    });
    await body.dump();
    expect(headers).toEqual(expect.arrayContaining(["set-cookie", "a=1", "b=2"]));
  });

  test("stream writes into what its factory makes", async () => {
    const chunks: Buffer[] = [];
    const { Writable } = await import("node:stream");
    await stream("http://orders/big", { method: "GET", dispatcher }, () => {
      return new Writable({
        write(chunk: Buffer, _, done) {
          chunks.push(chunk);
          setImmediate(done);
        },
      });
    });
    expect(Buffer.concat(chunks)).toHaveLength(10 * 1024 * 1024);
  });

  test("pipeline sends and receives", async () => {
    const duplex = undiciPipeline("http://orders/", { method: "POST", dispatcher }, ({ body }) => body);
    duplex.end("hello");
    expect(JSON.parse(await text(duplex))).toMatchObject({ method: "POST", body: "hello" });
  });

  test("compose runs interceptors, redirects and retries among them", async () => {
    const seen: string[] = [];
    const composed = dispatcher.compose(interceptors.redirect(), (next) => (options, handler) => {
      seen.push(`${options.method} ${options.path}`);
      return next(options, handler);
    });
    const { body } = await composed.request({ origin: "http://orders", path: "/x", method: "GET" });
    await body.dump();
    expect(seen).toEqual(["GET /x"]);
  });

  test("an abort signal of request is obeyed before, during the wait and in the body", async () => {
    const get = (path: string, signal: AbortSignal): ReturnType<typeof request> =>
      request(`http://orders${path}`, { dispatcher, signal });
    await expect(get("/", AbortSignal.abort("early"))).rejects.toBe("early");
    expect(received).toBe(0);
    const waiting = new AbortController();
    const sent = get("/silent", waiting.signal);
    await until(() => open.length === 1);
    const closed = once(open[0]!, "close");
    waiting.abort(new Error("waited"));
    await expect(sent).rejects.toThrow("waited");
    await closed;
    const reading = new AbortController();
    const { body } = await get("/open", reading.signal);
    const rest = body.text();
    reading.abort(new Error("read"));
    await expect(rest).rejects.toThrow("read");
    await until(() => backends.connected("orders") === 0);
  });

  test("destroying the body drops the response", async () => {
    const { body } = await request("http://orders/open", { dispatcher });
    body.on("error", () => undefined);
    body.destroy();
    await until(() => backends.connected("orders") === 0);
    expect(body.destroyed).toBe(true);
  });

  test("a body nobody reads stops the sender", async () => {
    const { body } = await request("http://orders/big", { dispatcher });
    await until(() => written > 0);
    let before = -1;
    while (before !== written) {
      before = written;
      // eslint-disable-next-line no-await-in-loop -- waits for stillness
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    expect(written).toBeLessThan(9 * 1024 * 1024);
    expect(await buffer(body)).toHaveLength(10 * 1024 * 1024);
  });
});

describe("options", () => {
  test("origin may be a URL, path absolute, query an object", async () => {
    expect(
      await echo({ origin: new URL("http://orders"), path: "/a", query: { b: [1, 2], c: "d e" } }),
    ).toMatchObject({
      url: "/a?b=1&b=2&c=d%20e",
    });
    expect((await echo({ path: "http://orders/abs?x" })).url).toBe("/abs?x");
  });

  test.each([
    ["an object", { "X-A": "1", b: ["2", "3"], none: undefined }],
    ["a flat array", ["X-A", "1", "b", "2", "b", "3"]],
    ["bytes in a flat array", [Buffer.from("X-A"), Buffer.from("1"), "b", "2, 3"]],
    ["an array in a flat array", ["X-A", "1", "b", ["2", "3"]]],
    [
      "a Map",
      new Map([
        ["X-A", "1"],
        ["b", "2, 3"],
      ]),
    ],
    [
      "a Headers",
      new Headers([
        ["X-A", "1"],
        ["b", "2"],
        ["b", "3"],
      ]),
    ],
  ])("headers may be %s", async (_, headers) => {
    const { headers: sent } = await echo({ headers });
    expect(sent).toMatchObject({ "x-a": "1", b: "2, 3", host: "orders" });
  });

  test.each([
    ["a string", (): unknown => "data", "4"],
    ["a Buffer", (): unknown => Buffer.from("data"), "4"],
    ["a DataView", (): unknown => new DataView(Buffer.from("data").buffer.slice(0, 0)), "0"],
    ["a Blob", (): unknown => new Blob(["data"]), "4"],
    ["a Readable", (): unknown => Readable.from(["da", Buffer.from("ta")]), undefined],
    ["an iterable", (): unknown => new Set(["da", "ta"]), undefined],
    ["a web stream", (): unknown => new Blob(["data"]).stream(), undefined],
  ])("the body may be %s", async (_, body, length) => {
    const options: object = { method: "POST", body: body() };
    const sent = await echo(options);
    expect(sent.body).toBe(length === "0" ? "" : "data");
    expect(sent.headers["content-length"]).toBe(length);
  });

  test("a form of undici is sent as a form", async () => {
    const form = new UndiciFormData();
    form.set("a", "b");
    const { headers, body } = await echo({ method: "POST", body: form });
    expect(headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(body).toContain('name="a"\r\n\r\nb\r\n');
  });

  test("10 MB go up", async () => {
    const chunk = Buffer.alloc(64 * 1024, "y");
    const body = Readable.from(Array.from({ length: 160 }, () => chunk));
    expect((await echo({ method: "POST", body })).body).toHaveLength(10 * 1024 * 1024);
  });

  test("idempotent vouches for the call, and the key header is taken as such", async () => {
    await echo({ method: "POST", idempotent: true, headers: { "Idempotency-Key": "k" } });
    expect(backends.engine.requests).toMatchObject([{ retry: { idempotent: true }, idempotencyKey: "k" }]);
  });

  test.each([
    ["no origin", { origin: undefined }],
    ["an origin that is none", { origin: "orders" }],
    ["another scheme", { origin: "ftp://orders" }],
    ["a path without a slash", { path: "x" }],
    ["a path with a space", { path: "/a b" }],
    ["a path with a line break", { path: "/a\r\nx: y" }],
    ["a query twice", { path: "/a?b", query: { c: 1 } }],
    ["a method with a space", { method: "GE T" }],
    ["CONNECT", { method: "CONNECT" }],
    ["an upgrade", { upgrade: "websocket" }],
    ["a header with a line break", { headers: { a: "1\r\nb: 2" } }],
    ["a header that is an object", { headers: { a: {} } }],
    ["an odd array of headers", { headers: ["a"] }],
    ["headers that are none", { headers: 1 }],
    ["a body of no usable kind", { method: "POST", body: 1 }],
  ])("%s reaches the handler as a ProxylessError and sends nothing", (_, options) => {
    const handler = new Recorder();
    expect(dispatch(handler, options)).toBe(true);
    expect(handler.error).toMatchObject({ name: "ProxylessError", code: "ERR_PROXYLESS_REQUEST" });
    expect(handler.heard).toEqual(["error"]);
    expect(received).toBe(0);
  });

  test("a handler that is none throws", () => {
    expect(() => dispatch({})).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_REQUEST" }));
  });

  test("an error shows neither query nor password", async () => {
    for (const options of [
      { path: "/x?token=secret y" },
      { path: "x#secret" },
      { path: "http://me:secret@orders/x y" },
      { origin: "ftp://me:secret@orders/?token=secret" },
      { origin: "http://me:sec/secret@or ders/" },
    ]) {
      const handler = new Recorder();
      dispatch(handler, options);
      expect(handler.error).toMatchObject({ code: "ERR_PROXYLESS_REQUEST" });
      expect(inspect(handler.error)).not.toContain("secret");
    }
  });

  test("a body stream that breaks before it is read fails its call and nothing else", async () => {
    backends.decideLater("late", { kind: "service", service: "orders" });
    const body = createReadStream("/does/not/exist");
    await expect(request("http://late/", { dispatcher, method: "POST", body })).rejects.toThrow("ENOENT");
    const again = createReadStream("/does/not/exist");
    await expect(request("http://orders/", { dispatcher, method: "POST", body: again })).rejects.toThrow(
      "ENOENT",
    );
  });

  test("a body stream is destroyed when nothing will read it", async () => {
    const body = Readable.from(["x"]);
    const sent = request("http://nobody/", { dispatcher, method: "POST", body });
    await expect(sent).rejects.toMatchObject({ code: "ERR_PROXYLESS_UNKNOWN_SERVICE" });
    expect(body.destroyed).toBe(true);
  });
});

describe("the handler", () => {
  test("can abort while discovery is asked, and hears nothing more", async () => {
    backends.decideLater("late", { kind: "service", service: "orders" });
    const handler = new Recorder();
    dispatch(handler, { origin: "http://late" });
    expect(handler.heard).toEqual(["start"]);
    handler.controller?.abort(new Error("never mind"));
    await until(() => handler.over);
    await dispatcher.close();
    expect(handler.heard).toEqual(["start", "error"]);
    expect(handler.error).toMatchObject({ message: "never mind" });
    expect(received).toBe(0);
  });

  test("starts once although discovery was asked first", async () => {
    backends.decideLater("late", { kind: "service", service: "orders" });
    const handler = new Recorder();
    dispatch(handler, { origin: "http://late" });
    await until(() => handler.over);
    expect(handler.heard).toEqual(["start", "started", "head 200", "data", "end"]);
  });

  test("hears everything in order, once", async () => {
    const handler = new Recorder();
    dispatch(handler);
    await until(() => handler.over);
    expect(handler.heard).toEqual(["start", "started", "head 200", "data", "end"]);
    expect(handler.controller).toMatchObject({ aborted: false, paused: false, reason: null });
    expect(handler.controller?.rawHeaders).toEqual(expect.arrayContaining([Buffer.from("date")]));
  });

  test("hears of trouble", async () => {
    const handler = new Recorder();
    dispatch(handler, { path: "/reset" });
    await until(() => handler.over);
    expect(handler.heard).toEqual(["start", "error"]);
    expect(handler.error).toMatchObject({ code: "ERR_PROXYLESS_RESET" });
  });

  test.each(["start", "head 200", "data"])(
    "may abort at %s and hears nothing but the error",
    async (phase) => {
      const reason = new Error("enough");
      const handler = new Recorder({ [phase]: (controller) => controller.abort(reason) });
      dispatch(handler, { path: "/open" });
      await until(() => handler.over);
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
      expect(handler.heard.slice(-2)).toEqual([phase, "error"]);
      expect(handler.error).toBe(reason);
      expect(handler.controller).toMatchObject({ aborted: true, reason });
      expect(received).toBe(phase === "start" ? 0 : 1);
      await until(() => backends.connected("orders") === 0);
    },
  );

  test.each(["start", "head 200", "data"])("that throws at %s ends its own call only", async (phase) => {
    const reason = new Error("bug");
    const handler = new Recorder({
      [phase]: () => {
        throw reason;
      },
    });
    dispatch(handler, { path: "/open" });
    await until(() => handler.over);
    expect(handler.error).toBe(reason);
    expect((await echo()).method).toBe("GET");
  });

  test("may pause at the start, or at any time, and resume", async () => {
    const handler = new Recorder({ start: (controller) => controller.pause() });
    dispatch(handler);
    await until(() => handler.heard.includes("head 200"));
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(handler.body).toBe("");
    expect(handler.controller?.paused).toBe(true);
    handler.controller?.resume();
    await until(() => handler.over);
    expect(handler.body).toContain('"method":"GET"');
  });

  test("of undici 6 and 7 is understood", async () => {
    const heard: unknown[] = [];
    let resume: (() => void) | undefined;
    dispatch(
      {
        onConnect: (abort: unknown) => heard.push(typeof abort),
        onHeaders: (status: number, headers: Buffer[], resumeIt: () => void, statusText: string) => {
          resume = resumeIt;
          heard.push(
            status,
            statusText,
            headers.map(String).filter((item) => /^[ab]=/.test(item)),
          );
          return false;
        },
        onData: (chunk: Buffer) => heard.push(chunk.toString()) > 0,
        onComplete: (trailers: Buffer[]) => heard.push("end", trailers.map(String)),
        onError: (error: unknown) => heard.push(error),
      },
      { path: "/cookies" },
    );
    await until(() => resume !== undefined);
    expect(heard).toEqual(["function", 200, "OK", ["a=1", "b=2"]]);
    resume?.();
    await until(() => heard.includes("end"));
    expect(heard.slice(4)).toEqual(["end", []]);
  });

  test("of undici 6 and 7 may abort", async () => {
    const errors: unknown[] = [];
    dispatch({ onConnect: (abort: () => void) => abort(), onError: (error: unknown) => errors.push(error) });
    expect(errors).toEqual([expect.objectContaining({ name: "AbortError" })]);
    expect(received).toBe(0);
  });
});

describe("hosts that are no service", () => {
  test("are refused, or go out as they are with handlers of either kind", async () => {
    const origin = await backends.listen((_, response) => response.end("outside"));
    await expect(request(origin, { dispatcher })).rejects.toMatchObject({
      code: "ERR_PROXYLESS_UNKNOWN_SERVICE",
    });
    backends.allowExternal();
    const { body } = await request(origin, { dispatcher });
    expect(await body.text()).toBe("outside");
    let old = "";
    dispatch(
      {
        onConnect: () => undefined,
        onHeaders: () => true,
        onData: (chunk: Buffer) => (old += chunk.toString()) !== "",
        onComplete: () => undefined,
        onError: () => undefined,
      },
      { origin },
    );
    await until(() => old === "outside");
  });

  test("can be upgraded", async () => {
    backends.allowExternal();
    const server = await backends.listenUpgrade();
    const { socket, headers } = await upgrade(server, { dispatcher, protocol: "echo" });
    expect(headers["upgrade"]).toBe("echo");
    socket.end("over");
    expect(await text(socket)).toBe("over");
  });

  test("a host about which discovery must be asked waits for the answer", async () => {
    backends.decideLater("late", { kind: "service", service: "orders" });
    const { body } = await request("http://late/x", { dispatcher });
    expect(await body.json()).toMatchObject({ url: "/x" });
    const origin = await backends.listen((_, response) => response.end("outside"));
    backends.decideLater(new URL(origin).host, { kind: "external" });
    expect(await (await request(origin, { dispatcher })).body.text()).toBe("outside");
    const error = new ProxylessError("ERR_PROXYLESS_UNKNOWN_SERVICE", "no such thing");
    backends.decideLater("never", { kind: "refused", error });
    await expect(request("http://never/", { dispatcher })).rejects.toBe(error);
  });
});

describe("the end", () => {
  test("close refuses new requests and waits for those in flight", async () => {
    const { body } = await request("http://orders/open", { dispatcher });
    let done = false;
    const closed = dispatcher.close().then(() => (done = true));
    await expect(request("http://orders/", { dispatcher })).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CLOSED",
    });
    expect(done).toBe(false);
    open[0]?.end();
    expect(await body.text()).toBe("first,");
    await closed;
    expect(dispatcher).toMatchObject({ closed: true, destroyed: false });
    await dispatcher.close();
  });

  test("destroy aborts those in flight, with the error given", async () => {
    const error = new Error("over");
    const sent = request("http://orders/silent", { dispatcher });
    await until(() => open.length === 1);
    const destroyed = dispatcher.destroy(error);
    await expect(sent).rejects.toBe(error);
    await destroyed;
    expect(dispatcher.destroyed).toBe(true);
  });

  test("callbacks work too", async () => {
    await new Promise<void>((resolve) => {
      dispatcher.close(resolve);
    });
    await new Promise<void>((resolve) => {
      dispatcher.destroy(null, resolve);
    });
    await new Promise<void>((resolve) => {
      dispatcher.destroy(resolve);
    });
    expect(dispatcher.closed).toBe(true);
  });
});
