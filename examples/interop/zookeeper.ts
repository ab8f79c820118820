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

/** What Curator writes for every instance, with a payload of the framework's. */
function curated(id: string, port: number, payload: string): string {
  const spec = `"uriSpec":{"parts":[{"value":"scheme","variable":true},{"value":"://","variable":false},{"value":"address","variable":true},{"value":":","variable":false},{"value":"port","variable":true}]}`;
  return `{"name":"orders","id":"${id}","address":"127.0.0.1","port":${port},"sslPort":null,"payload":${payload},"registrationTimeUTC":1790000000000,"serviceType":"DYNAMIC",${spec}}`;
}

export const zookeeperExhibits: readonly Exhibit[] = [
  exhibit("Spring Cloud Zookeeper", codecs.springCloud, (port) => [
    "/services/orders/7d5c",
    curated(
      "7d5c",
      port,
      '{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"orders","name":"orders","metadata":{"instance_status":"UP"}}',
    ),
  ]),
  exhibit("Curator", codecs.curator, (port) => ["/services/orders/7d5c", curated("7d5c", port, "null")]),
  exhibit("Dubbo (applications)", codecs.dubbo, (port) => [
    `/services/orders/127.0.0.1:${port}`,
    curated(
      `127.0.0.1:${port}`,
      port,
      `{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"127.0.0.1:${port}","name":"orders","metadata":{"dubbo.endpoints":"[{\\"port\\":${port},\\"protocol\\":\\"rest\\"}]","dubbo.metadata.revision":"9b1f","dubbo.metadata.storage-type":"local"}}`,
    ),
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
  exhibit("go-kratos", codecs.kratos, (port) => [
    "/microservices/orders/0a7c",
    `{"id":"0a7c","name":"orders","version":"v1.2.0","metadata":{},"endpoints":["http://127.0.0.1:${port}?isSecure=false"]}`,
  ]),
  exhibit("go-micro", codecs.goMicro, (port) => [
    "/micro-registry/orders/orders-1",
    `{"name":"orders","version":"latest","metadata":null,"endpoints":[],"nodes":[{"id":"orders-1","address":"127.0.0.1:${port}","metadata":{"protocol":"http"}}]}`,
  ]),
  exhibit("Hertz", codecs.hertz, (port) => [`/orders/127.0.0.1:${port}`, '{"Weight":10,"Tags":{}}']),
  exhibit("go-kit", codecs.text, (port) => ["/services/orders/1", `http://127.0.0.1:${port}`]),
];
