import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { dns } from "@proxyless/discovery-dns";
import { file } from "@proxyless/discovery-file";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { xds } from "@proxyless/discovery-xds";

import { startPowerDns } from "../../scripts/servers/index.ts";
import { ApiServer } from "../../test/kubernetes/api-server.ts";
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

/** A file that is written as a whole, and moved into place. */
function fileOf(framework: string, contentOf: (port: number) => unknown): Exhibit {
  return {
    registry: "file",
    framework,
    start: async () => {
      const folder = await mkdtemp(join(tmpdir(), "interop-"));
      const path = join(folder, "endpoints.json");
      return {
        source: file({ path }),
        write: async (port) => {
          await writeFile(`${path}.new`, JSON.stringify(contentOf(port)));
          await rename(`${path}.new`, path);
        },
        stop: () => rm(folder, { recursive: true }),
      };
    },
  };
}

const fileSd = fileOf("Prometheus file_sd", (port) => [
  { targets: [`127.0.0.1:${port}`], labels: { job: "orders", env: "prod" } },
]);

const fileEds = fileOf("Envoy EDS", (port) => ({
  version_info: "1",
  resources: [
    {
      "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
      cluster_name: "orders",
      endpoints: [
        {
          locality: { region: "eu", zone: "a" },
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } },
          ],
        },
      ],
    },
  ],
}));

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

export const otherExhibits: readonly Exhibit[] = [zoneFile, fileSd, fileEds, endpointSlice, controlPlane];
