import { status } from "@grpc/grpc-js";
import { createMesh } from "@proxyless/core";
import type { Clock, Mesh } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { xds } from "@proxyless/discovery-xds";
import type { XdsOptions } from "@proxyless/discovery-xds";
import { describe, expect, it, onTestFinished } from "vitest";

import { ManagementServer } from "./support/management-server.ts";

async function started(port?: number): Promise<ManagementServer> {
  const server = await ManagementServer.start(port === undefined ? {} : { port });
  onTestFinished(() => {
    server.stop();
    expect(server.violations).toEqual([]);
  });
  return server;
}

/** The state of each service, as `mesh.inspect` has it. */
interface Rig {
  readonly mesh: Mesh;
  readonly events: readonly string[];
  /** `orders: 10.0.0.1:1001, stale` of every service, sorted. */
  readonly view: () => readonly string[];
}

function rigOn(address: string, services: readonly string[], options: XdsOptions, clock?: Clock): Rig {
  const source = xds({
    bootstrap: {
      xds_servers: [{ server_uri: address, channel_creds: [{ type: "insecure" }] }],
      node: { id: "shop-1" },
    },
    ...options,
  });
  const mesh = createMesh({ discovery: source, directory: { emptyHoldMs: 300 }, ...(clock && { clock }) });
  onTestFinished(() => mesh.close());
  const events: string[] = [];
  mesh.on("discovery.error", ({ service }) => events.push(`trouble of ${service}`));
  mesh.on("discovery.recovered", ({ service }) => events.push(`${service} recovered`));
  for (const service of services) mesh.service(service);
  const view = (): readonly string[] =>
    mesh
      .inspect()
      .discovery.map(({ endpoints, service, stale, status: kind }) => {
        const places = endpoints.map((each) => each.address).join(" ");
        return `${service}: ${kind === "bound" ? places : kind}${stale ? ", stale" : ""}`;
      })
      .toSorted((a, b) => (a < b ? -1 : 1));
  return { mesh, events, view };
}

const at = (port: number): { host: string; port: number }[] => [{ host: "10.0.0.1", port }];
const waiting = { timeout: 20_000, interval: 5 };

describe.each(["sotw", "delta"] as const)("after an outage, %s", { timeout: 60_000 }, (protocol) => {
  it("nothing stays stale where nothing has changed and the server has nothing to say", async () => {
    const first = await started();
    const put = (server: ManagementServer): void => {
      for (const [i, name] of ["a", "b", "c"].entries()) server.putService(name, at(1001 + i));
    };
    put(first);
    const rig = rigOn(first.address, ["a", "b", "c"], { protocol });
    const well = ["a: 10.0.0.1:1001", "b: 10.0.0.1:1002", "c: 10.0.0.1:1003"];
    await expect.poll(rig.view, waiting).toEqual(well);
    const { port } = first;
    first.stop();
    await expect.poll(rig.view, waiting).toEqual(well.map((each) => `${each}, stale`));
    // The same content under the same versions.
    put(await started(port));
    await expect.poll(rig.view, waiting).toEqual(well);
    expect(rig.events.filter((each) => each.endsWith("recovered"))).toHaveLength(3);
  });

  it("what was gone is known to be gone, and what is held back for that goes", async () => {
    const first = await started();
    first.putService("orders", at(1001));
    const rig = rigOn(first.address, ["orders", "users"], { protocol, doesNotExistMs: 500 });
    await expect.poll(rig.view, waiting).toEqual(["orders: 10.0.0.1:1001", "users: absent"]);
    const { port } = first;
    first.remove("Cluster", "orders");
    await expect.poll(() => rig.mesh.inspect().discovery[0]?.from, waiting).toBe("held");
    first.stop();
    await expect.poll(rig.view, waiting).toEqual(["orders: 10.0.0.1:1001, stale", "users: absent, stale"]);
    const second = await started(port);
    // Somebody else's: a control plane that is well and knows neither of them.
    second.putService("carts", at(1009));
    await expect.poll(rig.view, waiting).toEqual(["orders: absent", "users: absent"]);
  });

  it("a server that takes connections and says nothing confirms nothing", async () => {
    const first = await started();
    first.putService("orders", at(1001));
    const clock = new ManualClock();
    const rig = rigOn(first.address, ["orders"], { protocol }, clock);
    // Back-offs pass while the network does its real work.
    const soon = async (): Promise<readonly string[]> => {
      await clock.advance(5);
      return rig.view();
    };
    await expect.poll(soon, waiting).toEqual(["orders: 10.0.0.1:1001"]);
    const { port } = first;
    first.stop();
    await expect.poll(soon, waiting).toEqual(["orders: 10.0.0.1:1001, stale"]);
    const second = await started(port);
    second.isDeaf = true;
    second.putService("orders", at(1001));
    await expect.poll(async () => (await soon()) && second.opened, waiting).toBe(1);
    // As a proxy does whose own server is away: it takes a while to say so.
    await clock.advance(120_000);
    expect(rig.view()).toEqual(["orders: 10.0.0.1:1001, stale"]);
    second.isDeaf = false;
    second.endStreams(status.UNAVAILABLE);
    await expect.poll(soon, waiting).toEqual(["orders: 10.0.0.1:1001"]);
  });
});

it(
  "a name that is new to a server which has no news for its old ones is heard of",
  { timeout: 60_000 },
  async () => {
    const first = await started();
    first.putService("a", at(1001));
    first.putService("b", at(1002));
    const rig = rigOn(first.address, ["a"], { doesNotExistMs: 1_000 });
    await expect.poll(rig.view, waiting).toEqual(["a: 10.0.0.1:1001"]);
    const { port } = first;
    first.stop();
    await expect.poll(rig.view, waiting).toEqual(["a: 10.0.0.1:1001, stale"]);
    rig.mesh.service("b");
    const second = await started(port);
    second.putService("a", at(1001));
    second.putService("b", at(1002));
    await expect.poll(rig.view, waiting).toEqual(["a: 10.0.0.1:1001", "b: 10.0.0.1:1002"]);
  },
);
