import { ProxylessError } from "@proxyless/core";
import type { PickExplanation } from "@proxyless/core";
import { afterEach, beforeEach, expect, test } from "vitest";

import { startOrders, tenMegabytes, until } from "./orders.ts";
import type { Orders, Received } from "./orders.ts";

let orders: Orders;

beforeEach(async () => {
  orders = await startOrders();
});

afterEach(async () => {
  await orders[Symbol.asyncDispose]();
});

async function get(url: string, init?: Parameters<Orders["mesh"]["fetch"]>[1]): Promise<Received> {
  const response = await orders.mesh.fetch(url, init);
  const received: Received = JSON.parse(await response.text());
  return received;
}

test("calls reach every instance, under the service's name", async () => {
  const calls = await Promise.all(Array.from({ length: 20 }, () => get("http://orders/x")));
  expect(new Set(calls.map(({ instance }) => instance)).size).toBe(2);
  expect(calls[0]?.headers["host"]).toBe("orders");
});

test("options of a call reach the engine", async () => {
  const explained: PickExplanation[] = [];
  const received = await get("http://orders/x", {
    method: "POST",
    mesh: { idempotencyKey: "key-1", explain: (explanation) => explained.push(explanation) },
  });
  expect(received.headers["idempotency-key"]).toBe("key-1");
  expect(explained).toMatchObject([{ service: "orders", attempt: 1 }]);
  await expect(
    orders.mesh.fetch("http://orders/silent", { mesh: { timeoutMs: 50, retry: false } }),
  ).rejects.toMatchObject({
    code: "ERR_PROXYLESS_TIMEOUT",
    timeout: "total",
  });
  await expect(orders.mesh.fetch("http://orders/x", { mesh: { timeoutMs: -1 } })).rejects.toBeInstanceOf(
    ProxylessError,
  );
  await until(() => orders.cut === 1);
});

test("10 MB go down and up, as bytes and as streams", async () => {
  const response = await orders.mesh.fetch("http://orders/flood");
  let size = 0;
  for await (const chunk of response.body!) size += chunk.byteLength;
  expect(size).toBe(tenMegabytes);

  const bytes = new Uint8Array(tenMegabytes);
  const up = await orders.mesh.fetch("http://orders/size", { method: "POST", body: bytes });
  expect(await up.text()).toBe(String(tenMegabytes));
  const streamed = await orders.mesh.fetch("http://orders/size", {
    method: "POST",
    body: new Blob([bytes]).stream(),
    duplex: "half",
  });
  expect(await streamed.text()).toBe(String(tenMegabytes));
});

test("a body goes straight from one call into the next", async () => {
  const source = await orders.mesh.fetch("http://orders/flood");
  const target = await orders.mesh.fetch("http://orders/size", {
    method: "POST",
    body: source.body,
    duplex: "half",
  });
  expect(await target.text()).toBe(String(tenMegabytes));
});

test("an abort is obeyed at every phase", async () => {
  const reason = new Error("enough");
  await expect(orders.mesh.fetch("http://orders/x", { signal: AbortSignal.abort(reason) })).rejects.toBe(
    reason,
  );
  const waiting = new AbortController();
  const sent = orders.mesh.fetch("http://orders/silent", { signal: waiting.signal });
  await until(() => orders.count === 1);
  waiting.abort(reason);
  await expect(sent).rejects.toBe(reason);
  const reading = new AbortController();
  const response = await orders.mesh.fetch("http://orders/drip", { signal: reading.signal });
  const text = response.text();
  reading.abort(reason);
  await expect(text).rejects.toBe(reason);
  await until(() => orders.cut === 2);
});

test("cookies, codings, empty answers, HEAD and redirects are what they are with any fetch", async () => {
  const { fetch } = orders.mesh;
  expect((await fetch("http://orders/cookies")).headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
  expect(await (await fetch("http://orders/zip")).json()).toEqual({ zipped: true });
  expect((await fetch("http://orders/empty")).body).toBeNull();
  expect(await (await fetch("http://orders/x", { method: "HEAD" })).text()).toBe("");
  expect(await fetch("http://orders/moved")).toMatchObject({ redirected: true, url: "http://orders/here" });
});

test("nobody is led out of the mesh", async () => {
  const error: unknown = await orders.mesh.fetch("http://orders/away").catch((cause: unknown) => cause);
  expect(error).toMatchObject({ name: "ProxylessError", code: "ERR_PROXYLESS_UNKNOWN_SERVICE" });
  expect(String(error)).toContain("redirect to http://169.254.169.254");
});

test.each([
  ["an unknown host", "http://api.example.com/", {}, "ERR_PROXYLESS_UNKNOWN_SERVICE"],
  ["a malformed URL", "http//orders", {}, "ERR_PROXYLESS_REQUEST"],
  [
    "a header with a newline",
    "http://orders/",
    { headers: { "x-a": "1\r\nx-b: 2" } },
    "ERR_PROXYLESS_REQUEST",
  ],
  ["a newline in a header's name", "http://orders/", { headers: { "x\na": "1" } }, "ERR_PROXYLESS_REQUEST"],
])("%s is a ProxylessError", async (_, url, init, code) => {
  await expect(orders.mesh.fetch(url, init)).rejects.toMatchObject({ name: "ProxylessError", code });
  expect(orders.count).toBe(0);
});
