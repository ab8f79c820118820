import { createServer } from "node:http";

import { createMesh } from "@proxyless/core";
import { dns } from "@proxyless/discovery-dns";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startPowerDns } from "../../scripts/servers/index.ts";
import type { PowerDns } from "../../scripts/servers/index.ts";
import { instance, Traffic } from "../consul/traffic.ts";

let server: PowerDns;

beforeAll(async () => {
  server = await startPowerDns();
}, 120_000);

afterAll(() => server.stop());

describe("a mesh on a real DNS server", { timeout: 60_000 }, () => {
  it("calls through a server that dies, comes back, freezes and forgets, without one failed call", async () => {
    const [first, second] = [await instance(), await instance()];
    await server.put("local", "A", ["127.0.0.1"]);
    const name = (...ports: readonly number[]): Promise<void> =>
      server.put(
        "_http._tcp.orders",
        "SRV",
        ports.map((port) => `0 1 ${port} local.${server.zone}.`),
      );
    await name(first);
    const mesh = createMesh({
      discovery: dns({
        servers: server.address,
        name: `_http._tcp.{service}.${server.zone}`,
        timeoutMs: 300,
      }),
    });
    onTestFinished(() => mesh.close());
    const state = () => mesh.inspect().discovery[0];
    const traffic = new Traffic(mesh, "orders");
    const answerers = async (...ports: readonly number[]): Promise<void> => {
      traffic.forget();
      const sorted = ports.toSorted((a, b) => a - b);
      await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(sorted);
    };
    const becomes = async (stale: boolean): Promise<void> => {
      await expect.poll(() => state()?.stale, { timeout: 15_000 }).toBe(stale);
    };
    await answerers(first);
    await server.kill();
    await becomes(true);
    await answerers(first);
    await server.restart();
    await becomes(false);
    await name(first, second);
    await answerers(first, second);
    await server.pause();
    await becomes(true);
    await answerers(first, second);
    server.resume();
    await becomes(false);
    await server.restartEmpty();
    await expect.poll(() => state()?.holdingEmpty, { timeout: 15_000 }).toBe(true);
    await answerers(first, second);
    await server.put("local", "A", ["127.0.0.1"]);
    await name(second);
    // An endpoint that left is not called any more once its last call is over.
    await expect
      .poll(
        async () => {
          traffic.forget();
          await new Promise((resolve) => {
            setTimeout(resolve, 300);
          });
          return traffic.answerers;
        },
        { timeout: 15_000 },
      )
      .toEqual([second]);
    expect(traffic.failures).toEqual([]);
  });

  it("is stale while a part of the records cannot be asked for, calls the last known of them and the rest as it is", async () => {
    const port = await instance();
    await server.put("whole", "A", ["127.0.0.1"]);
    await server.put("part", "A", ["127.0.0.2"]);
    const targets = ["whole", "part"].map((target) => `0 1 ${port} ${target}.${server.zone}.`);
    await server.put("_http._tcp.partly", "SRV", targets);
    const mesh = createMesh({
      discovery: dns({ servers: server.address, name: `_http._tcp.{service}.${server.zone}` }),
    });
    onTestFinished(() => mesh.close());
    const ends: string[] = [];
    mesh.on("discovery.recovered", ({ service }) => ends.push(service));
    await mesh.ready("partly");
    const becomes = async (stale: boolean, ...hosts: readonly string[]): Promise<void> => {
      const state = () => {
        const [seen] = mesh.inspect().discovery;
        return { stale: seen?.stale, hosts: seen?.endpoints.map(({ address }) => address).toSorted() };
      };
      const wanted = { stale, hosts: hosts.map((host) => `${host}:${port}`) };
      await expect.poll(state, { timeout: 15_000 }).toEqual(wanted);
    };
    await becomes(false, "127.0.0.1", "127.0.0.2");
    server.putRaw("part", "A", "no address at all");
    await becomes(true, "127.0.0.1", "127.0.0.2");
    // What is answered for is followed, and does not make the rest any fresher.
    await server.put("whole", "A", ["127.0.0.3"]);
    await becomes(true, "127.0.0.2", "127.0.0.3");
    await server.put("whole", "A", ["127.0.0.4"]);
    await becomes(true, "127.0.0.2", "127.0.0.4");
    expect(ends).toEqual([]);
    await server.put("part", "A", ["127.0.0.2"]);
    await becomes(false, "127.0.0.2", "127.0.0.4");
    expect(ends).toEqual(["partly"]);
  });

  it("calls a host of both families of which one is dead, without one failed call", async () => {
    const port = await instance();
    await server.put("dual", "A", ["127.0.0.1"]);
    await server.put("dual", "AAAA", ["::1"]);
    await server.put("_http._tcp.dual", "SRV", [`0 1 ${port} dual.${server.zone}.`]);
    for (const name of [`_http._tcp.{service}.${server.zone}`, `{service}.${server.zone}`]) {
      const options = name.startsWith("_") ? {} : { port };
      const mesh = createMesh({
        discovery: dns({ servers: server.address, name, ...options }),
        // What the race does not spare a call, no retry shall hide.
        services: { dual: { retry: { maxAttempts: 1 } } },
      });
      onTestFinished(() => mesh.close());
      for (let i = 0; i < 50; i++) expect((await mesh.fetch("http://dual/")).status).toBe(200);
    }
  });

  it("calls a host of both families of which only IPv6 is alive", async () => {
    const backend = createServer((_, response) => response.end("six")).listen(0, "::1");
    onTestFinished(() => {
      backend.close();
      backend.closeAllConnections();
    });
    await new Promise((resolve) => {
      backend.once("listening", resolve);
    });
    const address = backend.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await server.put("six", "A", ["127.0.0.1"]);
    await server.put("six", "AAAA", ["::1"]);
    const mesh = createMesh({
      discovery: dns({
        servers: server.address,
        name: `{service}.${server.zone}`,
        port,
        family: "ipv4-first",
      }),
      services: { six: { retry: { maxAttempts: 1 } } },
    });
    onTestFinished(() => mesh.close());
    for (let i = 0; i < 20; i++) expect(await (await mesh.fetch("http://six/")).text()).toBe("six");
  });
});
