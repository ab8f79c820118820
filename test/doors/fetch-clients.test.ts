import axios from "axios";
import ky, { HTTPError } from "ky";
import createClient from "openapi-fetch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startOrders, tenMegabytes, until } from "./orders.ts";
import type { Orders, Received } from "./orders.ts";

let orders: Orders;

beforeEach(async () => {
  orders = await startOrders();
});

afterEach(async () => {
  await orders[Symbol.asyncDispose]();
});

interface paths {
  "/orders/{id}": {
    put: {
      parameters: { path: { id: string }; query?: { full?: boolean } };
      requestBody: { content: { "application/json": { amount: number } } };
      responses: { 200: { content: { "application/json": Received } } };
    };
  };
  "/missing": {
    get: {
      responses: {
        200: { content: { "application/json": Received } };
        404: { content: { "application/json": { why: string } } };
      };
    };
  };
  "/empty": { delete: { responses: { 204: { content?: never } } } };
}

describe("openapi-fetch", () => {
  test("sends and reads through the mesh", async () => {
    const client = createClient<paths>({ baseUrl: "http://orders", fetch: orders.mesh.fetch });
    const { data, response } = await client.PUT("/orders/{id}", {
      params: { path: { id: "4/2" }, query: { full: true } },
      body: { amount: 7 },
    });
    expect(data).toMatchObject({
      method: "PUT",
      url: "/orders/4%2F2?full=true",
      body: '{"amount":7}',
      headers: { host: "orders", "content-type": "application/json" },
    });
    expect(response).toMatchObject({ status: 200, url: "http://orders/orders/4%2F2?full=true" });
  });

  test("gives declared errors and empty answers", async () => {
    const client = createClient<paths>({ baseUrl: "http://orders", fetch: orders.mesh.fetch });
    expect(await client.GET("/missing")).toMatchObject({ error: { why: "gone" }, response: { status: 404 } });
    expect((await client.DELETE("/empty")).response.status).toBe(204);
  });
});

describe("ky", () => {
  test("sends and reads through the mesh", async () => {
    const api = ky.create({ fetch: orders.mesh.fetch, prefix: "http://orders", retry: 0 });
    const received = await api.post("things", { json: { a: 1 }, searchParams: { b: 2 } }).json<Received>();
    expect(received).toMatchObject({ method: "POST", url: "/things?b=2", body: '{"a":1}' });
    expect(await api.get("zip").json()).toEqual({ zipped: true });
    expect((await api.get("flood").arrayBuffer()).byteLength).toBe(tenMegabytes);
  });

  test("sees errors and time-outs as it does otherwise", async () => {
    const api = ky.create({ fetch: orders.mesh.fetch, prefix: "http://orders", retry: 0 });
    const missing: unknown = await api.get("missing").catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(HTTPError);
    await expect(api.get("silent", { timeout: 50 })).rejects.toMatchObject({ name: "TimeoutError" });
    await until(() => orders.cut === 1);
  });

  test("reports progress of a download", async () => {
    let last = 0;
    const onDownloadProgress = ({ transferredBytes }: { transferredBytes: number }): void => {
      last = transferredBytes;
    };
    await ky.get("http://orders/flood", { fetch: orders.mesh.fetch, onDownloadProgress }).bytes();
    expect(last).toBe(tenMegabytes);
  });
});

describe("axios with its fetch adapter", () => {
  function client(): ReturnType<typeof axios.create> {
    return axios.create({ baseURL: "http://orders", adapter: "fetch", env: { fetch: orders.mesh.fetch } });
  }

  test("sends and reads through the mesh", async () => {
    const { data, status, headers } = await client().post<Received>(
      "/things",
      { a: 1 },
      { params: { b: 2 } },
    );
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json");
    expect(data).toMatchObject({ method: "POST", url: "/things?b=2", body: '{"a":1}' });
  });

  test("sends forms and reads bytes, streams and errors", async () => {
    const form = new FormData();
    form.set("name", "value");
    const { data } = await client().postForm<Received>("/form", form);
    expect(data.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=/);
    expect(data.body).toContain("value");
    const big = await client().get<ArrayBuffer>("/flood", { responseType: "arraybuffer" });
    expect(big.data.byteLength).toBe(tenMegabytes);
    const streamed = await client().get<ReadableStream<Uint8Array>>("/flood", { responseType: "stream" });
    let size = 0;
    for await (const chunk of streamed.data) size += chunk.byteLength;
    expect(size).toBe(tenMegabytes);
    await expect(client().get("/missing")).rejects.toMatchObject({
      response: { status: 404, data: { why: "gone" } },
    });
  });

  test("aborts and times out", async () => {
    const aborter = new AbortController();
    const sent = client().get("/silent", { signal: aborter.signal });
    await until(() => orders.count === 1);
    aborter.abort();
    await expect(sent).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await expect(client().get("/silent", { timeout: 50 })).rejects.toMatchObject({
      code: expect.stringMatching(/ETIMEDOUT|ECONNABORTED/),
    });
    await until(() => orders.cut === 2);
  });
});
