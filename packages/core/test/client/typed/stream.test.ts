import { afterEach, describe, expect, it, vi } from "vitest";

import type { TypedClient } from "../../../src/client/typed/client-types.ts";
import { createTypedClient } from "../../../src/client/typed/client.ts";
import type { AnyPaths } from "../../../src/client/typed/openapi-types.ts";
import { startEngine } from "./http-engine.ts";
import type { HttpEngine } from "./http-engine.ts";

let engine: HttpEngine | undefined;
afterEach(async () => {
  await engine?.[Symbol.asyncDispose]();
  engine = undefined;
});

async function open(client: TypedClient<AnyPaths>, path: string): Promise<ReadableStream<Uint8Array>> {
  const { data } = await client.GET(path, { parseAs: "stream" });
  if (data === undefined) throw new Error("no stream");
  return data;
}

describe("a call parsed as a stream", () => {
  it("gives the first bytes before the last are there", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.write("first");
      void promise.then(() => outgoing.end("last"));
    });
    const reader = (await open(createTypedClient(engine, "orders"), "/x")).getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("first");
    resolve();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("last");
    expect((await reader.read()).done).toBe(true);
  });

  it("pauses the socket while nobody reads, and loses nothing", async () => {
    const size = 8_000_000;
    let written = false;
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.end(Buffer.alloc(size, "x"), () => {
        written = true;
      });
    });
    const stream = await open(createTypedClient(engine, "orders"), "/x");
    await vi.waitUntil(() => (engine?.pauses ?? 0) > 0);
    expect(written).toBe(false);
    let received = 0;
    for await (const chunk of stream) received += chunk.length;
    expect(received).toBe(size);
    expect(engine.resumes).toBeGreaterThanOrEqual(engine.pauses - 1);
  });

  it("drops the connection when the reader cancels", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.on("close", resolve);
      outgoing.write("endless");
    });
    const stream = await open(createTypedClient(engine, "orders"), "/x");
    await stream.cancel();
    await expect(promise).resolves.toBeUndefined();
  });

  it("breaks the stream when the connection breaks after the head", async () => {
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.write("half");
      setImmediate(() => outgoing.destroy());
    });
    const reader = (await open(createTypedClient(engine, "orders"), "/x")).getReader();
    await expect(
      (async () => {
        for (;;) if ((await reader.read()).done) return;
      })(),
    ).rejects.toMatchObject({ code: "UND_ERR_SOCKET" });
  });

  it("reads an answer outside 2xx as an error, whole", async () => {
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.statusCode = 409;
      outgoing.write('{"why":');
      setImmediate(() => outgoing.end('"taken"}'));
    });
    const { data, error } = await createTypedClient(engine, "orders").GET("/x", { parseAs: "stream" });
    expect(data).toBeUndefined();
    expect(error).toEqual({ why: "taken" });
  });

  it("is an empty stream for an answer without a body", async () => {
    engine = await startEngine((_incoming, outgoing) => {
      outgoing.statusCode = 204;
      outgoing.end();
    });
    const stream = await open(createTypedClient(engine, "orders"), "/x");
    expect((await stream.getReader().read()).done).toBe(true);
  });
});
