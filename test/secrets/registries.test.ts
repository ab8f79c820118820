import { createMesh } from "@proxyless/core";
import type { DiscoverySource } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";
import { etcd } from "@proxyless/discovery-etcd";
import { eureka } from "@proxyless/discovery-eureka";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { nacos } from "@proxyless/discovery-nacos";
import { expect, it } from "vitest";

import { Overheard } from "./support/overheard.ts";
import { parrot } from "./support/parrot.ts";
import { Planted } from "./support/planted.ts";

type Make = (url: string, planted: Planted) => DiscoverySource;

const registries: readonly (readonly [name: string, status: number, make: Make])[] = [403, 500, 200].flatMap(
  (status) =>
    (
      [
        ["consul", (url, planted) => consul({ url, token: planted.at("Consul's token") })],
        ["etcd", (url, planted) => etcd({ url, username: "mesh", password: planted.at("etcd's password") })],
        [
          "eureka",
          (url, planted) => eureka({ url, user: "mesh", password: planted.at("Eureka's password") }),
        ],
        ["kubernetes", (url, planted) => kubernetes({ url, token: planted.at("Kubernetes' token") })],
        [
          "nacos",
          (url, planted) => nacos({ url, username: "mesh", password: planted.at("Nacos' password") }),
        ],
      ] as const satisfies readonly (readonly [string, Make])[]
    ).map(([name, make]) => [name, status, make] as const),
);

it.for(registries)(
  "a registry's credential does not come out, though %s says it back with status %i",
  async ([, status, make]) => {
    const planted = new Planted();
    const overheard = new Overheard(planted);
    const heard: string[] = [];
    const mesh = overheard.listenTo(createMesh({ discovery: make(await parrot(status, heard), planted) }));
    const troubles: string[] = [];
    mesh.on("discovery.error", ({ message }) => troubles.push(message));
    mesh.on("discovery.skipped", ({ reason }) => troubles.push(reason));
    await planted.thrown("a call", () => mesh.fetch("http://orders/x", { mesh: { timeoutMs: 300 } }));
    await planted.thrown("ready", () => mesh.ready("orders", { signal: AbortSignal.timeout(200) }));
    await expect.poll(() => troubles.length, { timeout: 10_000 }).toBeGreaterThan(0);
    await overheard.end();
    // It was told, and something was heard of what it said.
    expect(heard.length).toBeGreaterThan(0);
    expect(planted.leaks).toEqual([]);
  },
);
