import { type } from "arktype";
import * as v from "valibot";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";

import type { TypedClient } from "../../packages/core/src/client/typed/client-types.ts";
import type {
  ContractPaths,
  UndeclaredResponse,
} from "../../packages/core/src/client/typed/contract-types.ts";
import { createContractClient, defineContract } from "../../packages/core/src/client/typed/contract.ts";
import { startEngine } from "../../packages/core/test/client/typed/http-engine.ts";
import type { HttpEngine } from "../../packages/core/test/client/typed/http-engine.ts";

interface Order {
  id: string;
  items: { price: number }[];
}

const zodContract = defineContract({
  "/orders/{id}": {
    GET: {
      params: { query: z.object({ page: z.number().int().default(1) }) },
      responses: {
        200: z.object({ id: z.string(), items: z.array(z.object({ price: z.number() })) }),
        404: z.object({ title: z.string() }),
      },
    },
    PUT: { body: z.object({ password: z.string().regex(/^[a-z]+$/) }), responses: { 200: z.unknown() } },
  },
});

const zodSpecial = defineContract({
  "/orders/{id}": {
    PUT: {
      body: z.object({ at: z.iso.datetime().transform((text) => ({ iso: text })) }),
      responses: { 200: z.object({ id: z.string().brand<"OrderId">(), at: z.coerce.date() }) },
    },
  },
});

const valibotContract = defineContract({
  "/orders/{id}": {
    GET: {
      params: { query: v.object({ page: v.optional(v.pipe(v.number(), v.integer()), 1) }) },
      responses: {
        200: v.object({ id: v.string(), items: v.array(v.object({ price: v.number() })) }),
        404: v.object({ title: v.string() }),
      },
    },
    PUT: {
      body: v.object({ password: v.pipe(v.string(), v.regex(/^[a-z]+$/)) }),
      responses: { 200: v.unknown() },
    },
  },
});

const arkContract = defineContract({
  "/orders/{id}": {
    GET: {
      params: { query: type({ page: "number.integer = 1" }) },
      responses: {
        200: type({ id: "string", items: type({ price: "number" }).array() }),
        404: type({ title: "string" }),
      },
    },
    PUT: { body: type({ password: "/^[a-z]+$/" }), responses: { 200: type("unknown") } },
  },
});

let engine: HttpEngine | undefined;
afterEach(async () => {
  await engine?.[Symbol.asyncDispose]();
  engine = undefined;
});

/** Answers as `/orders/<name>` asks. */
async function start(): Promise<HttpEngine> {
  const answers: Record<string, [status: number, body: unknown]> = {
    good: [200, { id: "1", items: [{ price: 5 }], at: "2026-01-01T00:00:00Z" }],
    broken: [200, { id: "1", items: [{ price: "hunter2" }] }],
    none: [404, { title: "no such order" }],
    busy: [503, { wait: true }],
  };
  engine = await startEngine((incoming, outgoing) => {
    const name = /^\/orders\/(\w+)/.exec(incoming.url ?? "")?.[1] ?? "";
    const [status, body] = answers[name] ?? [500, null];
    outgoing.statusCode = status;
    outgoing.end(JSON.stringify(body));
  });
  return engine;
}

type Client = TypedClient<ContractPaths<typeof zodContract>>;

describe.each<[string, (http: HttpEngine) => Client]>([
  ["zod", (http) => createContractClient(http, "orders", zodContract)],
  ["valibot", (http) => createContractClient(http, "orders", valibotContract)],
  ["ArkType", (http) => createContractClient(http, "orders", arkContract)],
])("a contract written with %s", (_name, clientOf) => {
  it("fills in defaults, gives typed data and declared errors, and tells undeclared ones", async () => {
    const http = await start();
    const client = clientOf(http);
    const good = await client.GET("/orders/{id}", { params: { path: { id: "good" } } });
    expect(good.data).toMatchObject({ id: "1", items: [{ price: 5 }] });
    expect(http.requests[0]?.path).toBe("/orders/good?page=1");
    const none = await client.GET("/orders/{id}", { params: { path: { id: "none" }, query: { page: 2 } } });
    expect(none.error).toEqual({ title: "no such order" });
    const busy = await client.GET("/orders/{id}", { params: { path: { id: "busy" } } });
    expect(busy.error).toMatchObject({ status: 503, body: { wait: true } });
  });

  it("says what is wrong with an answer, and where, but not what it held", async () => {
    const client = clientOf(await start());
    const call = client.GET("/orders/{id}", { params: { path: { id: "broken" } } });
    await expect(call).rejects.toMatchObject({
      code: "ERR_PROXYLESS_CONTRACT",
      message: expect.stringMatching(
        /^orders: GET \/orders\/\{id\} answered 200 with a body that breaks the contract: items\[0\]\.price: .*number/,
      ),
    });
    await expect(call).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
  });

  it("does not send what breaks it, and does not repeat the text at fault", async () => {
    const http = await start();
    const client = clientOf(http);
    const path = { id: "good" };
    await expect(client.GET("/orders/{id}", { params: { path, query: { page: 1.5 } } })).rejects.toThrow(
      /^orders: GET \/orders\/\{id\} was not sent: its query breaks the contract: page: /,
    );
    const put = client.PUT("/orders/{id}", {
      params: { path },
      body: { password: "Hunter2" },
    });
    await expect(put).rejects.toThrow(/its body breaks the contract: password: /);
    await expect(put).rejects.not.toMatchObject({ message: expect.stringContaining("Hunter2") });
    expect(http.requests).toEqual([]);
  });
});

describe("the types of a contract", () => {
  it("are the same from zod, valibot and ArkType", async () => {
    const http = await start();
    const path = { id: "good" };
    const byZod = await createContractClient(http, "orders", zodContract).GET("/orders/{id}", {
      params: { path },
    });
    const byValibot = await createContractClient(http, "orders", valibotContract).GET("/orders/{id}", {
      params: { path },
    });
    const byArk = await createContractClient(http, "orders", arkContract).GET("/orders/{id}", {
      params: { path },
    });
    type Failure = { title: string } | UndeclaredResponse | undefined;
    expectTypeOf(byZod.data).toEqualTypeOf<Order | undefined>();
    expectTypeOf(byValibot.data).toEqualTypeOf<Order | undefined>();
    expectTypeOf(byArk.data).toEqualTypeOf<Order | undefined>();
    expectTypeOf(byZod.error).toEqualTypeOf<Failure>();
    expectTypeOf(byValibot.error).toEqualTypeOf<Failure>();
    expectTypeOf(byArk.error).toEqualTypeOf<Failure>();
    expect([byZod.error, byValibot.error, byArk.error]).toEqual([undefined, undefined, undefined]);
  });

  it("take what a validator takes and give what it gives, brands and dates included", async () => {
    const client = createContractClient(await start(), "orders", zodSpecial);
    const { data } = await client.PUT("/orders/{id}", {
      params: { path: { id: "good" } },
      body: { at: "2026-01-01T00:00:00Z" },
    });
    expectTypeOf<NonNullable<typeof data>>().toEqualTypeOf<{
      id: string & z.core.$brand<"OrderId">;
      at: Date;
    }>();
    expect(data?.at).toEqual(new Date("2026-01-01T00:00:00Z"));
    expect(engine?.requests[0]?.body).toBe('{"at":{"iso":"2026-01-01T00:00:00Z"}}');
  });
});
