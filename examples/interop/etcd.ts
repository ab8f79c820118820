import { codecs, etcd } from "@proxyless/discovery-etcd";
import type { EtcdOptions } from "@proxyless/discovery-etcd";

import { startEtcd } from "../../scripts/servers/index.ts";
import type { Exhibit } from "./exhibit.ts";

type Entry = readonly [key: string, value: string];

function exhibit(
  framework: string,
  options: Omit<EtcdOptions, "url">,
  entryOf: (port: number) => Entry,
): Exhibit {
  return {
    registry: "etcd",
    framework,
    start: async () => {
      const member = await startEtcd();
      return {
        source: etcd({ url: member.url, ...options }),
        write: async (port) => {
          await member.put(...entryOf(port));
        },
        stop: () => member.stop(),
      };
    },
  };
}

export const etcdExhibits: readonly Exhibit[] = [
  exhibit("etcd naming (gRPC)", {}, (port) => [
    "orders/1",
    `{"Op":0,"Addr":"127.0.0.1:${port}","Metadata":null}`,
  ]),
  exhibit("go-kratos", { codec: codecs.kratos }, (port) => [
    "/microservices/orders/0a7c",
    `{"id":"0a7c","name":"orders","version":"v1.2.0","metadata":{},"endpoints":["http://127.0.0.1:${port}?isSecure=false","grpc://127.0.0.1:1"]}`,
  ]),
  exhibit("go-micro", { codec: codecs.goMicro }, (port) => [
    "/micro/registry/orders/orders-1",
    `{"name":"orders","version":"latest","metadata":null,"endpoints":[],"nodes":[{"id":"orders-1","address":"127.0.0.1:${port}","metadata":{"protocol":"http"}}]}`,
  ]),
  exhibit("go-zero", { codec: codecs.goZero }, (port) => ["orders/7587884", `127.0.0.1:${port}`]),
  exhibit("Kitex", { codec: codecs.kitex }, (port) => [
    `kitex/registry-etcd/orders/127.0.0.1:${port}`,
    `{"network":"tcp","address":"127.0.0.1:${port}","weight":10,"tags":{}}`,
  ]),
  exhibit("Hertz", { codec: codecs.hertz }, (port) => [
    `hertz/registry-etcd/orders/127.0.0.1:${port}`,
    `{"network":"tcp","address":"127.0.0.1:${port}","weight":10,"tags":null}`,
  ]),
  exhibit("go-kit", {}, (port) => ["orders/1", `http://127.0.0.1:${port}`]),
  exhibit("CoreDNS (SkyDNS)", { prefix: "/skydns/local/cluster/" }, (port) => [
    "/skydns/local/cluster/orders/x1",
    `{"host":"127.0.0.1","port":${port},"priority":10,"weight":1,"ttl":30}`,
  ]),
];
