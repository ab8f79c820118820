import { createMesh, ProxylessError, staticSource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { createInbound } from "@proxyless/core/inbound";
import { circuit, retry, timeout } from "@proxyless/core/policies";
import { consul } from "@proxyless/discovery-consul";
import { dns } from "@proxyless/discovery-dns";
import { etcd } from "@proxyless/discovery-etcd";
import { eureka } from "@proxyless/discovery-eureka";
import { file } from "@proxyless/discovery-file";
import { kubernetes } from "@proxyless/discovery-kubernetes";
import { nacos } from "@proxyless/discovery-nacos";
import { zookeeper } from "@proxyless/discovery-zookeeper";
import { accessLog, logEvents } from "@proxyless/logs";
import { createMetrics } from "@proxyless/metrics";
import { describe, expect, it, onTestFinished } from "vitest";

import { Planted } from "./support/planted.ts";
import { wrong } from "./support/wrong.ts";

const discovery = staticSource({ orders: ["127.0.0.1:1"] });

/** Every option of `one` gets a secret in its place, then an object and an array that hold one, and one that does not exist does. */
const keys: readonly (readonly [
  name: string,
  options: readonly string[],
  make: (options: object) => unknown,
])[] = [
  [
    "createMesh",
    [
      "discovery",
      "services",
      "transport",
      "external",
      "drainMs",
      "locality",
      "ordinal",
      "directory",
      "hooks",
      "recordOutcomes",
      "circuitState",
    ],
    (given: object) => createMesh(wrong({ discovery, ...given })),
  ],
  ...(
    [
      "retry",
      "timeout",
      "hedge",
      "circuit",
      "cache",
      "coalesce",
      "fallback",
      "balancer",
      "hashOn",
      "outlierDetection",
      "healthCheck",
      "subset",
      "locality",
      "rateLimit",
      "bulkhead",
      "faultInjection",
      "statefulSession",
      "overrideHost",
      "deadline",
      "routes",
      "slowStart",
      "panicThreshold",
      "endpoints",
      "transport",
      "authorization",
      "password",
    ] as const
  ).map(
    (policy) =>
      [
        `services.orders.${policy}`,
        [
          "",
          "maxAttempts",
          "totalMs",
          "delayMs",
          "name",
          "header",
          "cookie",
          "match",
          "abort",
          "value",
          "path",
          "type",
          "mode",
          "tls",
          "token",
        ],
        (given: { readonly ""?: unknown }) =>
          createMesh(
            wrong({ discovery, services: { orders: { [policy]: "" in given ? given[""] : given } } }),
          ),
      ] as const,
  ),
  [
    "transport.tls",
    ["ca", "cert", "key", "serverName", "rejectUnauthorized", "passphrase", "minVersion"],
    (tls: object) => createMesh(wrong({ discovery, transport: { tls } })),
  ],
  [
    "consul",
    ["url", "token", "tokenFile", "datacenter", "mode", "waitMs", "tls", "namespace"],
    (given: object) => consul({ url: "http://127.0.0.1:1", ...given }),
  ],
  [
    "etcd",
    ["url", "username", "password", "passwordFile", "tls", "prefix", "codec"],
    (given: object) => etcd({ url: "http://127.0.0.1:1", ...given }),
  ],
  [
    "eureka",
    ["url", "user", "password", "headers", "zones", "zone", "tls"],
    (given: object) => eureka({ url: "http://127.0.0.1:1", ...given }),
  ],
  [
    "kubernetes",
    ["url", "token", "tokenFile", "kubeconfig", "context", "namespace", "tls"],
    (given: object) => kubernetes({ url: "http://127.0.0.1:1", ...given }),
  ],
  [
    "nacos",
    ["url", "username", "password", "namespace", "group", "api", "tls"],
    (given: object) => nacos({ url: "http://127.0.0.1:1", ...given }),
  ],
  [
    "zookeeper",
    ["servers", "auth", "chroot", "tls", "sessionTimeoutMs"],
    (given: object) => zookeeper(wrong({ servers: "127.0.0.1:1", ...given })),
  ],
  ["dns", ["servers", "record", "name", "port"], (given: object) => dns(given)],
  ["file", ["path", "debounceMs"], (given: object) => file(wrong(given))],
  ["inbound", ["mode", "maxDeadlineMs", "headers"], (given: object) => createInbound(given)],
  ["retry", ["maxAttempts", "baseDelayMs", "token"], (given: object) => retry(given)],
  ["timeout", ["totalMs", "secret"], (given: object) => timeout(wrong(given))],
  ["circuit", ["mode", "password"], (given: object) => circuit(given)],
];

function isClosable(made: unknown): made is Mesh {
  return typeof made === "object" && made !== null && "close" in made && "fetch" in made;
}

/** What somebody might put where it does not belong. */
function wrongValues(planted: Planted, place: string): readonly unknown[] {
  const plain = planted.at(place);
  return [
    plain,
    `Bearer ${plain}`,
    `https://user:${plain}@host/path?token=${plain}`,
    `-----BEGIN PRIVATE KEY-----\n${plain}\n-----END PRIVATE KEY-----`,
    [plain],
    { [place]: plain, name: plain, path: plain, token: plain },
    { authorization: plain },
  ];
}

describe("an option that makes no sense", () => {
  it.for(keys)(
    "of %s does not come back with the secret that was put there",
    async ([name, options, make]) => {
      const planted = new Planted();
      const ended: Promise<unknown>[] = [];
      onTestFinished(async () => {
        await Promise.all(ended);
      });
      let refused = 0;
      for (const option of [...options, "unheardOf"]) {
        for (const value of wrongValues(planted, `${name}.${option}`)) {
          try {
            const made = make({ [option]: value });
            if (isClosable(made)) ended.push(made.close());
          } catch (error) {
            if (!(error instanceof ProxylessError)) throw error;
            planted.value(`${name}.${option}`, error);
            refused++;
          }
        }
      }
      expect(refused).toBeGreaterThan(options.length);
      expect(planted.leaks).toEqual([]);
    },
  );

  it("of what stands around a mesh does not either", async () => {
    const planted = new Planted();
    const mesh = createMesh({ discovery });
    onTestFinished(() => mesh.close());
    const orders = mesh.service("orders");
    const attempts: Readonly<Record<string, () => unknown>> = {
      "logs format": () => accessLog(mesh, () => undefined, { format: `%REQ(${planted.at("a format")}` }),
      "logs command": () =>
        accessLog(mesh, () => undefined, { format: `%${planted.at("a command").toUpperCase()}%` }),
      "logs logger": () => logEvents(mesh, wrong(planted.at("a logger"))),
      metrics: () => createMetrics(mesh, { attributes: wrong(planted.at("attributes")) }),
      document: () =>
        mesh.configure({ version: "1", services: { orders: { retry: wrong(planted.at("a document")) } } }),
      hook: () => mesh.hook({ beforeCall: wrong(planted.at("a hook")) }),
      circuit: () => mesh.circuit("orders", planted.at("a route")),
      timeoutMs: () => orders.GET("/x", { timeoutMs: wrong(planted.at("a time")) }),
      retry: () => orders.GET("/x", { retry: wrong(planted.at("a retry")) }),
      criticality: () => orders.GET("/x", { criticality: wrong(planted.at("a criticality")) }),
      endpoint: () => orders.GET("/x", { endpoint: wrong({ at: planted.at("an endpoint") }) }),
      headers: () => orders.GET("/x", { headers: wrong(planted.at("headers")) }),
      path: () => orders.GET(wrong(`x/${planted.at("a path")}?token=${planted.at("its query")}`)),
      url: () => mesh.fetch(`nonsense://user:${planted.at("a password")}@orders/?${planted.at("a query")}`),
    };
    for (const [name, attempt] of Object.entries(attempts)) await planted.thrown(name, attempt);
    expect(planted.sources.size).toBe(Object.keys(attempts).length);
    expect(planted.leaks).toEqual([]);
  });
});
