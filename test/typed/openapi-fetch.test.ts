import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import createClient from "openapi-fetch";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";

import type { LooseInit } from "../../packages/core/src/client/typed/client-types.ts";
import { createTypedClient } from "../../packages/core/src/client/typed/client.ts";
import { echo, HttpEngine } from "../../packages/core/test/client/typed/http-engine.ts";
import type { paths } from "../../packages/core/test/client/typed/paths.ts";

const server = createServer(echo);
let engine: HttpEngine;
let origin = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  origin = `http://127.0.0.1:${address.port}`;
  engine = new HttpEngine(origin, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

interface Loose {
  request: (method: string, path: string, init: object) => Promise<{ data?: unknown }>;
}

/** What both clients sent, as a server decodes it. */
function decoded(data: unknown): object {
  const seen: { method?: string; url?: string; headers?: Record<string, string>; body?: string } =
    Object(data);
  const url = new URL(seen.url ?? "", "http://x");
  return {
    method: seen.method,
    path: decodeURIComponent(url.pathname),
    query: [...url.searchParams],
    type: seen.headers?.["content-type"],
    own: seen.headers?.["x-own"],
    body: seen.body,
  };
}

describe("the calling convention of openapi-fetch", () => {
  it.each<[string, string, LooseInit]>([
    ["get", "/orders", {}],
    ["get", "/orders/{id}", { params: { path: { id: "a/b ü" } } }],
    ["get", "/orders/{id}", { params: { path: { id: [1, 2] } } }],
    ["get", "/orders/{id*}", { params: { path: { id: { a: 1, b: 2 } } } }],
    ["get", "/x{.id*}", { params: { path: { id: [1, 2] } } }],
    ["get", "/x{;id*}", { params: { path: { id: [1, 2] } } }],
    ["get", "/x{;id}", { params: { path: { id: { a: 1 } } } }],
    ["get", "/orders", { params: { query: { page: 2, q: "a b&c=d+e", on: true, no: null } } }],
    ["get", "/orders", { params: { query: { tags: ["x", "y z"], filter: { a: 1, b: "c d" }, empty: [] } } }],
    [
      "get",
      "/orders",
      { params: { query: { a: [1, 2] } }, querySerializer: { array: { style: "form", explode: false } } },
    ],
    [
      "get",
      "/orders",
      {
        params: { query: { a: [1, 2], b: { c: 1 } } },
        querySerializer: {
          array: { style: "pipeDelimited", explode: false },
          object: { style: "form", explode: true },
        },
      },
    ],
    ["get", "/orders", { params: { query: { a: 1 } }, querySerializer: () => "own=1" }],
    ["get", "/orders", { headers: { "x-own": "1" }, params: { header: { "x-own": "2" } } }],
    ["post", "/orders", { body: { total: 1, list: [1, null] } }],
    ["post", "/orders", { body: null }],
    ["post", "/orders", { body: 5 }],
    [
      "put",
      "/orders",
      { body: { a: "1 2" }, headers: { "Content-Type": "application/x-www-form-urlencoded" } },
    ],
    ["put", "/orders", { body: 1, bodySerializer: () => "own" }],
    ["patch", "/orders", { body: { a: 1 }, headers: { "Content-Type": "application/merge-patch+json" } }],
    ["delete", "/orders", {}],
  ])("sends the same %s %s with %j", async (method, path, init) => {
    const theirs: Loose = Object(createClient({ baseUrl: origin }));
    const ours: Loose = Object(createTypedClient(engine, "orders"));
    const expected = decoded((await theirs.request(method, path, init)).data);
    expect(decoded((await ours.request(method, path, init)).data)).toEqual(expected);
    expect(expected).toHaveProperty("method", method.toUpperCase());
  });

  it("infers the same data from the same paths", () => {
    const ours = createTypedClient<paths>(engine, "orders");
    const theirs = createClient<paths>({ baseUrl: origin });
    const compiled = async (): Promise<void> => {
      const a = await ours.GET("/orders", { params: { query: { page: 1, filter: { min: 1 } } } });
      const b = await theirs.GET("/orders", { params: { query: { page: 1, filter: { min: 1 } } } });
      expectTypeOf(a.data).toEqualTypeOf(b.data);
      const c = await ours.POST("/orders", { body: { total: 1 } });
      const d = await theirs.POST("/orders", { body: { total: 1 } });
      expectTypeOf(c.data).toEqualTypeOf(d.data);
      const e = await ours.GET("/orders", { parseAs: "text" });
      const f = await theirs.GET("/orders", { parseAs: "text" });
      expectTypeOf(e.data).toEqualTypeOf(f.data);
      const g = await ours.POST("/users", { body: { name: "a", password: "b" } });
      const h = await theirs.POST("/users", { body: { name: "a", password: "b" } });
      expectTypeOf(g.data).toEqualTypeOf(h.data);
    };
    expect(compiled).toBeTypeOf("function");
  });
});
