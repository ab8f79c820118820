import { describe, expect, expectTypeOf, it } from "vitest";

import type { TypedClient } from "../../../src/client/typed/client-types.ts";
import { createTypedClient } from "../../../src/client/typed/client.ts";
import type { AnyPaths } from "../../../src/client/typed/openapi-types.ts";
import type { CallEngine } from "../../../src/engine/request.ts";
import type { Seen } from "./http-engine.ts";
import type { Order, paths, Problem } from "./paths.ts";

/** Never answers: these tests are about types, and the calls in them are compiled and not made. */
const silent: CallEngine = { send: () => {} };
const orders = createTypedClient<paths>(silent, "orders");
const untyped = createTypedClient(silent, "orders");

describe("the types of a typed client", () => {
  it("give data from 2xx and error from everything else", () => {
    const compiled = async (): Promise<void> => {
      const list = await orders.GET("/orders");
      expectTypeOf(list.data).toEqualTypeOf<Order[] | undefined>();
      expectTypeOf(list.error).toEqualTypeOf<Problem | undefined>();
      if (list.error === undefined) expectTypeOf(list.data).toEqualTypeOf<Order[]>();
      else expectTypeOf(list.error).toEqualTypeOf<Problem>();

      const { data, error } = await orders.GET("/orders/{id}", { params: { path: { id: "1" } } });
      if (error) throw new Error(error.title);
      expectTypeOf(data).toEqualTypeOf<Order>();

      const { data: created, error: refused } = await orders.POST("/orders", { body: { total: 1 } });
      if (refused === undefined) expectTypeOf(created).toEqualTypeOf<Order>();
      else expectTypeOf(refused).toEqualTypeOf<{ field: string } | string>();

      const found = await orders.GET("/search", { params: { query: { q: "x" } } });
      expectTypeOf(found.data).toEqualTypeOf<string[] | undefined>();
      expectTypeOf(found.error).toEqualTypeOf<Problem | undefined>();
    };
    expect(compiled).toBeTypeOf("function");
  });

  it("give undefined for 204, a status line for an error without content and unknown where none is declared", () => {
    const compiled = async (): Promise<void> => {
      const gone = await orders.DELETE("/orders/{id}", {
        params: { path: { id: "1" }, header: { "if-match": "a" } },
      });
      expectTypeOf(gone.data).toEqualTypeOf<undefined>();
      expectTypeOf(gone.error).toEqualTypeOf<string | undefined>();
      const changed = await orders.PATCH("/orders/{id}", { params: { path: { id: "1" } } });
      expectTypeOf(changed.data).toEqualTypeOf<Seen | undefined>();
      expectTypeOf(changed.error).toEqualTypeOf<unknown>();
    };
    expect(compiled).toBeTypeOf("function");
  });

  it("take parseAs into data", () => {
    const compiled = async (): Promise<void> => {
      const init = { params: { path: { id: "1" } } };
      const text = await orders.GET("/orders/{id}", { ...init, parseAs: "text" });
      expectTypeOf(text.data).toEqualTypeOf<string | undefined>();
      const bytes = await orders.GET("/orders/{id}", { ...init, parseAs: "arrayBuffer" });
      expectTypeOf(bytes.data).toEqualTypeOf<ArrayBuffer | undefined>();
      const blob = await orders.GET("/orders", { parseAs: "blob" });
      expectTypeOf(blob.data).toEqualTypeOf<Blob | undefined>();
      const stream = await orders.GET("/orders", { parseAs: "stream" });
      expectTypeOf(stream.data).toEqualTypeOf<ReadableStream<Uint8Array> | undefined>();
      const json = await orders.GET("/orders", { parseAs: "json", timeoutMs: 5 });
      expectTypeOf(json.data).toEqualTypeOf<Order[] | undefined>();
    };
    expect(compiled).toBeTypeOf("function");
  });

  it("allow only paths that have the method", () => {
    expectTypeOf<Parameters<(typeof orders)["GET"]>[0]>().toEqualTypeOf<
      "/orders" | "/orders/{id}" | "/search"
    >();
    const compiled = (): unknown => [
      // @ts-expect-error -- no such path
      orders.GET("/nothing"),
      // @ts-expect-error -- the path has no PUT
      orders.PUT("/orders", { body: {} }),
      // @ts-expect-error -- the path has no GET
      orders.request("get", "/upload"),
      orders.request("get", "/orders"),
    ];
    expect(compiled).toBeTypeOf("function");
  });

  it("require the second argument exactly where something in it is required", () => {
    expectTypeOf<Parameters<typeof orders.GET<"/orders">>["length"]>().toEqualTypeOf<1 | 2>();
    expectTypeOf<Parameters<typeof orders.GET<"/search">>["length"]>().toEqualTypeOf<2>();
    const compiled = (): unknown => [
      orders.GET("/orders"),
      // @ts-expect-error -- the path needs an id
      orders.GET("/orders/{id}"),
      // @ts-expect-error -- the path needs an id
      orders.GET("/orders/{id}", { params: { path: {} } }),
      // @ts-expect-error -- an id is text
      orders.GET("/orders/{id}", { params: { path: { id: 1 } } }),
      // @ts-expect-error -- q is required
      orders.GET("/search"),
      // @ts-expect-error -- if-match is required
      orders.DELETE("/orders/{id}", { params: { path: { id: "1" } } }),
      // @ts-expect-error -- a body is required
      orders.POST("/orders"),
      // @ts-expect-error -- total is a number
      orders.POST("/orders", { body: { total: "1" } }),
      // @ts-expect-error -- this operation takes no body
      orders.GET("/orders", { body: {} }),
      // @ts-expect-error -- no such option
      orders.GET("/orders", { timeout: 5 }),
      // @ts-expect-error -- no such query parameter
      orders.GET("/orders", { params: { query: { pages: 1 } } }),
      // @ts-expect-error -- no such way to parse
      orders.GET("/orders", { parseAs: "yaml" }),
    ];
    expect(compiled).toBeTypeOf("function");
  });

  it("take bodies in their native form where the media type is not JSON", () => {
    expectTypeOf<Blob>().toExtend<NonNullable<Parameters<typeof orders.PUT<"/upload">>[1]["body"]>>();
    const compiled = (): unknown => [
      orders.POST("/upload", { body: new FormData() }),
      orders.PUT("/upload", { body: new Uint8Array(1) }),
      orders.PUT("/upload", { body: new Blob(["x"]) }),
      orders.PUT("/upload", { body: () => new Blob(["x"]).stream() }),
      // @ts-expect-error -- JSON takes no FormData
      orders.POST("/orders", { body: new FormData() }),
      orders.POST("/orders", { body: { total: 1 }, bodySerializer: (body) => String(body.total) }),
      orders.GET("/orders", {
        params: { query: { page: 1 } },
        querySerializer: (query) => `page=${query.page ?? 0}`,
      }),
    ];
    expect(compiled).toBeTypeOf("function");
  });

  it("leave out of the body what is read-only and out of the answer what is write-only", () => {
    const compiled = async (): Promise<void> => {
      const user = await orders.POST("/users", { body: { name: "a", password: "b" } });
      expectTypeOf(user.data).toEqualTypeOf<{ id: string; name: string } | undefined>();
    };
    expect(compiled).toBeTypeOf("function");
  });

  it("know nothing without paths, and still work", () => {
    expectTypeOf(untyped).toEqualTypeOf<TypedClient<AnyPaths>>();
    const compiled = async (): Promise<void> => {
      const answer = await untyped.POST("/any/{thing}", { params: { path: { thing: 1 } }, body: { a: 1 } });
      expectTypeOf(answer.data).toEqualTypeOf<unknown>();
      expectTypeOf(answer.error).toEqualTypeOf<unknown>();
      const text = await untyped.GET("/any", { parseAs: "text" });
      expectTypeOf(text.data).toEqualTypeOf<string | undefined>();
    };
    expect(compiled).toBeTypeOf("function");
  });
});
