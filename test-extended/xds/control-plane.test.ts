import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { workAtOnce } from "../../packages/core/src/discovery/slices.ts";
import { createMesh } from "../../packages/core/src/index.ts";
import type { Endpoint, Mesh } from "../../packages/core/src/index.ts";
import { sourceContract } from "../../packages/core/src/testing/index.ts";
import { codecOf } from "../../packages/discovery-xds/src/codec.ts";
import { xds } from "../../packages/discovery-xds/src/index.ts";
import type { XdsOptions } from "../../packages/discovery-xds/src/index.ts";
import { clusterKind, endpointsKind } from "../../packages/discovery-xds/src/resource-kind.ts";
import { startXds, until } from "../../scripts/servers/index.ts";
import type { XdsControlPlane } from "../../scripts/servers/index.ts";
import { instance, Traffic } from "../../test/consul/traffic.ts";
import { watching } from "../../test/support/watching.ts";
import { clusterJson, clusterRead, endpointsJson, endpointsRead } from "./messages.ts";

const installMs = 1_800_000;
type Place = Pick<Endpoint, "host" | "port">;

let server: XdsControlPlane;
let version = 0;
const services = new Map<string, readonly Place[]>();

beforeAll(async () => {
  server = await startXds();
}, installMs);

afterAll(() => server.stop());

function options(more: XdsOptions = {}): XdsOptions {
  return {
    bootstrap: {
      xds_servers: [{ server_uri: server.address, channel_creds: [{ type: "insecure" }] }],
      node: { id: "shop-1", metadata: { GENERATOR: "grpc" } },
    },
    doesNotExistMs: 1000,
    ...more,
  };
}

function assignment(name: string, places: readonly Place[]): object {
  return {
    cluster_name: name,
    endpoints: [
      {
        locality: { region: "r", zone: "a" },
        load_balancing_weight: Math.max(1, places.length),
        lb_endpoints: places.map(({ host, port }) => ({
          health_status: "HEALTHY",
          endpoint: { address: { socket_address: { address: host, port_value: port } } },
        })),
      },
    ],
  };
}

/** Makes these the endpoints of a service; resolves when the server has them. */
async function put(service: string, places: readonly Place[], cluster: object = {}): Promise<void> {
  services.set(service, places);
  await server.serve({
    version: String(++version),
    clusters: [...services.keys()].map((name) => {
      const usual = { name, type: "EDS", eds_cluster_config: { eds_config: { ads: {} } } };
      return name === service ? Object.assign(usual, cluster) : usual;
    }),
    endpoints: Array.from(services, ([name, list]) => assignment(name, list)),
  });
}

async function forget(): Promise<void> {
  services.clear();
  await server.serve({ version: String(++version), clusters: [], endpoints: [] });
}

function meshOn(more: XdsOptions = {}): Mesh {
  const mesh = createMesh({ discovery: xds(options(more)) });
  onTestFinished(() => mesh.close());
  return mesh;
}

describe.each(["sotw", "delta"] as const)("go-control-plane, %s", { timeout: 90_000 }, (protocol) => {
  let isPaused = false;
  const cases = sourceContract(
    () => ({
      source: xds(options({ protocol, connectTimeoutMs: 2000, keepaliveMs: 3000, keepaliveTimeoutMs: 500 })),
      put: (service, endpoints) => put(service, endpoints),
      remove: (service, id) =>
        put(
          service,
          (services.get(service) ?? []).filter((_, i) => `contract-${i + 1}` !== id),
        ),
      // The same list under another version.
      touch: (service) => put(service, services.get(service) ?? []),
      breakConnection: () => server.kill(),
      silence: async () => {
        await server.pause();
        isPaused = true;
      },
      restore: async () => {
        if (isPaused) server.resume();
        isPaused = false;
        if (server.isRunning) return;
        const known = new Map(services);
        await server.restart();
        for (const [service, places] of known) await put(service, places);
      },
      close: async () => {
        if (isPaused) server.resume();
        isPaused = false;
        if (!server.isRunning) await server.restart();
        await forget();
      },
    }),
    // A snapshot of go-control-plane that makes no sense is refused by it.
    { without: ["putMalformed"], with: ["touch", "silence", "many"], timeoutMs: 20_000 },
  );
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  it("refuses a bad cluster, says why, keeps the good one, and takes the next", async () => {
    await put("orders", [{ host: "127.0.0.1", port: 1001 }]);
    const watch = watching(xds(options({ protocol })), "orders");
    await watch.untilAddresses(["127.0.0.1:1001"]);
    await put("orders", [{ host: "127.0.0.1", port: 1002 }], {
      type: "ORIGINAL_DST",
      eds_cluster_config: null,
    });
    await watch.until("it is refused", () => watch.errors.length > 0);
    expect(watch.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("ORIGINAL_DST"),
    });
    // What is good in the same snapshot counts all the same.
    await watch.untilAddresses(["127.0.0.1:1002"]);
    // It is sent at the moment at which the watch is told, and may be on its way.
    const heard = await until("the server hears of it", 5_000, async () => {
      const all = await server.heard();
      return all.some(({ error }) => error.includes("ORIGINAL_DST")) ? all : undefined;
    });
    expect(heard.at(-1)?.node === "" || heard.at(-1)?.node === "shop-1").toBe(true);
    await put("orders", [{ host: "127.0.0.1", port: 1003 }]);
    await watch.untilAddresses(["127.0.0.1:1003"]);
  });

  it("keeps calling while it is killed, and routes to what it serves afterwards", async () => {
    const [first, second] = [await instance(), await instance()];
    await put("orders", [{ host: "127.0.0.1", port: first }]);
    const traffic = new Traffic(meshOn({ protocol }), "orders");
    await expect.poll(() => traffic.answerers, { timeout: 10_000 }).toEqual([first]);
    await server.kill();
    traffic.forget();
    await expect.poll(() => traffic.answers, { timeout: 10_000 }).toBeGreaterThan(50);
    await server.restart();
    await put("orders", [{ host: "127.0.0.1", port: second }]);
    await expect.poll(() => traffic.answerers, { timeout: 40_000 }).toContain(second);
    await traffic.end();
    expect(traffic.failures).toEqual([]);
  });

  it("says how long a write takes until the first call goes to it, and how long 10,000 endpoints take", async () => {
    const ports = await Promise.all(Array.from({ length: 2 }, () => instance()));
    await put("orders", [{ host: "127.0.0.1", port: ports[0] ?? 0 }]);
    const mesh = meshOn({ protocol });
    const call = async (): Promise<number> => Number(await (await mesh.fetch("http://orders/")).text());
    await call();
    const times: number[] = [];
    for (let i = 1; i <= 100; i++) {
      const wanted = ports[i % 2] ?? 0;
      const started = performance.now();
      await put("orders", [{ host: "127.0.0.1", port: wanted }]);
      while ((await call()) !== wanted) {
        // Until it is the one.
      }
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    const many = Array.from({ length: 10_000 }, (_, i) => ({ host: `10.1.${i >> 8}.${i & 255}`, port: 80 }));
    const watch = watching(xds(options({ protocol })), "many");
    const started = performance.now();
    await put("many", many);
    await watch.until("all of them", () => watch.snapshots.at(-1)?.endpoints.length === many.length, 30_000);
    const manyMs = performance.now() - started;
    await watch.stop();
    const [p50, p99] = [times[49] ?? 0, times[98] ?? 0];
    process.stdout.write(
      `xds ${protocol}: write to first routed call p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms of 100; ` +
        `10,000 endpoints from write to snapshot ${manyMs.toFixed(0)} ms\n`,
    );
    expect(p99).toBeLessThan(10_000);
  });
});

describe("bytes that Envoy's own library writes", { timeout: 60_000 }, () => {
  it("are read as what they are", async () => {
    const cluster = await server.encode("envoy.config.cluster.v3.Cluster", clusterJson);
    const endpoints = await server.encode("envoy.config.endpoint.v3.ClusterLoadAssignment", endpointsJson);
    expect(workAtOnce(clusterKind.decode(cluster))).toEqual(clusterRead);
    expect(workAtOnce(endpointsKind.decode(endpoints))).toEqual(endpointsRead);
  });

  it("and what is written here is read there", async () => {
    const request = {
      versionInfo: "7",
      node: {
        id: "n",
        cluster: "c",
        locality: { region: "r", zone: "z", subZone: "s" },
        metadata: {
          fields: { GENERATOR: { stringValue: "grpc" }, none: { nullValue: 0 }, no: { boolValue: false } },
        },
        userAgentName: "proxyless",
        userAgentVersion: "0",
        clientFeatures: ["f"],
      },
      resourceNames: ["a", "b"],
      typeUrl: "t",
      responseNonce: "3",
      errorDetail: { code: 3, message: "no" },
    };
    const node = {
      id: "n",
      cluster: "c",
      locality: { region: "r", zone: "z", sub_zone: "s" },
      metadata: { GENERATOR: "grpc", none: null, no: false },
      user_agent_name: "proxyless",
      user_agent_version: "0",
      client_features: ["f"],
    };
    const sotw = codecOf("DiscoveryRequest").encode(request);
    expect(await server.decode("envoy.service.discovery.v3.DiscoveryRequest", sotw)).toEqual({
      version_info: "7",
      node,
      resource_names: ["a", "b"],
      type_url: "t",
      response_nonce: "3",
      error_detail: { code: 3, message: "no" },
    });
    const delta = codecOf("DeltaDiscoveryRequest").encode({
      node: request.node,
      typeUrl: "t",
      subscribe: ["a"],
      unsubscribe: ["b"],
      initialResourceVersions: { a: "1" },
      responseNonce: "3",
      errorDetail: request.errorDetail,
    });
    expect(await server.decode("envoy.service.discovery.v3.DeltaDiscoveryRequest", delta)).toEqual({
      node,
      type_url: "t",
      resource_names_subscribe: ["a"],
      resource_names_unsubscribe: ["b"],
      initial_resource_versions: { a: "1" },
      response_nonce: "3",
      error_detail: { code: 3, message: "no" },
    });
  });
});
