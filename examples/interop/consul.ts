import { deflateSync } from "node:zlib";

import { consul, consulKv } from "@proxyless/discovery-consul";

import { startConsul } from "../../scripts/servers/index.ts";
import type { Exhibit } from "./exhibit.ts";

/** Registers a body with a real agent, as each framework's own client would. */
function exhibit(framework: string, bodyOf: (port: number) => object): Exhibit {
  return {
    registry: "consul",
    framework,
    start: async () => {
      const agent = await startConsul();
      return {
        source: consul({ url: agent.url }),
        write: async (port) => {
          await agent.call("PUT", "/v1/agent/service/register", { Name: "orders", ...bodyOf(port) });
        },
        stop: () => agent.stop(),
      };
    },
  };
}

function tag(kind: string, content: string): string {
  return `${kind}-${deflateSync(content).toString("hex")}`;
}

export const consulExhibits: readonly Exhibit[] = [
  exhibit("Spring Cloud Consul", (port) => ({
    ID: `orders-${port}`,
    Address: "127.0.0.1",
    Port: port,
    Tags: [],
    Meta: { secure: "false", zone: "eu-1a" },
  })),
  exhibit("go-kratos", (port) => ({
    ID: "0a7c",
    Tags: ["version=v1.2.0"],
    TaggedAddresses: { http: { Address: `http://127.0.0.1:${port}?isSecure=false`, Port: port } },
    Address: "127.0.0.1",
    Port: port,
  })),
  exhibit("go-micro", (port) => ({
    ID: `orders-${port}`,
    Address: "127.0.0.1",
    Port: port,
    Tags: [tag("t", '{"region":"eu"}'), tag("v", "latest")],
  })),
  exhibit("Kitex", (port) => ({
    ID: `orders:127.0.0.1:${port}`,
    Address: "127.0.0.1",
    Port: port,
    Tags: ["cluster:default"],
    Weights: { Passing: 10, Warning: 10 },
  })),
  exhibit("Hertz", (port) => ({
    ID: `orders:127.0.0.1:${port}`,
    Address: "127.0.0.1",
    Port: port,
    Tags: ["cluster:default"],
    Weights: { Passing: 10, Warning: 10 },
    Check: {
      Interval: "5s",
      Timeout: "5s",
      TCP: `127.0.0.1:${port}`,
      DeregisterCriticalServiceAfter: "1m",
    },
  })),
  exhibit("fabio's tags", (port) => ({
    ID: `orders-${port}`,
    Address: "127.0.0.1",
    Port: port,
    Tags: ["urlprefix-/orders proto=http weight=0.3", "urlprefix-orders.example/"],
  })),
  exhibit("Traefik's tags", (port) => ({
    ID: `orders-${port}`,
    Address: "127.0.0.1",
    Port: port,
    Tags: ["traefik.enable=true", "traefik.http.services.orders.loadbalancer.server.scheme=http"],
  })),
  exhibit("Nomad", (port) => ({
    ID: "_nomad-task-6f1e-group-orders-orders-http",
    Address: "127.0.0.1",
    Port: port,
    Tags: ["blue"],
    Meta: { "external-source": "nomad" },
  })),
  {
    registry: "consul",
    framework: "APISIX (keys)",
    start: async () => {
      const agent = await startConsul();
      return {
        source: consulKv({ url: agent.url, prefix: "upstreams/{service}/", codec: "apisix" }),
        write: async (port) => {
          const value = { weight: 1, max_fails: 2, fail_timeout: 1 };
          await agent.call("PUT", `/v1/kv/upstreams/orders/127.0.0.1:${port}`, value);
        },
        stop: () => agent.stop(),
      };
    },
  },
];
