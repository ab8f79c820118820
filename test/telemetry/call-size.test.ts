import { createServer } from "node:http";
import type { RequestListener } from "node:http";

import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh, MeshEventOf } from "@proxyless/core";
import { afterEach, describe, expect, it } from "vitest";

import { listening } from "./support/listening.ts";

const cleanup: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end();
});

/** A mesh over one server, and what it says of calls that are over. */
async function meshOver(
  handler: RequestListener,
  http2 = false,
): Promise<{ mesh: Mesh; calls: MeshEventOf<"call.completed">[] }> {
  const server = createServer(handler);
  cleanup.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const discovery = staticSource({ orders: [`127.0.0.1:${await listening(server)}`] });
  const mesh = createMesh({ discovery, services: { orders: { transport: { http2 }, retry: false } } });
  cleanup.push(() => mesh.close());
  const calls: MeshEventOf<"call.completed">[] = [];
  mesh.on("call.completed", (event) => calls.push(event));
  return { mesh, calls };
}

/** Sends back as many bytes as the path says, in two pieces without a length; waits for the request's body first. */
const sized: RequestListener = (request, response) => {
  request.resume().on("end", () => {
    const bytes = Number(request.url?.slice(1));
    response.writeHead(bytes > 0 ? 200 : 503);
    if (bytes > 1) response.write(Buffer.alloc(1, "1"));
    response.end(Buffer.alloc(bytes > 1 ? bytes - 1 : bytes, "1"));
  });
};

describe("call.completed", () => {
  it("knows how many bytes of body went and came, as they are on the wire", async () => {
    const { calls, mesh } = await meshOver(sized);
    const orders = mesh.service("orders");
    await orders.POST("/5", { body: "é" });
    await orders.GET("/3");
    await (await mesh.fetch("http://orders/70000", { method: "PUT", body: new Uint8Array(9) })).text();
    expect(
      calls.map(({ protocol, requestBytes, responseBytes }) => [requestBytes, responseBytes, protocol]),
    ).toEqual([
      [2, 5, "1.1"],
      [0, 3, "1.1"],
      [9, 70_000, "1.1"],
    ]);
  });

  it("does not guess: not the length of a stream, not the protocol where there was no connection", async () => {
    const { calls, mesh } = await meshOver(sized);
    async function* body(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(3);
    }
    const stream = ReadableStream.from(body());
    await (await mesh.fetch("http://orders/1", { method: "POST", body: stream, duplex: "half" })).text();
    expect(calls[0]).toMatchObject({ requestBytes: undefined, responseBytes: 1 });
    const other = await meshOver(sized, true);
    await other.mesh.service("orders").GET("/1");
    // Without TLS there is nothing to agree on.
    expect(other.calls[0]).toMatchObject({ protocol: "1.1", responseBytes: 1 });
    const dead = createMesh({ discovery: staticSource({ orders: ["127.0.0.1:1"] }) });
    cleanup.push(() => dead.close());
    dead.on("call.completed", (event) => calls.push(event));
    await expect(dead.service("orders").GET("/1")).rejects.toThrow("connect");
    expect(calls[1]).toMatchObject({ protocol: undefined, responseBytes: 0, firstByteMs: undefined });
  });

  it("knows when the head came of an answer that streams", async () => {
    let finish = (): void => undefined;
    const { calls, mesh } = await meshOver((_, response) => {
      response.write("1");
      finish = () => response.end("2");
    });
    const response = await mesh.fetch("http://orders/x");
    const headAt = performance.now();
    while (performance.now() < headAt + 20) await new Promise(setImmediate);
    finish();
    await response.text();
    const [call] = calls;
    expect(call?.firstByteMs).toBeGreaterThan(0);
    expect((call?.durationMs ?? 0) - (call?.firstByteMs ?? 0)).toBeGreaterThanOrEqual(20);
  });

  it("counts what came of an answer that broke off", async () => {
    const { calls, mesh } = await meshOver((_, response) => {
      response.writeHead(200, { "content-length": 100 }).write("12345");
      setImmediate(() => response.destroy());
    });
    await expect((await mesh.fetch("http://orders/x")).text()).rejects.toBeInstanceOf(Error);
    expect(calls[0]).toMatchObject({ outcome: "failure", responseBytes: 5 });
  });
});
