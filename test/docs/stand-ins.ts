import { ManagementServer } from "../../packages/discovery-xds/test/support/management-server.ts";
import { startConsul, startEtcd, startPowerDns, startZookeeper } from "../../scripts/servers/index.ts";
import { EurekaServer } from "../eureka/server.ts";
import { ApiServer } from "../kubernetes/api-server.ts";
import { sliceJson } from "../kubernetes/slices.ts";
import { NacosServer } from "../nacos/server.ts";
import { Operator } from "../zookeeper/operator.ts";

/** A registry that pages take for granted at an address, and what really stands there. */
export interface StandIn {
  /** As pages write it. */
  readonly address: string;
  /** Starts one in which instances of `orders` at these ports of 127.0.0.1 are registered. */
  start(ports: readonly number[]): Promise<Started>;
}

interface Started {
  /** Where it listens. */
  readonly address: string;
  readonly stop: () => Promise<void> | void;
}

/** Every registry that a page may ask for, by name. */
export const standIns: Readonly<Record<string, StandIn>> = {
  consul: {
    address: "127.0.0.1:8500",
    start: async (ports) => {
      const agent = await startConsul();
      for (const port of ports) {
        const body = { ID: `orders-${port}`, Name: "orders", Address: "127.0.0.1", Port: port };
        // eslint-disable-next-line no-await-in-loop -- two of them
        await agent.call("PUT", "/v1/agent/service/register", body);
      }
      return { address: `${agent.host}:${agent.ports.http}`, stop: () => agent.stop() };
    },
  },
  etcd: {
    address: "127.0.0.1:2379",
    start: async (ports) => {
      const member = await startEtcd();
      for (const port of ports) {
        const value = `{"Op":0,"Addr":"127.0.0.1:${port}","Metadata":null}`;
        // eslint-disable-next-line no-await-in-loop -- two of them
        await member.put(`orders/orders-${port}`, value);
      }
      return { address: `${member.host}:${member.port}`, stop: () => member.stop() };
    },
  },
  // One node for each instance, as go-kit writes them.
  zookeeper: {
    address: "127.0.0.1:2181",
    start: async (ports) => {
      const server = await startZookeeper();
      const operator = new Operator(server.address);
      await Promise.all(
        ports.map((port) => operator.put(`/services/orders/orders-${port}`, `127.0.0.1:${port}`)),
      );
      await operator.close();
      return { address: server.address, stop: () => server.stop() };
    },
  },
  // SRV records of the instances, all on one host, in the zone `mesh.test`.
  dns: {
    address: "127.0.0.1:5353",
    start: async (ports) => {
      const server = await startPowerDns();
      await server.put("local", "A", ["127.0.0.1"]);
      const contents = ports.map((port) => `0 1 ${port} local.${server.zone}.`);
      await server.put("_http._tcp.orders", "SRV", contents);
      return { address: server.address, stop: () => server.stop() };
    },
  },
  eureka: {
    address: "127.0.0.1:8761",
    start: async (ports) => {
      const server = await EurekaServer.start();
      for (const port of ports) server.put("orders", `orders-${port}`, "127.0.0.1", port);
      return { address: `127.0.0.1:${server.port}`, stop: () => server.stop() };
    },
  },
  nacos: {
    address: "127.0.0.1:8848",
    start: async (ports) => {
      const server = await NacosServer.start();
      for (const port of ports) server.put("orders", "127.0.0.1", port);
      return { address: `127.0.0.1:${server.port}`, stop: () => server.stop() };
    },
  },
  kubernetes: {
    address: "127.0.0.1:8001",
    start: async (ports) => {
      const server = await ApiServer.start();
      for (const port of ports) {
        const pods = [{ name: `orders-${port}`, ip: "127.0.0.1" }];
        server.put(
          sliceJson({ name: `orders-${port}`, service: "orders", ports: [{ name: "http", port }], pods }),
        );
      }
      return { address: `127.0.0.1:${server.port}`, stop: () => server.stop() };
    },
  },
  // The instances, and a cluster with circuit breakers.
  xds: {
    address: "127.0.0.1:18000",
    start: async (ports) => {
      const server = await ManagementServer.start();
      const thresholds = {
        max_requests: { value: 100 },
        max_pending_requests: { value: 20 },
        max_retries: { value: 3 },
      };
      const breakers = { circuit_breakers: { thresholds: [thresholds] } };
      server.put("Cluster", "orders", { name: "orders", type: "EDS", ...breakers });
      server.putService(
        "orders",
        ports.map((port) => ({ host: "127.0.0.1", port })),
      );
      return {
        address: server.address,
        stop: () => {
          server.stop();
        },
      };
    },
  },
};
