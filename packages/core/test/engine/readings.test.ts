import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { describe, expect, it } from "vitest";

import { createMesh, memorySource } from "../../src/index.ts";

async function listening(): Promise<{ readonly port: number; readonly stop: () => void }> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/500" ? 500 : 200).end("{}");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "0.0.0.0", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo;
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { port, stop };
}

describe("mesh.read", () => {
  it("says in numbers what mesh.inspect says", async () => {
    const { port, stop } = await listening();
    const addresses = [
      ...Array.from({ length: 12 }, (_, i) => `127.0.1.${i}:${port}`),
      { host: "127.0.0.2", port, health: "unhealthy" as const },
      { host: "127.0.0.3", port, weight: 0 },
      { host: "127.0.0.4", port, health: "draining" as const },
      { host: "127.0.0.5", port, priority: 1 },
    ];
    await using mesh = createMesh({
      discovery: memorySource({ orders: addresses, empty: [] }),
      services: { orders: { bulkhead: { maxConcurrent: 7 } }, empty: {} },
    });
    for (const path of ["/200", "/200", "/500"]) await (await mesh.fetch(`http://orders${path}`)).text();
    await mesh.ready("empty").catch(() => undefined);
    const { discovery, services } = mesh.read({ endpoints: true });
    const told = mesh.inspect();
    expect(services.map(({ service }) => service)).toEqual(told.services.map(({ service }) => service));
    for (const [i, view] of told.services.entries()) {
      const reading = services[i]!;
      const standings: Record<string, number> = {};
      for (const { gate } of view.endpoints) {
        const standing = gate[0]?.kind ?? "open";
        standings[standing] = (standings[standing] ?? 0) + 1;
      }
      const connected = view.endpoints.reduce((sum, one) => sum + (one.connections?.connected ?? 0), 0);
      expect(reading).toMatchObject({
        calls: view.calls,
        attempts: view.endpoints.reduce((sum, { pending }) => sum + pending, 0),
        standings,
        panics: view.balancing.panics,
        isPanic: view.balancing.panic,
        circuits: view.circuits,
        limits: view.limits,
      });
      expect(reading.connections.connected).toBe(connected);
      expect(
        reading.endpoints.map(({ endpoint, latencyMs, pending, standing }) => [
          endpoint,
          standing,
          pending,
          latencyMs,
        ]),
      ).toEqual(
        view.endpoints.map(({ endpoint, gate, latencyMs, pending }) => [
          endpoint,
          gate[0]?.kind ?? "open",
          pending,
          latencyMs,
        ]),
      );
    }
    expect(Object.keys(services[0]!.standings).toSorted()).toEqual(
      ["draining", "open", "unhealthy", "weight 0", "worse priority"].toSorted(),
    );
    expect(services[0]!.connections.connected).toBeGreaterThan(0);
    const numbers = discovery.map(({ counts, service, source, status }) => ({
      counts,
      service,
      source,
      status,
    }));
    expect(numbers).toEqual(
      told.discovery.map(({ counts, service, source, status }) => ({ counts, service, source, status })),
    );
    stop();
  });

  it("makes no object per endpoint unless that is asked for", async () => {
    await using mesh = createMesh({
      discovery: memorySource({
        orders: Array.from({ length: 300 }, (_, i) => `127.0.1.${i % 256}:${2_000 + i}`),
      }),
      services: { orders: {} },
    });
    await mesh.ready("orders").catch(() => undefined);
    mesh.service("orders");
    await mesh.ready("orders");
    const [orders] = mesh.read().services;
    expect(orders!.endpoints).toEqual([]);
    expect(Object.values(orders!.standings).reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(mesh.read().discovery[0]).not.toHaveProperty("endpoints");
  });
});
