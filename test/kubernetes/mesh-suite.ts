import { setTimeout as sleep } from "node:timers/promises";

import { createMesh } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { describe, expect, it, onTestFinished } from "vitest";

import { instance, Traffic } from "../consul/traffic.ts";
import type { Cluster } from "./cluster.ts";
import { sliceJson } from "./slices.ts";

let spaces = 0;

/** A pod that answers with its port, written into a slice of its own. */
async function pod(cluster: Cluster, namespace: string): Promise<number> {
  const port = await instance();
  await write(cluster, namespace, port);
  return port;
}

async function write(cluster: Cluster, namespace: string, port: number, more: object = {}): Promise<void> {
  const slice = sliceJson({
    name: `orders-${port}`,
    service: "orders",
    ports: [{ name: "http", port, protocol: "TCP" }],
    pods: [{ name: `orders-${port}`, ip: "127.0.0.1", ...more }],
  });
  await cluster.writer.put(slice, namespace);
}

/** A mesh over three pods, with calls all the time. */
async function underTraffic(cluster: Cluster): Promise<{
  readonly mesh: Mesh;
  readonly traffic: Traffic;
  readonly ports: readonly number[];
  readonly namespace: string;
}> {
  const namespace = await cluster.namespace(`mesh-${++spaces}`);
  const ports = [await pod(cluster, namespace), await pod(cluster, namespace), await pod(cluster, namespace)];
  const options = cluster.options({ namespace, silenceMs: 1000, requestTimeoutMs: 500 });
  const mesh = createMesh({
    discovery: kubernetes(options),
    // Everybody is called, so that it is seen who can be.
    services: { orders: { balancer: "round-robin" } },
  });
  onTestFinished(() => mesh.close());
  const traffic = new Traffic(mesh, "orders");
  await expect.poll(() => traffic.answerers, { timeout: 15_000 }).toEqual(ports.toSorted((a, b) => a - b));
  return { mesh, traffic, ports, namespace };
}

/** Calls go on as if nothing were, and somebody new is called in the end. */
async function recovers(cluster: Cluster, namespace: string, traffic: Traffic): Promise<void> {
  const newcomer = await pod(cluster, namespace);
  await expect.poll(() => traffic.answerers, { timeout: 60_000 }).toContain(newcomer);
  await traffic.end();
  expect(traffic.failures).toEqual([]);
}

/** A fault that a test makes, and its end. */
export interface Fault {
  readonly name: string;
  readonly begin: (cluster: Cluster) => Promise<void>;
  readonly end: (cluster: Cluster) => Promise<void>;
}

/** The faults of a server's process. */
export const processFaults: readonly Fault[] = [
  {
    name: "killed",
    begin: async ({ faults }) => faults?.kill(),
    end: async ({ faults }) => faults?.restart(),
  },
  {
    name: "frozen",
    begin: async ({ faults }) => faults?.pause(),
    end: async ({ faults }) => faults?.resume(),
  },
];

/** A mesh with a Kubernetes source while calls are made all the time. */
export function meshSuite(cluster: () => Cluster, faults: readonly Fault[]): void {
  describe("a mesh under traffic", { timeout: 120_000 }, () => {
    it.each(faults)("does not lose a call while the API server is $name", async ({ begin, end }) => {
      const { traffic, ports, namespace } = await underTraffic(cluster());
      await begin(cluster());
      try {
        traffic.forget();
        await sleep(1600);
        expect(traffic.failures).toEqual([]);
        expect(traffic.answerers).toEqual(ports.toSorted((a, b) => a - b));
      } finally {
        await end(cluster());
      }
      await recovers(cluster(), namespace, traffic);
    });

    it("does not lose a call while a pod leaves: it is seen to terminate, then to be gone", async () => {
      const { traffic, ports, namespace } = await underTraffic(cluster());
      const [leaving = 0, ...others] = ports;
      const isBeta = cluster().writer.version === "v1beta1";
      // Kubernetes 1.20 does not say that a pod terminates, only that it is not ready.
      await write(
        cluster(),
        namespace,
        leaving,
        isBeta ? { ready: false } : { ready: false, serving: true, terminating: true },
      );
      await expect
        .poll(
          async () => {
            traffic.forget();
            await sleep(300);
            return traffic.answerers;
          },
          { timeout: 20_000 },
        )
        .toEqual(others.toSorted((a, b) => a - b));
      await cluster().writer.remove(`orders-${leaving}`, namespace);
      await sleep(200);
      await recovers(cluster(), namespace, traffic);
    });
  });
}
