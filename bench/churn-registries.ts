import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { DiscoverySource } from "@proxyless/core";

import { consul } from "../packages/discovery-consul/src/index.ts";
import { etcd } from "../packages/discovery-etcd/src/index.ts";
import { eureka } from "../packages/discovery-eureka/src/index.ts";
import { file } from "../packages/discovery-file/src/index.ts";
import { kubernetes } from "../packages/discovery-kubernetes/src/index.ts";
import { nacos } from "../packages/discovery-nacos/src/index.ts";
import { xds } from "../packages/discovery-xds/src/index.ts";
import { zookeeper } from "../packages/discovery-zookeeper/src/index.ts";
import { startConsul, startEtcd, startZookeeper } from "../scripts/servers/index.ts";
import { ConsulWriter } from "../test/discovery/registries/consul-writer.ts";
import { EtcdWriter } from "../test/discovery/registries/etcd-writer.ts";
import { SliceLists } from "../test/discovery/registries/slice-lists.ts";
import { EurekaServer } from "../test/eureka/server.ts";
import { ApiServer } from "../test/kubernetes/api-server.ts";
import { SliceWriter } from "../test/kubernetes/slice-writer.ts";
import { NacosServer } from "../test/nacos/server.ts";
import { ControlPlane } from "../test/xds/control-plane.ts";
import { Operator } from "../test/zookeeper/operator.ts";
import { WholeLists } from "./churning.ts";
import type { ChurnWriter } from "./churning.ts";

/** A registry's server, and who writes into it. */
export interface ChurnServer {
  /** Where sources find it: a URL, an address or a path. */
  readonly at: string;
  readonly writer: ChurnWriter;
  stop(): Promise<unknown>;
}

/** A registry whose changes are followed: its server and who writes are not in the process that is measured. */
export interface ChurnRegistry {
  start(): Promise<ChurnServer>;
  source(at: string): DiscoverySource;
}

/** Every registry that can list so many endpoints. An answer of DNS cannot; sources are as a user has them by default. */
export const churnRegistries: Readonly<Record<string, ChurnRegistry>> = {
  consul: {
    start: async () => {
      const agent = await startConsul();
      return { at: agent.url, writer: new ConsulWriter(() => agent), stop: () => agent.stop() };
    },
    source: (url) => consul({ url }),
  },
  etcd: {
    start: async () => {
      const member = await startEtcd();
      return { at: member.url, writer: new EtcdWriter(() => member), stop: () => member.stop() };
    },
    source: (url) => etcd({ url }),
  },
  eureka: {
    start: async () => {
      const server = await EurekaServer.start();
      const writer: ChurnWriter = {
        put: async (service, endpoints) => {
          for (const { id, host, port } of endpoints) server.put(service, id, host, port);
        },
        swap: async (service, gone, { id, host, port }) => {
          server.registry.cancel(service.toUpperCase(), gone.id);
          server.put(service, id, host, port);
        },
      };
      return { at: server.url, writer, stop: () => server.stop() };
    },
    source: (url) => eureka({ url }),
  },
  file: {
    start: async () => {
      const folder = await mkdtemp(join(tmpdir(), "proxyless-file-"));
      const path = join(folder, "mesh.json");
      const writer = new WholeLists(async (service, endpoints) => {
        await writeFile(`${path}.tmp`, JSON.stringify({ services: { [service]: endpoints } }));
        await rename(`${path}.tmp`, path);
      }, 1_000);
      return { at: path, writer, stop: () => rm(folder, { recursive: true, force: true }) };
    },
    source: (path) => file({ path }),
  },
  kubernetes: {
    start: async () => {
      const server = await ApiServer.start();
      const writer = new SliceLists(new SliceWriter({ url: server.url }));
      return { at: server.url, writer, stop: () => server.stop() };
    },
    source: (url) => kubernetes({ url }),
  },
  nacos: {
    start: async () => {
      const server = await NacosServer.start();
      const writer: ChurnWriter = {
        put: async (service, endpoints) => {
          for (const { host, port } of endpoints) server.put(service, host, port);
        },
        swap: async (service, gone, { host, port }) => {
          server.remove(service, gone.host, gone.port);
          server.put(service, host, port);
        },
      };
      return { at: server.url, writer, stop: () => server.stop() };
    },
    source: (url) => nacos({ url }),
  },
  xds: {
    start: async () => {
      const server = await ControlPlane.start();
      return { at: `127.0.0.1:${server.port}`, writer: server, stop: () => server.stop() };
    },
    source: (address) =>
      xds({
        bootstrap: {
          xds_servers: [{ server_uri: address, channel_creds: [{ type: "insecure" }] }],
          node: { id: "bench" },
        },
      }),
  },
  zookeeper: {
    start: async () => {
      const server = await startZookeeper();
      const operator = new Operator(server.address);
      const nodeOf = ({ host, port }: { host: string; port: number }): string =>
        JSON.stringify({ host, port });
      const writer: ChurnWriter = {
        put: (service, endpoints) => {
          const nodes = endpoints.map((endpoint) => [endpoint.id, nodeOf(endpoint)]);
          return operator.replace(`/services/${service}`, Object.fromEntries(nodes));
        },
        swap: (service, gone, added) => {
          const folder = `/services/${service}`;
          return operator.swap(`${folder}/${gone.id}`, `${folder}/${added.id}`, nodeOf(added));
        },
      };
      const stop = async (): Promise<void> => {
        await operator.close();
        await server.stop();
      };
      return { at: server.address, writer, stop };
    },
    source: (servers) => zookeeper({ servers }),
  },
};
