import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

import { describe, expect, it, onTestFinished, vi } from "vitest";

import { answerOk, refusedAddress } from "../support/http.ts";
import { meshOf, server } from "../support/mesh.ts";

/** A server that answers everything, counts connections, and can be slow to accept none. */
async function countingServer(): Promise<{ address: string; sockets: Set<Socket>; requests: () => number }> {
  const sockets = new Set<Socket>();
  let requests = 0;
  const listening = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    socket.on("data", () => {
      requests++;
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    });
  });
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    listening.close();
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = listening.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, sockets, requests: () => requests };
}

describe("connections that are ready ahead of use", () => {
  it("are opened with the first list, used by calls, and opened again when they are lost", async () => {
    const { address, requests, sockets } = await countingServer();
    const { mesh } = meshOf([address], { transport: { minReadyConnections: 3 } });
    const orders = mesh.service("orders");
    await vi.waitFor(() => {
      expect(sockets.size).toBe(3);
    });
    expect(requests()).toBe(0);
    const before = new Set(sockets);
    await Promise.all([orders.GET("/a"), orders.GET("/b"), orders.GET("/c")]);
    expect(sockets).toEqual(before);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(
      () => {
        expect(sockets.size).toBe(3);
      },
      { timeout: 5_000 },
    );
    expect((await orders.GET("/d")).response.status).toBe(200);
  });

  it("are waited for before an endpoint that comes later gets calls", async () => {
    const old = await server(answerOk);
    const { address, sockets } = await countingServer();
    const { mesh, source } = meshOf([old.address], { transport: { minReadyConnections: 2 } });
    await mesh.service("orders").GET("/x");
    source.set("orders", [old.address, address]);
    const gate = (): string | undefined =>
      mesh.inspect().services[0]?.endpoints.find(({ endpoint }) => endpoint === address)?.gate[0]?.kind;
    await vi.waitFor(() => {
      expect(gate()).toBe("warming up");
    });
    await vi.waitFor(() => {
      expect(gate()).toBeUndefined();
    });
    expect(sockets.size).toBe(2);
  });

  it("let an endpoint in all the same that refuses them", async () => {
    const old = await server(answerOk);
    const refusing = await refusedAddress();
    const { mesh, source } = meshOf([old.address], { transport: { minReadyConnections: 2 } });
    await mesh.service("orders").GET("/x");
    source.set("orders", [old.address, refusing]);
    await vi.waitFor(() => {
      const { endpoints } = mesh.inspect().services[0]!;
      expect(endpoints.map(({ gate }) => gate.length)).toEqual([0, 0]);
    });
  });

  it("end with the mesh", async () => {
    const { address, sockets } = await countingServer();
    const { mesh } = meshOf([address], { transport: { minReadyConnections: 3 } });
    mesh.service("orders");
    await vi.waitFor(() => {
      expect(sockets.size).toBe(3);
    });
    await mesh.close();
    await vi.waitFor(() => {
      expect(sockets.size).toBe(0);
    });
  });
});
