import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";

import { afterEach, beforeEach, expect, test } from "vitest";

import { createFetch } from "../../../src/client/fetch/create-fetch.ts";
import type { MeshFetch } from "../../../src/client/fetch/fetch-init.ts";
import { Backends, until } from "./pool-engine.ts";

const plain = Buffer.from("hello ".repeat(5000));
const noise = Buffer.alloc(3 * 1024 * 1024, "0123456789abcdef");
let backends: Backends;
let fetch: MeshFetch;
let written: number;
let answer: { coding: string; body: Buffer };

beforeEach(async () => {
  backends = new Backends();
  fetch = createFetch(backends);
  await backends.serve("flood", (_, response) => {
    response.setHeader("content-encoding", "gzip");
    const chunks = (function* stored() {
      for (written = 0; written < 32 * 1024 * 1024; written += plain.length) yield plain;
    })();
    void pipeline(Readable.from(chunks), zlib.createGzip({ level: 0 }), response).catch(() => undefined);
  });
  await backends.serve("orders", (_, response) => {
    response.setHeader("content-encoding", answer.coding);
    response.setHeader("content-length", answer.body.length);
    response.end(answer.body);
  });
});

afterEach(async () => {
  await backends[Symbol.asyncDispose]();
});

const codings: [string, (data: Buffer) => Buffer][] = [
  ["gzip", (data) => zlib.gzipSync(data)],
  ["X-GZIP", (data) => zlib.gzipSync(data)],
  ["deflate", (data) => zlib.deflateSync(data)],
  ["deflate", (data) => zlib.deflateRawSync(data)],
  ["br", (data) => zlib.brotliCompressSync(data)],
  ["deflate, gzip", (data) => zlib.gzipSync(zlib.deflateRawSync(data))],
  ["identity", (data) => data],
  ["compress", (data) => data],
];
if (typeof zlib.zstdCompressSync === "function")
  codings.push(["zstd", (data) => zlib.zstdCompressSync(data)]);

test.each(codings)("%s is undone, whole and as a stream", async (coding, encode) => {
  answer = { coding, body: encode(plain) };
  const response = await fetch("http://orders/");
  expect(response.headers.get("content-encoding")).toBe(coding);
  expect(Buffer.from(await response.arrayBuffer()).equals(plain)).toBe(true);
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await fetch("http://orders/")).body!) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(plain)).toBe(true);
});

test.each(codings)("an empty body in %s is empty", async (coding) => {
  answer = { coding, body: Buffer.alloc(0) };
  expect(await (await fetch("http://orders/")).text()).toBe("");
});

test("a broken coding errors the body and gives the connection up", async () => {
  answer = { coding: "gzip", body: Buffer.from("this is not gzip") };
  const response = await fetch("http://orders/");
  await expect(response.text()).rejects.toMatchObject({
    name: "TypeError",
    message: "the response's gzip coding is broken",
    cause: { code: "Z_DATA_ERROR" },
  });
});

test("more than five codings are refused", async () => {
  answer = { coding: "gzip, gzip, gzip, gzip, gzip, gzip", body: Buffer.from("x") };
  await expect(fetch("http://orders/")).rejects.toMatchObject({
    name: "TypeError",
    message: expect.stringContaining("6 content codings"),
  });
});

test("a small answer that unpacks to much waits for its reader", async () => {
  answer = { coding: "gzip", body: zlib.gzipSync(noise) };
  const response = await fetch("http://orders/");
  const reader = response.body!.getReader();
  let size = 0;
  let largest = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    size += chunk.value.byteLength;
    largest = Math.max(largest, chunk.value.byteLength);
  }
  expect(size).toBe(noise.length);
  expect(largest).toBeLessThan(1024 * 1024);
});

test("stops the sender while nobody reads", async () => {
  const response = await fetch("http://flood/");
  await until(() => written > 0);
  let before = -1;
  while (before !== written) {
    before = written;
    // eslint-disable-next-line no-await-in-loop -- waits for stillness
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  expect(written).toBeLessThan(24 * 1024 * 1024);
  let size = 0;
  for await (const chunk of response.body!) size += chunk.byteLength;
  expect(size).toBe(written);
});

test("cancelling in the middle ends it all", async () => {
  answer = { coding: "gzip", body: zlib.gzipSync(noise, { level: 0 }) };
  const response = await fetch("http://orders/");
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await until(() => backends.connected("orders") === 0);
  expect(await reader.read()).toEqual({ done: true, value: undefined });
});

test("an abort in the middle errors it with the reason", async () => {
  answer = { coding: "gzip", body: zlib.gzipSync(noise, { level: 0 }) };
  const aborter = new AbortController();
  const response = await fetch("http://orders/", { signal: aborter.signal });
  const reader = response.body!.getReader();
  await reader.read();
  aborter.abort("stop");
  await expect(
    (async () => {
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read());
    })(),
  ).rejects.toBe("stop");
});
