import { eureka } from "@proxyless/discovery-eureka";
import { nacos } from "@proxyless/discovery-nacos";
import type { NacosOptions } from "@proxyless/discovery-nacos";

import { EurekaServer } from "../../test/eureka/server.ts";
import { NacosServer } from "../../test/nacos/server.ts";
import type { Exhibit } from "./exhibit.ts";

/** Sends what a framework would; the servers here and the real ones take the same. */
async function send(url: string, method: string, body?: object): Promise<void> {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(url, { method, headers, ...json });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
}

function inEureka(framework: string, instanceOf: (port: number) => object): Exhibit {
  return {
    registry: "eureka",
    framework,
    start: async () => {
      const server = await EurekaServer.start();
      return {
        source: eureka({ url: server.url, intervalMs: 1_000 }),
        write: (port) => send(`${server.url}/apps/ORDERS`, "POST", { instance: instanceOf(port) }),
        stop: () => server.stop(),
      };
    },
  };
}

function inNacos(
  framework: string,
  instance: Readonly<Record<string, string>>,
  options: Partial<NacosOptions> = {},
): Exhibit {
  return {
    registry: "nacos",
    framework,
    start: async () => {
      const server = await NacosServer.start();
      return {
        source: nacos({ url: server.url, intervalMs: 1_000, ...options }),
        write: (port) => {
          const address = { groupName: "DEFAULT_GROUP", ip: "127.0.0.1", port: String(port) };
          const query = new URLSearchParams({ ...address, ...instance });
          return send(`${server.url}/nacos/v3/client/ns/instance?${query.toString()}`, "POST");
        },
        stop: () => server.stop(),
      };
    },
  };
}

const ownDataCenter = {
  "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
  name: "MyOwn",
};

export const polledExhibits: readonly Exhibit[] = [
  inEureka("Spring Cloud Netflix", (port) => ({
    instanceId: `laptop:orders:${port}`,
    hostName: "127.0.0.1",
    app: "ORDERS",
    ipAddr: "127.0.0.1",
    status: "UP",
    overriddenStatus: "UNKNOWN",
    port: { $: port, "@enabled": "true" },
    securePort: { $: 443, "@enabled": "false" },
    countryId: 1,
    dataCenterInfo: ownDataCenter,
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
    metadata: { "management.port": String(port) },
    vipAddress: "orders",
    secureVipAddress: "orders",
  })),
  inEureka("go-kratos", (port) => ({
    instanceId: `127.0.0.1:ORDERS:${port}`,
    hostName: "ORDERS",
    port: { $: port, "@enabled": "true" },
    app: "ORDERS",
    ipAddr: "127.0.0.1",
    vipAddress: "ORDERS",
    status: "UP",
    securePort: { $: 443, "@enabled": "false" },
    homePageUrl: `http://127.0.0.1:${port}/`,
    statusPageUrl: `http://127.0.0.1:${port}/info`,
    healthCheckUrl: `http://127.0.0.1:${port}/health`,
    dataCenterInfo: ownDataCenter,
    metadata: {
      ID: "0a7c",
      Name: "orders",
      Version: "v1.2.0",
      Endpoints: `http://127.0.0.1:${port}`,
      agent: "go-eureka-client",
    },
  })),
  inNacos("Spring Cloud Alibaba", {
    serviceName: "orders",
    weight: "1.0",
    metadata: '{"preserved.register.source":"SPRING_CLOUD"}',
  }),
  inNacos(
    "go-kratos",
    { serviceName: "orders.http", weight: "100", metadata: '{"kind":"http","version":"v1.2.0"}' },
    { nameSuffix: ".http", weightBase: 100 },
  ),
];
