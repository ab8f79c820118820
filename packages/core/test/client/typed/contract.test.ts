import fc from "fast-check";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";

import { describeIssues } from "../../../src/client/typed/contract-issues.ts";
import { UndeclaredResponse } from "../../../src/client/typed/contract-types.ts";
import type { PathValue } from "../../../src/client/typed/contract-types.ts";
import { createContractClient, defineContract } from "../../../src/client/typed/contract.ts";
import type { StandardSchema, StandardSchemaIssue } from "../../../src/client/typed/standard-schema.ts";
import type { CallEngine } from "../../../src/engine/request.ts";
import { echo, startEngine } from "./http-engine.ts";
import type { HttpEngine, Seen } from "./http-engine.ts";

/** A validator in a few lines: `check` returns the output or the issues. */
function schema<Input, Output = Input>(
  check: (value: unknown) => { value: Output } | { issues: StandardSchemaIssue[] },
  later = false,
): StandardSchema<Input, Output> {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => (later ? Promise.resolve(check(value)) : check(value)),
    },
  };
}

const anything = schema<unknown>((value) => ({ value }));
const seen = schema<Seen>((value) => ({ value: Object(value) }));
const nothing = schema<undefined>((value) =>
  value === undefined ? { value } : { issues: [{ message: "expected nothing" }] },
);
const titled = schema<{ title: string }>((value) => {
  const { title }: { title?: unknown } = Object(value);
  return typeof title === "string"
    ? { value: { title } }
    : { issues: [{ message: "expected text", path: ["title"] }] };
});
const paging = schema<{ page?: number }, { page: number }>((value) => {
  const { page = 1 }: { page?: unknown } = Object(value);
  return typeof page === "number"
    ? { value: { page } }
    : { issues: [{ message: `expected number, got ${String(page)}`, path: [{ key: "page" }] }] };
}, true);

const contract = defineContract({
  "/orders": {
    GET: { params: { query: paging }, responses: { 200: seen } },
    POST: { body: titled, responses: { 201: anything, 404: titled } },
  },
  "/orders/{id}/items/{item*}": { GET: { responses: { 200: seen, default: titled } } },
  "/orders/{id}": {
    DELETE: {
      params: {
        header: schema<{ authorization: string }>(() => ({
          issues: [{ message: "hunter2", path: ["authorization"] }],
        })),
      },
      responses: { 204: nothing, 404: nothing },
    },
    PATCH: {
      params: {
        path: schema<{ id: number }, { id: string }>((value) => ({ value: { id: `n${Object(value).id}` } })),
      },
      responses: { default: seen },
    },
  },
});

let engine: HttpEngine | undefined;
afterEach(async () => {
  await engine?.[Symbol.asyncDispose]();
  engine = undefined;
});

async function answering(status: number, body: string): Promise<HttpEngine> {
  engine = await startEngine((_incoming, outgoing) => {
    outgoing.statusCode = status;
    outgoing.end(body);
  });
  return engine;
}

describe("a contract client", () => {
  it("sends what validators make of the input and gives what they make of the answer", async () => {
    engine = await startEngine(echo);
    const client = createContractClient(engine, "orders", contract, { baseUrl: "/v1" });
    const { data, error } = await client.GET("/orders");
    if (error !== undefined) throw new Error("refused");
    expectTypeOf(data).toEqualTypeOf<Seen>();
    expect(data.url).toBe("/v1/orders?page=1");
    const patched = await client.PATCH("/orders/{id}", { params: { path: { id: 7 } } });
    expect(patched.data?.url).toBe("/v1/orders/n7");
    const item = await client.GET("/orders/{id}/items/{item*}", {
      params: { path: { id: 1n, item: { a: 1, b: 2 } } },
    });
    expect(item.data?.url).toBe("/v1/orders/1/items/a=1,b=2");
  });

  it("has types from the validators: input for what is sent, output for what comes", async () => {
    const client = createContractClient(await answering(204, ""), "orders", contract);
    type Init<Path extends "/orders" | "/orders/{id}/items/{item*}"> = NonNullable<
      Parameters<typeof client.GET<Path>>[1]
    >;
    expectTypeOf<NonNullable<Init<"/orders">["params"]>["query"]>().toEqualTypeOf<
      { page?: number } | undefined
    >();
    expectTypeOf<Init<"/orders/{id}/items/{item*}">["params"]["path"]>().toEqualTypeOf<{
      readonly id: PathValue;
      readonly item: PathValue;
    }>();
    const compiled = async (): Promise<void> => {
      const posted = await client.POST("/orders", { body: { title: "a" } });
      expectTypeOf(posted.error).toEqualTypeOf<{ title: string } | UndeclaredResponse | undefined>();
      const item = await client.GET("/orders/{id}/items/{item*}", { params: { path: { id: 1, item: 2 } } });
      expectTypeOf(item.error).toEqualTypeOf<{ title: string } | undefined>();
      const gone = await client.DELETE("/orders/{id}", {
        params: { path: { id: 1 }, header: { authorization: "a" } },
      });
      expectTypeOf(gone.data).toEqualTypeOf<undefined>();
      expectTypeOf(gone.error).toEqualTypeOf<string | UndeclaredResponse | undefined>();
      const text = await client.GET("/orders", { parseAs: "text" });
      expectTypeOf(text.data).toEqualTypeOf<string | undefined>();
      // @ts-expect-error -- no such path
      await client.GET("/nothing");
      // @ts-expect-error -- the path has no PUT
      await client.PUT("/orders", {});
      // @ts-expect-error -- the body is required
      await client.POST("/orders");
      // @ts-expect-error -- the page is a number
      await client.GET("/orders", { params: { query: { page: "1" } } });
      // @ts-expect-error -- item is missing
      await client.GET("/orders/{id}/items/{item*}", { params: { path: { id: 1 } } });
    };
    expect(compiled).toBeTypeOf("function");
  });

  it.each<
    [string, (client: ReturnType<typeof createContractClient<typeof contract>>) => Promise<unknown>, string]
  >([
    [
      "a query",
      // @ts-expect-error -- what the types refuse
      (client) => client.GET("/orders", { params: { query: { page: "hunter2" } } }),
      "orders: GET /orders was not sent: its query breaks the contract: page: expected number, got …",
    ],
    [
      "a body",
      // @ts-expect-error -- what the types refuse
      (client) => client.POST("/orders", { body: {} }),
      "orders: POST /orders was not sent: its body breaks the contract: title: expected text",
    ],
    [
      "a header, whose value is never told",
      (client) =>
        client.DELETE("/orders/{id}", { params: { path: { id: 1 }, header: { authorization: "x" } } }),
      "orders: DELETE /orders/{id} was not sent: its header breaks the contract: authorization",
    ],
  ])("does not send %s that breaks the contract", async (_what, call, message) => {
    const http = await answering(200, "{}");
    await expect(call(createContractClient(http, "orders", contract))).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CONTRACT",
      service: "orders",
      message,
    });
    expect(http.requests).toEqual([]);
  });

  it("rejects for an answer that breaks the contract", async () => {
    const client = createContractClient(await answering(404, '{"titel":1}'), "orders", contract);
    await expect(client.POST("/orders", { body: { title: "a" } })).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CONTRACT",
      message: "orders: POST /orders answered 404 with a body that breaks the contract: title: expected text",
    });
  });

  it("rejects for a 2xx that is not declared, even where default is", async () => {
    const client = createContractClient(await answering(202, "{}"), "orders", contract);
    await expect(client.POST("/orders", { body: { title: "a" } })).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CONTRACT",
      message: "orders: POST /orders answered 202, which the contract does not declare (201, 404)",
    });
    await expect(
      client.GET("/orders/{id}/items/{item*}", { params: { path: { id: 1, item: 1 } } }),
    ).rejects.toThrow("answered 202, which the contract does not declare (200, default)");
  });

  it("tells an error that is not declared from one that is", async () => {
    const client = createContractClient(await answering(503, "<html>"), "orders", contract);
    const { error, response } = await client.POST("/orders", { body: { title: "a" } });
    expect(error).toBeInstanceOf(UndeclaredResponse);
    expect(error).toMatchObject({ status: 503, body: "<html>" });
    expect(response.ok).toBe(false);
  });

  it("gives the status line for a declared error without a body", async () => {
    const open = defineContract({ "/x": { GET: { responses: { 204: nothing, 404: nothing } } } });
    const missing = createContractClient(await answering(404, ""), "orders", open);
    expect((await missing.GET("/x")).error).toBe("404 Not Found");
  });

  it("does not validate data that is not parsed as JSON", async () => {
    const client = createContractClient(await answering(200, "plain"), "orders", contract);
    expect((await client.GET("/orders", { parseAs: "text" })).data).toBe("plain");
  });

  it("rejects for a validator that throws and for an operation the contract does not have", async () => {
    const broken = new Error("broken validator");
    const throwing = schema(() => {
      throw broken;
    });
    const http = await answering(200, "{}");
    const client = createContractClient(http, "orders", { "/x": { GET: { responses: { 200: throwing } } } });
    await expect(client.GET("/x")).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONTRACT", cause: broken });
    // @ts-expect-error -- what a caller without types may do
    await expect(client.GET("/y")).rejects.toMatchObject({ code: "ERR_PROXYLESS_REQUEST" });
  });
});

describe("a contract", () => {
  it.each([
    [undefined, "contract"],
    [{ orders: {} }, "contract"],
    [{ "/x": 5 }, 'contract["/x"]'],
    [{ "/x": { get: {} } }, 'contract["/x"].get'],
    [{ "/x": { GET: 5 } }, 'contract["/x"].GET'],
    [{ "/x": { GET: {} } }, 'contract["/x"].GET.responses'],
    [{ "/x": { GET: { responses: {} } } }, 'contract["/x"].GET.responses'],
    [{ "/x": { GET: { responses: { ok: anything } } } }, 'contract["/x"].GET.responses'],
    [{ "/x": { GET: { responses: { 200: {} } } } }, 'contract["/x"].GET.responses.200'],
    [{ "/x": { GET: { body: 5, responses: { 200: anything } } } }, 'contract["/x"].GET.body'],
    [
      { "/x": { GET: { params: { query: () => {} }, responses: { 200: anything } } } },
      'contract["/x"].GET.params.query',
    ],
  ])("that is %o is refused", (given, field) => {
    const silent: CallEngine = { send: () => {} };
    const refusal = expect.objectContaining({ code: "ERR_PROXYLESS_CONFIG", field });
    // @ts-expect-error -- what a caller without types may do
    expect(() => defineContract(given)).toThrow(refusal);
    // @ts-expect-error -- what a caller without types may do
    expect(() => createContractClient(silent, "orders", given)).toThrow(refusal);
  });
});

describe("issues", () => {
  it("are told by path, five at most and each on one short line", () => {
    const issues = Array.from({ length: 7 }, (_, index) => ({
      message: `line one\nline two ${"x".repeat(300)}`,
      path: ["items", index, { key: "a b" }],
    }));
    const text = describeIssues(issues, {}, false);
    expect(text).toMatch(/^items\[0\]\["a b"\]: line one line two x{100}/);
    expect(text).toMatch(/; and 2 more$/);
    expect(text.length).toBeLessThan(1_300);
    expect(describeIssues([{ message: "expected a list" }], 5, false)).toBe("expected a list");
  });

  it("never repeat the text at fault, however the validator quotes it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), (secret) => {
        fc.pre(
          !"password: expected something else but received or".includes(secret) && !/^[\s…]*$/.test(secret),
        );
        const message = `expected something else but received ${JSON.stringify(secret)} or ${secret}`;
        const text = describeIssues([{ message, path: ["password"] }], { password: secret }, false);
        expect(text).not.toContain(secret);
      }),
      { seed: 6 },
    );
    const short = describeIssues([{ message: "is \"a\" (was 'a')", path: [] }], "a", false);
    expect(short).toBe("is \"…\" (was '…')");
  });
});
