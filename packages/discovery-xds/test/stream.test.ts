import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { status } from "@grpc/grpc-js";
import type { Watching } from "@proxyless/core/testing";
import { xds } from "@proxyless/discovery-xds";
import type { XdsOptions, XdsSource } from "@proxyless/discovery-xds";
import { describe, expect, it, onTestFinished } from "vitest";

import { watching } from "../../../test/support/watching.ts";
import { ManagementServer } from "./support/management-server.ts";
import type { ManagementServerOptions } from "./support/management-server.ts";

async function started(options?: ManagementServerOptions): Promise<ManagementServer> {
  const server = await ManagementServer.start(options);
  onTestFinished(() => {
    server.stop();
    expect(server.violations).toEqual([]);
  });
  return server;
}

function sourceOn(
  address: string | readonly string[],
  options: XdsOptions = {},
  features: string[] = [],
): XdsSource {
  const addresses = typeof address === "string" ? [address] : address;
  return xds({
    bootstrap: {
      xds_servers: addresses.map((server_uri) => ({
        server_uri,
        channel_creds: [{ type: "insecure" }],
        server_features: features,
      })),
      node: { id: "shop-1", cluster: "shop", metadata: { GENERATOR: "grpc" }, locality: { zone: "a" } },
    },
    ...options,
  });
}

function watch(source: XdsSource, service = "orders"): Watching {
  const made = watching(source, service);
  return made;
}

const at = (...ports: number[]): { host: string; port: number }[] =>
  ports.map((port) => ({ host: "10.0.0.1", port }));
const places = (...ports: number[]): string[] => ports.map((port) => `10.0.0.1:${port}`);

describe.each(["sotw", "delta"] as const)("one stream, %s", { timeout: 30_000 }, (protocol) => {
  it("carries everything that is watched, says who asks once, and ends with the last watch", async () => {
    const server = await started();
    for (let i = 0; i < 50; i++) server.putService(`s${i}`, at(1000 + i));
    const source = sourceOn(server.address, { protocol });
    const all = Array.from({ length: 50 }, (_, i) => watching(source, `s${i}`));
    await Promise.all(all.map((one, i) => one.untilAddresses(places(1000 + i))));
    expect(server.opened).toBe(1);
    // What was wanted together was asked for together.
    expect(server.heard.filter(({ kind }) => kind === "subscribe").length).toBeLessThanOrEqual(3);
    expect(server.heard[0]?.node).toMatchObject({ id: "shop-1", cluster: "shop", locality: { zone: "a" } });
    await Promise.all(all.slice(1).map((one) => one.stop()));
    await expect.poll(() => server.heard.at(-1)?.names, { timeout: 10_000 }).toEqual(["s0"]);
    expect(server.streams).toBe(1);
    await all[0]?.stop();
    await expect.poll(() => server.streams, { timeout: 10_000 }).toBe(0);
    const again = watch(source, "s7");
    await again.untilAddresses(places(1007));
    expect(server.opened).toBe(2);
  });

  it("that ends after an answer is followed by another one, and that is no error", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(server.address, { protocol }));
    await orders.untilAddresses(places(1001));
    for (let i = 2; i <= 4; i++) {
      server.endStreams(i === 3 ? status.UNAVAILABLE : status.OK);
      await expect.poll(() => server.opened, { timeout: 10_000 }).toBe(i);
      server.putService("orders", at(1000 + i));
      await orders.untilAddresses(places(1000 + i));
    }
    expect(orders.errors).toEqual([]);
  });

  it("confirms what has not changed after it was broken", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(server.address, { protocol }));
    await orders.untilAddresses(places(1001));
    const before = orders.snapshots.length + orders.alives;
    server.endStreams();
    await orders.until("it is confirmed", () => orders.snapshots.length + orders.alives > before);
    expect(orders.addresses).toEqual(places(1001));
  });

  it("that ends before any answer is trouble of the class that its status has", async () => {
    const server = await started();
    server.refuseWith = status.PERMISSION_DENIED;
    const orders = watch(sourceOn(server.address, { protocol }));
    await orders.until("an error", () => orders.errors.length > 0);
    expect(orders.errors[0]).toMatchObject({
      class: "auth",
      message: expect.stringContaining("PERMISSION_DENIED"),
    });
    server.refuseWith = status.UNIMPLEMENTED;
    await orders.until("another", () => orders.errors.at(-1)?.class === "config");
    server.refuseWith = undefined;
    server.putService("orders", at(1001));
    orders.refresh();
    await orders.untilAddresses(places(1001), 20_000);
  });

  it("refuses what is bad, keeps what is good, and takes what is good next", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    server.putService("users", at(2001));
    const source = sourceOn(server.address, { protocol });
    const [orders, users] = [watch(source), watch(source, "users")];
    await Promise.all([orders.untilAddresses(places(1001)), users.untilAddresses(places(2001))]);
    server.put("ClusterLoadAssignment", "orders", { cluster_name: "orders", endpoints: [{ priority: 1 }] });
    await orders.until("an error", () => orders.errors.length > 0);
    expect(orders.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("endpoints orders: "),
    });
    expect(users.errors).toEqual([]);
    await expect
      .poll(() => server.heard.at(-1), { timeout: 10_000 })
      .toMatchObject({ kind: "nack", error: expect.stringContaining("priority 0 is missing") });
    server.put("Cluster", "users", { name: "users", type: "ORIGINAL_DST" });
    await users.until("an error", () => users.errors.length > 0);
    server.putService("users", at(2002));
    await users.untilAddresses(places(2002));
    server.putService("orders", at(1002));
    await orders.untilAddresses(places(1002));
    expect(orders.addresses).toEqual(places(1002));
  });

  it("that brings no message at all is begun again", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(server.address, { protocol }));
    await orders.untilAddresses(places(1001));
    server.sendGarbage(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await expect.poll(() => server.opened, { timeout: 10_000 }).toBe(2);
    server.putService("orders", at(1002));
    await orders.untilAddresses(places(1002));
  });

  it("says that a cluster is gone, and that it is back", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(server.address, { protocol }));
    await orders.untilAddresses(places(1001));
    server.remove("Cluster", "orders");
    await orders.until("it is absent", () => orders.last?.kind === "absent");
    server.put("Cluster", "orders", { name: "orders", type: "EDS" });
    await orders.untilAddresses(places(1001));
    expect(orders.errors).toEqual([]);
  });

  it("keeps a cluster that is gone where the server's features say so", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(server.address, { protocol }, ["ignore_resource_deletion"]));
    await orders.untilAddresses(places(1001));
    server.remove("Cluster", "orders");
    await orders.until("it is said", () => orders.errors.length > 0);
    expect(orders.errors[0]).toMatchObject({
      class: "data",
      message: expect.stringContaining("was deleted"),
    });
    expect(orders.addresses).toEqual(places(1001));
  });

  it("forgets what is not heard of within its lifetime", async () => {
    const server = await started();
    server.state.ttlSeconds = 1;
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(server.address, { protocol }));
    await orders.untilAddresses(places(1001));
    await orders.until("it is absent", () => orders.last?.kind === "absent");
    server.state.ttlSeconds = undefined;
    // Otherwise than before: for the server the client still has what it was sent.
    server.put("Cluster", "orders", { name: "orders", type: "EDS", lb_policy: "RANDOM" });
    server.putService("orders", at(1002));
    await orders.untilAddresses(places(1002));
    expect(orders.errors).toEqual([]);
  });

  it("follows a cluster to other endpoints, and from EDS to its own and back", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(server.address, { protocol }));
    await orders.untilAddresses(places(1001));
    const eds = (service_name: string): object => ({
      name: "orders",
      type: "EDS",
      eds_cluster_config: { service_name },
    });
    server.put("Cluster", "orders", eds("orders-v2"));
    await expect.poll(() => server.heard.at(-1)?.names, { timeout: 10_000 }).toEqual(["orders-v2"]);
    // Nothing is known of them yet, so the old ones serve; delta says at once that there are none.
    await orders.untilAddresses(protocol === "sotw" ? places(1001) : []);
    server.put("ClusterLoadAssignment", "orders-v2", {
      cluster_name: "orders-v2",
      endpoints: [
        {
          locality: {},
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: "10.0.0.1", port_value: 1002 } } } },
          ],
        },
      ],
    });
    await orders.untilAddresses(places(1002));
    server.put("Cluster", "orders", {
      name: "orders",
      type: "STRICT_DNS",
      load_assignment: {
        endpoints: [
          {
            lb_endpoints: [
              { endpoint: { address: { socket_address: { address: "orders.internal", port_value: 80 } } } },
            ],
          },
        ],
      },
    });
    await orders.untilAddresses(["orders.internal:80"]);
    server.put("Cluster", "orders", eds("orders"));
    await orders.untilAddresses(places(1001));
  });

  it("has at hand what is let go and wanted again at once", async () => {
    const server = await started();
    server.putService("orders", at(1001));
    const source = sourceOn(server.address, { protocol, doesNotExistMs: 200 });
    watch(source, "users");
    const orders = watching(source, "orders");
    await orders.untilAddresses(places(1001));
    const stopped = orders.stop();
    const again = watch(source);
    await again.untilAddresses(places(1001));
    await stopped;
    await again.until("nothing else", () => again.snapshots.every(({ endpoints }) => endpoints.length === 1));
    expect(again.addresses).toEqual(places(1001));
  });

  it("may carry endpoints alone", async () => {
    const server = await started();
    server.putService("outbound|80||orders.shop.svc", at(1001));
    server.remove("Cluster", "outbound|80||orders.shop.svc");
    const options: XdsOptions = {
      protocol,
      subscribe: "endpoints",
      clusterName: "outbound|80||{service}.shop.svc",
    };
    const orders = watch(sourceOn(server.address, options));
    await orders.untilAddresses(places(1001));
    expect(server.heard.every(({ type }) => type === "ClusterLoadAssignment")).toBe(true);
  });
});

describe("a resource that does not come", { timeout: 30_000 }, () => {
  it("is absent when its time is over, which counts only while there is a stream", async () => {
    const server = await started();
    const { port } = server;
    server.stop();
    const orders = watch(sourceOn(`127.0.0.1:${port}`, { doesNotExistMs: 300 }));
    await orders.until("it cannot connect", () => orders.errors.length > 2);
    expect(orders.snapshots).toEqual([]);
    await started({ port });
    orders.refresh();
    await orders.until("it is absent", () => orders.last?.kind === "absent", 20_000);
  });

  it("is trouble where the server's features say so", async () => {
    const server = await started();
    const source = sourceOn(server.address, { doesNotExistMs: 100 }, ["resource_timer_is_transient_error"]);
    const orders = watch(source);
    await orders.until("an error", () => orders.errors.length > 0);
    expect(orders.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining("200 ms"),
    });
    expect(orders.snapshots).toEqual([]);
  });

  it("leaves a cluster without endpoints empty, not absent", async () => {
    const server = await started();
    server.put("Cluster", "orders", { name: "orders", type: "EDS" });
    const orders = watch(sourceOn(server.address, { doesNotExistMs: 100 }));
    await orders.until("an answer", () => orders.snapshots.length > 0);
    expect(orders.snapshots[0]).toMatchObject({ kind: "bound", endpoints: [] });
  });
});

describe("several servers", { timeout: 30_000 }, () => {
  it("are tried in turn, and the first one is gone back to", async () => {
    const first = await started();
    const { port } = first;
    first.stop();
    const second = await started();
    second.putService("orders", at(2001));
    const orders = watch(sourceOn([`127.0.0.1:${port}`, second.address], { returnMs: 200 }));
    await orders.untilAddresses(places(2001));
    expect(orders.errors[0]).toMatchObject({
      class: "transient",
      message: expect.stringContaining(String(port)),
    });
    const back = await started({ port });
    back.putService("orders", at(1001));
    await orders.untilAddresses(places(1001), 20_000);
    await expect.poll(() => second.streams, { timeout: 10_000 }).toBe(0);
    // Nothing of one server's versions was told to the other.
    expect(back.heard[0]).toMatchObject({ kind: "subscribe", version: "" });
  });
});

describe("a server at a unix socket", { timeout: 30_000 }, () => {
  it("is spoken to", async () => {
    const folder = mkdtempSync(join(tmpdir(), "proxyless-xds-"));
    onTestFinished(() => {
      rmSync(folder, { recursive: true, force: true });
    });
    const server = await started({ path: join(folder, "xds.sock") });
    server.putService("orders", at(1001));
    const orders = watch(sourceOn(`unix://${join(folder, "xds.sock")}`));
    await orders.untilAddresses(places(1001));
    expect(orders.errors).toEqual([]);
  });
});

describe("a name that cannot be made", { timeout: 30_000 }, () => {
  it("is an error of the watch, and nothing is asked", async () => {
    const server = await started();
    const source = sourceOn(server.address, { clusterName: () => "" });
    const orders = watch(source);
    await orders.until("an error", () => orders.errors.length > 0);
    expect(orders.errors[0]).toMatchObject({
      class: "config",
      message: expect.stringContaining("clusterName"),
    });
    expect(source.key({ service: "orders" })).not.toBe(source.key({ service: "users" }));
    expect(server.opened).toBe(0);
  });
});
