import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { dns } from "@proxyless/discovery-dns";
import { eureka } from "@proxyless/discovery-eureka";
import { file } from "@proxyless/discovery-file";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { nacos } from "@proxyless/discovery-nacos";
import { xds } from "@proxyless/discovery-xds";

import { startPowerDns } from "../../scripts/servers/index.ts";
import { EurekaServer } from "../../test/eureka/server.ts";
import { ApiServer } from "../../test/kubernetes/api-server.ts";
import { NacosServer } from "../../test/nacos/server.ts";
import { ControlPlane } from "../../test/xds/control-plane.ts";
import type { Exhibit } from "./exhibit.ts";

const zoneFile: Exhibit = {
  registry: "dns",
  framework: "a zone with SRV",
  start: async () => {
    const server = await startPowerDns();
    const name = `_http._tcp.{service}.${server.zone}`;
    return {
      source: dns({ servers: `${server.host}:${server.port}`, name }),
      write: async (port) => {
        await server.put("web-1", "A", ["127.0.0.1"], 5);
        await server.put("_http._tcp.orders", "SRV", [`10 60 ${port} web-1.${server.zone}.`], 5);
      },
      stop: () => server.stop(),
    };
  },
};

const fileSd: Exhibit = {
  registry: "file",
  framework: "Prometheus file_sd",
  start: async () => {
    const folder = await mkdtemp(join(tmpdir(), "interop-"));
    const path = join(folder, "targets.json");
    return {
      source: file({ path }),
      write: async (port) => {
        const groups = [{ targets: [`127.0.0.1:${port}`], labels: { job: "orders", env: "prod" } }];
        await writeFile(`${path}.new`, JSON.stringify(groups));
        await rename(`${path}.new`, path);
      },
      stop: () => rm(folder, { recursive: true }),
    };
  },
};

/** Sends what a framework would; the servers here and the real ones take the same. */
async function send(url: string, method: string, body?: object): Promise<void> {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(url, { method, headers, ...json });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
}

const springNetflix: Exhibit = {
  registry: "eureka",
  framework: "Spring Cloud Netflix",
  start: async () => {
    const server = await EurekaServer.start();
    return {
      source: eureka({ url: server.url, intervalMs: 1_000 }),
      write: (port) =>
        send(`${server.url}/apps/ORDERS`, "POST", {
          instance: {
            instanceId: `laptop:orders:${port}`,
            hostName: "127.0.0.1",
            app: "ORDERS",
            ipAddr: "127.0.0.1",
            status: "UP",
            overriddenStatus: "UNKNOWN",
            port: { $: port, "@enabled": "true" },
            securePort: { $: 443, "@enabled": "false" },
            countryId: 1,
            dataCenterInfo: {
              "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
              name: "MyOwn",
            },
            leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
            metadata: { "management.port": String(port) },
            vipAddress: "orders",
            secureVipAddress: "orders",
          },
        }),
      stop: () => server.stop(),
    };
  },
};

const springAlibaba: Exhibit = {
  registry: "nacos",
  framework: "Spring Cloud Alibaba",
  start: async () => {
    const server = await NacosServer.start();
    return {
      source: nacos({ url: server.url, intervalMs: 1_000 }),
      write: (port) => {
        const query = new URLSearchParams({
          serviceName: "orders",
          groupName: "DEFAULT_GROUP",
          ip: "127.0.0.1",
          port: String(port),
          weight: "1.0",
          metadata: '{"preserved.register.source":"SPRING_CLOUD"}',
        });
        return send(`${server.url}/nacos/v3/client/ns/instance?${query.toString()}`, "POST");
      },
      stop: () => server.stop(),
    };
  },
};

const endpointSlice: Exhibit = {
  registry: "kubernetes",
  framework: "EndpointSlice controller",
  start: async () => {
    const server = await ApiServer.start();
    return {
      source: kubernetes({ url: server.url }),
      write: (port) => {
        server.put({
          metadata: {
            name: "orders-x7k2p",
            labels: {
              "kubernetes.io/service-name": "orders",
              "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
          },
          addressType: "IPv4",
          ports: [{ name: "http", port, protocol: "TCP" }],
          endpoints: [
            {
              addresses: ["127.0.0.1"],
              conditions: { ready: true, serving: true, terminating: false },
              nodeName: "node-1",
              zone: "eu-1a",
              targetRef: { kind: "Pod", name: "orders-5f6", uid: "1c5d8a0e" },
            },
          ],
        });
        return Promise.resolve();
      },
      stop: () => server.stop(),
    };
  },
};

const controlPlane: Exhibit = {
  registry: "xds",
  framework: "an xDS control plane",
  start: async () => {
    const server = await ControlPlane.start();
    const channel = { server_uri: `127.0.0.1:${server.port}`, channel_creds: [{ type: "insecure" }] };
    return {
      source: xds({ bootstrap: { xds_servers: [channel], node: { id: "interop" } } }),
      write: (port) => server.put("orders", [{ host: "127.0.0.1", port }]),
      stop: () => server.stop(),
    };
  },
};

export const otherExhibits: readonly Exhibit[] = [
  zoneFile,
  fileSd,
  springNetflix,
  springAlibaba,
  endpointSlice,
  controlPlane,
];
