import { afterEach, describe, expect, it } from "vitest";

import { createTypedClient } from "../../../src/client/typed/client.ts";
import { unwrap } from "../../../src/client/typed/unwrap.ts";
import type { CallEngine } from "../../../src/engine/request.ts";
import { ProxylessError } from "../../../src/errors.ts";
import { echo, startEngine } from "./http-engine.ts";
import type { HttpEngine, Seen } from "./http-engine.ts";
import type { paths } from "./paths.ts";

interface EchoPaths {
  [path: string]: Record<
    "get" | "put" | "post" | "delete" | "options" | "head" | "patch" | "trace",
    {
      parameters: { [place: string]: Record<string, unknown> };
      requestBody?: { content: { "application/json": unknown } };
      responses: { 200: { content: { "application/json": Seen } } };
    }
  >;
}

let engine: HttpEngine | undefined;
afterEach(async () => {
  await engine?.[Symbol.asyncDispose]();
  engine = undefined;
});

/** A call as code without types may make it. */
function loosely(method: (...args: never) => Promise<unknown>, ...args: unknown[]): Promise<unknown> {
  return Reflect.apply(method, undefined, args);
}

describe("a typed call", () => {
  it("fills path, query, headers and cookies and gives what the service answered", async () => {
    engine = await startEngine(echo);
    const client = createTypedClient<EchoPaths>(engine, "orders", {
      baseUrl: "/v1/",
      headers: { "x-a": "1" },
    });
    const { data, error, response } = await client.GET("/orders/{id}", {
      params: {
        path: { id: "a/b" },
        query: { expand: true, tags: ["x", "y"] },
        header: { "X-Tenant": "t" },
        cookie: { session: "s" },
      },
      headers: { "x-b": "2" },
    });
    expect(error).toBeUndefined();
    expect(data).toMatchObject({
      method: "GET",
      url: "/v1/orders/a%2Fb?expand=true&tags=x&tags=y",
      headers: { accept: "application/json", "x-a": "1", "x-b": "2", "x-tenant": "t", cookie: "session=s" },
      body: "",
    });
    expect(data?.headers).not.toHaveProperty("content-type");
    expect(response).toMatchObject({
      status: 200,
      ok: true,
      statusText: "OK",
      url: "http://orders/v1/orders/a%2Fb?expand=true&tags=x&tags=y",
      call: "orders: GET /v1/orders/{id}",
    });
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.header("content-type")).toBe("application/json");
  });

  it("has every method, also taken off the client", async () => {
    engine = await startEngine(echo);
    const { PUT, POST, DELETE, OPTIONS, PATCH, TRACE, HEAD, request } = createTypedClient<EchoPaths>(
      engine,
      "o",
    );
    const seen: (string | undefined)[] = [];
    for (const call of [PUT, POST, DELETE, OPTIONS, PATCH, TRACE]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps the order
      seen.push((await call("/x")).data?.method);
    }
    expect(seen).toEqual(["PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"]);
    expect((await request("patch", "/x")).data?.method).toBe("PATCH");
    expect((await HEAD("/x")).data).toBeUndefined();
    expect(engine.requests.at(-1)?.method).toBe("HEAD");
  });

  it("hands the engine its template and options and shares the header list of calls that add none", async () => {
    engine = await startEngine(echo);
    const client = createTypedClient(engine, "orders");
    const { signal } = new AbortController();
    const retry = { maxAttempts: 2 };
    await client.GET("/a");
    await client.GET("/{b}", {
      params: { path: { b: 1 } },
      signal,
      retry,
      timeoutMs: 500,
      idempotencyKey: "k",
      hashKey: "h",
    });
    const [plain, full] = engine.requests;
    expect(full).toMatchObject({
      template: "/{b}",
      path: "/1",
      retry,
      timeoutMs: 500,
      idempotencyKey: "k",
      hashKey: "h",
    });
    expect(full?.signal).toBe(signal);
    expect(full?.headers).toBe(plain?.headers);
  });

  it("joins its query to one that is part of the path", async () => {
    engine = await startEngine(echo);
    const client = createTypedClient<EchoPaths>(engine, "orders", {
      querySerializer: { array: { explode: false } },
    });
    const first = await client.GET("/x?a=1", { params: { query: { b: [2, 3] } } });
    expect(first.data?.url).toBe("/x?a=1&b=2,3");
    const second = await client.GET("/x", { params: { query: { b: 2 } }, querySerializer: () => "own=1" });
    expect(second.data?.url).toBe("/x?own=1");
  });

  it("puts an answer outside 2xx into error, as JSON or text or, when empty, as its status line", async () => {
    engine = await startEngine((incoming, outgoing) => {
      outgoing.statusCode = Number(incoming.url?.slice(1, 4));
      outgoing.end(incoming.url?.slice(5));
    });
    const client = createTypedClient(engine, "orders");
    const bodies: unknown[] = [];
    for (const path of ["/404/{}", "/500/oops", "/503/", "/302/", "/304/"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other keeps the order
      const { data, error, response } = await client.GET(path.replace("{}", "7"));
      expect(data).toBeUndefined();
      expect(response.ok).toBe(false);
      bodies.push(error);
    }
    expect(bodies).toEqual([7, "oops", "503 Service Unavailable", "302 Found", "304 Not Modified"]);
    const head = await client.HEAD("/404/");
    expect(head.error).toBe("404 Not Found");
  });

  it.each([204, 205])(
    "gives undefined for %d and the empty value of what else was asked for",
    async (status) => {
      engine = await startEngine((_incoming, outgoing) => {
        outgoing.statusCode = status;
        outgoing.end();
      });
      const client = createTypedClient(engine, "orders");
      expect(await client.GET("/x")).toMatchObject({
        data: undefined,
        error: undefined,
        response: { status },
      });
      expect((await client.GET("/x", { parseAs: "text" })).data).toBe("");
      expect((await client.GET("/x", { parseAs: "arrayBuffer" })).data).toHaveProperty("byteLength", 0);
    },
  );

  it("parses as text, bytes or blob, and asks for any type then", async () => {
    engine = await startEngine((incoming, outgoing) => {
      outgoing.setHeader("content-type", "text/plain");
      outgoing.end(`\ufeff${incoming.headers.accept}`);
    });
    const client = createTypedClient(engine, "orders");
    expect((await client.GET("/x", { parseAs: "text" })).data).toBe("*/*");
    const bytes = await client.GET("/x", { parseAs: "arrayBuffer" });
    expect(Buffer.from(bytes.data ?? new ArrayBuffer()).toString()).toBe("\ufeff*/*");
    const blob = await client.GET("/x", { parseAs: "blob" });
    expect(blob.data?.type).toBe("text/plain");
    expect(await blob.data?.text()).toBe("*/*");
  });

  it("puts together an answer that comes in pieces, cut within a character", async () => {
    const json = Buffer.from(JSON.stringify({ name: "Käse" }));
    const at = json.indexOf(0xc3) + 1;
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.write(json.subarray(0, at));
      setImmediate(() => outgoing.end(json.subarray(at)));
    });
    expect((await createTypedClient(engine, "orders").GET("/x")).data).toEqual({ name: "Käse" });
  });

  it("rejects for a body that is not JSON without showing it", async () => {
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.setHeader("content-type", "text/html");
      outgoing.end("<token-hunter2>");
    });
    const failed: unknown = await createTypedClient(engine, "orders")
      .GET("/orders/{id}", {
        params: { path: { id: "secret" } },
      })
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: "ERR_PROXYLESS_DECODE",
      service: "orders",
      message: "orders: GET /orders/{id} answered 200 with a body that is not JSON (15 bytes, text/html)",
    });
    expect(failed).not.toHaveProperty("cause");
  });

  it("keeps every header of the answer, repeated and odd ones too", async () => {
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.setHeader("set-cookie", ["a=1", "b=2"]);
      outgoing.setHeader("x-odd", Buffer.from("Käse").toString("latin1"));
      // As bytes: text would be written together with the head, in its encoding.
      outgoing.end(Buffer.from("{}"));
    });
    const { response } = await createTypedClient(engine, "orders").GET("/x");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(response.header("set-cookie")).toBe("a=1, b=2");
    expect(Buffer.from(response.headers.get("x-odd") ?? "", "latin1").toString()).toBe("Käse");
    expect(response.headers).toBe(response.headers);
  });

  it("rejects with what the engine says when there was no answer", async () => {
    const refused = new ProxylessError("ERR_PROXYLESS_NO_ENDPOINTS", "no endpoint of orders");
    const failing: CallEngine = { send: (_service, _request, sink) => sink.fail(refused) };
    await expect(createTypedClient(failing, "orders").GET("/x")).rejects.toBe(refused);
    await expect(createTypedClient(failing, "orders").GET("/x", { parseAs: "stream" })).rejects.toBe(refused);
  });

  it("rejects with the reason of the caller's signal", async () => {
    engine = await startEngine(() => {});
    const controller = new AbortController();
    const call = createTypedClient(engine, "orders").GET("/x", { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  it("rejects, and never throws, for a request that cannot be written", async () => {
    engine = await startEngine(echo);
    const client = createTypedClient(engine, "orders");
    const calls = [
      client.GET("/orders/{id}"),
      client.GET("orders"),
      client.GET("/x", { headers: { "x-a": "a\r\nb: c" } }),
      client.GET("/x", { idempotencyKey: "a\nb" }),
      client.GET("/x", { idempotencyKey: "" }),
      client.GET("/x", { idempotencyKey: "a", headers: { "Idempotency-Key": "b" } }),
      loosely(client.GET, "/x", { signal: { aborted: false } }),
      loosely(client.GET, undefined),
      loosely(client.GET, "/x", 5),
      loosely(client.GET, "/x", { parseAs: "yaml" }),
      loosely(client.GET, "/x", { headers: "a: b" }),
      loosely(client.request, "connect", "/x"),
      loosely(client.request, undefined, "/x"),
    ];
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ status: "rejected", reason: { code: "ERR_PROXYLESS_REQUEST" } });
    }
    expect(engine.requests).toEqual([]);
  });
});

describe("a typed client", () => {
  it.each([
    [{ baseUrl: "http://orders/v1" }, "baseUrl"],
    [{ baseUrl: "v1" }, "baseUrl"],
    [{ baseUrl: "//v1" }, "baseUrl"],
    [{ baseUrl: "/v1?x=1" }, "baseUrl"],
    [{ baseUrl: "/../v1" }, "baseUrl"],
    [{ headers: { host: "x" } }, "headers"],
    [{ headers: { "x-a": "a\nb" } }, "headers"],
    [{ querySerializer: { array: { style: "csv" } } }, "querySerializer.array.style"],
    [{ querySerializer: { object: { style: "deep" } } }, "querySerializer.object.style"],
    [{ querySerializer: 5 }, "querySerializer"],
    [{ bodySerializer: {} }, "bodySerializer"],
  ])("refuses %j at creation", (options, field) => {
    const silent: CallEngine = { send: () => {} };
    expect(() => {
      // @ts-expect-error -- what a caller without types may do
      createTypedClient(silent, "orders", options);
    }).toThrow(expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field }));
  });
});

describe("unwrap", () => {
  it("gives the data, or throws for an answer outside 2xx without showing its body", async () => {
    engine = await startEngine((incoming, outgoing) => {
      if (incoming.url === "/orders/1") {
        outgoing.end('{"id":"1","total":5}');
        return;
      }
      outgoing.statusCode = 404;
      outgoing.end('{"title":"hunter2"}');
    });
    const client = createTypedClient<paths>(engine, "orders");
    const order = await unwrap(client.GET("/orders/{id}", { params: { path: { id: "1" } } }));
    expect(order.total).toBe(5);
    await expect(unwrap(client.GET("/orders/{id}", { params: { path: { id: "2" } } }))).rejects.toMatchObject(
      {
        code: "ERR_PROXYLESS_STATUS",
        message: "orders: GET /orders/{id} answered 404 Not Found",
        service: "orders",
        cause: { status: 404 },
      },
    );
  });
});
