import { codecs, zookeeper } from "@proxyless/discovery-zookeeper";
import type { ZookeeperCodec } from "@proxyless/discovery-zookeeper";

import { startZookeeper } from "../../scripts/servers/index.ts";
import { Operator } from "../../test/zookeeper/operator.ts";
import type { Exhibit } from "./exhibit.ts";

type Node = readonly [path: string, data: string];

function exhibit(
  framework: string,
  codec: ZookeeperCodec,
  nodeOf: (port: number) => Node,
  path?: string,
): Exhibit {
  return {
    registry: "zookeeper",
    framework,
    start: async () => {
      const server = await startZookeeper();
      const operator = new Operator(server.address);
      return {
        source: zookeeper({ servers: server.address, codec, ...(path === undefined ? {} : { path }) }),
        write: (port) => operator.put(...nodeOf(port)),
        stop: async () => {
          await operator.close();
          await server.stop();
        },
      };
    },
  };
}

export const zookeeperExhibits: readonly Exhibit[] = [
  exhibit("Spring Cloud Zookeeper", codecs.springCloud, (port) => [
    "/services/orders/7d5c",
    `{"name":"orders","id":"7d5c","address":"127.0.0.1","port":${port},"sslPort":null,"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"orders","name":"orders","metadata":{"instance_status":"UP"}},"registrationTimeUTC":1790000000000,"serviceType":"DYNAMIC","uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},{"value":"port","variable":true}]}}`,
  ]),
  exhibit("Dubbo (REST)", codecs.dubboInterface, (port) => [
    `/dubbo/orders/providers/${encodeURIComponent(`rest://127.0.0.1:${port}/orders?application=orders&side=provider&weight=100`)}`,
    "127.0.0.1",
  ]),
  exhibit(
    "Finagle (serverset)",
    codecs.serverset,
    (port) => [
      "/orders/member_0000000001",
      `{"serviceEndpoint":{"host":"127.0.0.1","port":${port}},"additionalEndpoints":{},"status":"ALIVE","shard":0}`,
    ],
    "/{service}",
  ),
];
