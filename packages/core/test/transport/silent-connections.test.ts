import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";

import { describe, expect, it } from "vitest";

import { FaultProxy } from "../../../../test/discovery/fault-proxy.ts";
import { makeCertificates } from "../support/certs.ts";
import { closing, meshOf, rejection } from "../support/mesh.ts";
import type { TestMesh } from "../support/mesh.ts";

const certificates = makeCertificates();
/** More than a busy machine takes to answer. */
const attemptMs = 1500;

/** A service over HTTP/2 behind a way that can be broken; `/never` is not answered. */
async function service(): Promise<{ readonly proxy: FaultProxy; readonly client: TestMesh["mesh"] }> {
  const server = createSecureServer(certificates.server, (request, response) => {
    if (request.url !== "/never") response.end("{}");
  });
  server.on("sessionError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const proxy = await FaultProxy.start("127.0.0.1", (server.address() as AddressInfo).port);
  closing({
    close: async () => {
      await proxy.stop();
      server.close();
    },
  });
  const { mesh } = meshOf([`127.0.0.1:${proxy.port}`], {
    transport: { http2: true, tls: { ca: certificates.ca } },
    timeout: { attemptMs },
    retry: false,
    outlierDetection: false,
  });
  await mesh.service("orders").GET("/x");
  return { proxy, client: mesh };
}

describe("an HTTP/2 connection that is dead without a sign", () => {
  it("is left for another one, and closed when its calls are over", async () => {
    const { client, proxy } = await service();
    const orders = client.service("orders");
    proxy.set("blackhole");
    const lost = Promise.all(Array.from({ length: 3 }, () => rejection(orders.GET("/x"))));
    expect(await lost).toMatchObject(Array.from({ length: 3 }, () => ({ timeout: "attempt" })));
    proxy.set("pass");
    expect(proxy.dead).toBe(1);
    await expect
      .poll(() => orders.GET("/x").then(({ data }) => data), { timeout: 10_000, interval: 1 })
      .toEqual({});
    expect(proxy.accepted).toBe(2);
    await expect.poll(() => proxy.open, { timeout: 5_000 }).toBe(1);
  });

  it("is not one whose other calls are answered, however long one of them takes", async () => {
    const { client, proxy } = await service();
    const orders = client.service("orders");
    const others = { areWanted: true };
    const slow = (async () => {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      for (let n = 0; n < 2; n++) await rejection(orders.GET("/never"));
      others.areWanted = false;
    })();
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    while (others.areWanted) await orders.GET("/x");
    await slow;
    expect(proxy.accepted).toBe(1);
  });

  it("is not given up for an endpoint that is slow again and again, more often than once in a second", async () => {
    const { client, proxy } = await service();
    const begunAt = performance.now();
    for (let n = 0; n < 12; n++) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await rejection(client.fetch("https://orders/never", { mesh: { timeoutMs: 200 } }));
    }
    expect(proxy.accepted).toBeLessThanOrEqual(1 + (performance.now() - begunAt) / 1000);
  });
});
