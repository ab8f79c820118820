import { inflateSync } from "node:zlib";

import { consulRegistrar } from "@proxyless/discovery-consul";
import type { ConsulFormat } from "@proxyless/discovery-consul";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { startConsul } from "../../scripts/servers/index.ts";
import type { ConsulAgent } from "../../scripts/servers/index.ts";
import { watchConsul } from "./watch.ts";

let agent: ConsulAgent;

beforeAll(async () => {
  agent = await startConsul();
}, 120_000);

afterAll(() => agent.stop());

/** What others send to `/v1/agent/service/register`, byte for byte, and what becomes of it. */
const written: readonly (readonly [name: string, weightBase: number, body: string, endpoint: object])[] = [
  [
    "Spring Cloud",
    1,
    `{"ID":"orders-8443","Name":"web","Tags":["team-a"],"Address":"10.1.0.1","Meta":{"secure":"true","zone":"z1","group":"g1","user":"x"},"Port":8443,"Check":{"Interval":"10s","HTTP":"https://10.1.0.1:8443/actuator/health","Status":"passing"}}`,
    {
      id: "dc1/server-1/orders-8443",
      host: "10.1.0.1",
      port: 8443,
      scheme: "https",
      weight: 1,
      locality: { region: "dc1", zone: "z1" },
      metadata: { secure: "true", zone: "z1", group: "g1", user: "x", tags: "team-a" },
    },
  ],
  [
    "an old Spring Cloud, which said it in tags",
    1,
    `{"ID":"orders-8081","Name":"web","Tags":["secure=false","zone=z2"],"Address":"10.1.0.1","Port":8081}`,
    {
      id: "dc1/server-1/orders-8081",
      host: "10.1.0.1",
      port: 8081,
      scheme: "http",
      weight: 1,
      locality: { region: "dc1", zone: "z2" },
      metadata: { secure: "false", zone: "z2" },
    },
  ],
  [
    "Kratos, with a gRPC door beside the HTTP one",
    1,
    `{"ID":"helloworld-7f","Name":"web","Tags":["version=v1.2.0"],"Port":9000,"Address":"10.2.0.1","TaggedAddresses":{"grpc":{"Address":"grpc://10.2.0.1:9000?isSecure=false","Port":9000},"http":{"Address":"http://10.2.0.1:8000?isSecure=false","Port":8000}},"Meta":{"cluster":"c1"},"Checks":[{"CheckID":"service:helloworld-7f","TTL":"20s","Status":"passing","DeregisterCriticalServiceAfter":"600s"}]}`,
    {
      id: "dc1/server-1/helloworld-7f",
      host: "10.2.0.1",
      port: 8000,
      scheme: "http",
      weight: 1,
      version: "v1.2.0",
      locality: { region: "dc1" },
      metadata: { cluster: "c1", version: "v1.2.0" },
    },
  ],
  [
    "a secure Kratos, with an IPv6 address",
    1,
    `{"ID":"helloworld-8a","Name":"web","Tags":["version="],"Port":8443,"Address":"fd00::1","TaggedAddresses":{"https":{"Address":"https://[fd00::1]:8443","Port":8443}},"Meta":null}`,
    {
      id: "dc1/server-1/helloworld-8a",
      host: "fd00::1",
      port: 8443,
      scheme: "https",
      weight: 1,
      locality: { region: "dc1" },
      metadata: { version: "" },
    },
  ],
  [
    "Kitex and Hertz",
    10,
    `{"ID":"svc:10.3.0.1:8888","Name":"web","Tags":["env:prod","zone:z9"],"Port":8888,"Address":"10.3.0.1","Weights":{"Passing":20,"Warning":20},"Check":{"CheckID":"svc:10.3.0.1:8888","TCP":"10.3.0.1:8888","Interval":"5s","Timeout":"5s","Status":"passing","DeregisterCriticalServiceAfter":"1m"}}`,
    {
      id: "dc1/server-1/svc:10.3.0.1:8888",
      host: "10.3.0.1",
      port: 8888,
      weight: 2,
      locality: { region: "dc1", zone: "z9" },
      metadata: { env: "prod", zone: "z9" },
    },
  ],
  [
    "go-micro",
    1,
    `{"ID":"greeter-6990e32b","Name":"web","Tags":["t-789caa562a294acc2b2ec82f2a51b252ca28292950aa05040000ffff4f930768","t-789caa564a2acacf4e2d52b252ca28292950aa05040000ffff364d0600","t-789caa562a4a4dcf2c2e29aa54b2524acecf2b2ecd51aa05040000ffff560f07c8","v-789c32d433d03300040000ffff02ce00ee"],"Port":28596,"Address":"10.4.0.1","Check":{"TTL":"1m0s","Status":"passing","DeregisterCriticalServiceAfter":"2m5s"},"Checks":null}`,
    {
      id: "dc1/server-1/greeter-6990e32b",
      host: "10.4.0.1",
      port: 28_596,
      weight: 1,
      version: "1.0.0",
      locality: { region: "dc1" },
      metadata: { transport: "http", broker: "http", registry: "consul" },
    },
  ],
  [
    "an old go-micro, which did not pack",
    1,
    `{"ID":"greeter-1","Name":"web","Tags":["t={\\"transport\\":\\"http\\"}","e={\\"name\\":\\"Greeter.Hello\\"}","v=1.0.0"],"Port":28597,"Address":"10.4.0.1"}`,
    {
      id: "dc1/server-1/greeter-1",
      host: "10.4.0.1",
      port: 28_597,
      weight: 1,
      version: "1.0.0",
      locality: { region: "dc1" },
      metadata: { transport: "http", v: "1.0.0" },
    },
  ],
  [
    "fabio's tags",
    1,
    `{"ID":"f1","Name":"web","Tags":["urlprefix-/api proto=https tlsskipverify=true weight=0.3","urlprefix-web.example/"],"Address":"10.5.0.1","Port":5443}`,
    {
      id: "dc1/server-1/f1",
      host: "10.5.0.1",
      port: 5443,
      scheme: "https",
      weight: 1,
      locality: { region: "dc1" },
      metadata: {},
    },
  ],
  [
    "Traefik's tags",
    1,
    `{"ID":"t1","Name":"web","Tags":["traefik.enable=true","traefik.http.services.web.loadbalancer.server.scheme=https","traefik.consulcatalog.canary=false"],"Address":"10.6.0.1","Port":6443}`,
    {
      id: "dc1/server-1/t1",
      host: "10.6.0.1",
      port: 6443,
      scheme: "https",
      weight: 1,
      locality: { region: "dc1" },
      metadata: {},
    },
  ],
  [
    "Nomad",
    1,
    `{"ID":"_nomad-task-6f1e-group-web-web-http","Name":"web","Tags":["blue"],"Address":"10.7.0.1","Port":23456,"Meta":{"external-source":"nomad"},"EnableTagOverride":false}`,
    {
      id: "dc1/server-1/_nomad-task-6f1e-group-web-web-http",
      host: "10.7.0.1",
      port: 23_456,
      weight: 1,
      locality: { region: "dc1" },
      metadata: { "external-source": "nomad", tags: "blue" },
    },
  ],
  [
    "Consul's sync from Kubernetes",
    1,
    `{"ID":"web-3b8","Name":"web","Tags":["k8s"],"Address":"10.8.0.1","Port":8080,"Meta":{"external-source":"kubernetes","external-k8s-ns":"default"}}`,
    {
      id: "dc1/server-1/web-3b8",
      host: "10.8.0.1",
      port: 8080,
      weight: 1,
      locality: { region: "dc1" },
      metadata: { "external-source": "kubernetes", "external-k8s-ns": "default", tags: "k8s" },
    },
  ],
];

describe("point 24, what every framework writes: what a real agent was told by", { timeout: 30_000 }, () => {
  it.each(written)("%s, is read as it was meant", async (_, weightBase, body, endpoint) => {
    await agent.call("PUT", "/v1/agent/service/register", body);
    const id = String(JSON.parse(body).ID);
    onTestFinished(async () => {
      await agent.call("PUT", `/v1/agent/service/deregister/${encodeURIComponent(id)}`);
    });
    const web = watchConsul({ url: agent.url, weightBase });
    onTestFinished(() => web.stop());
    await web.until("it", () => web.snapshots.at(-1)?.endpoints.length === 1);
    const [read] = web.snapshots.at(-1)?.endpoints ?? [];
    expect(read).toEqual({
      priority: 0,
      health: expect.stringMatching(/^(healthy|unhealthy)$/),
      ...endpoint,
    });
  });
});

describe("a Kratos that speaks gRPC alone", { timeout: 30_000 }, () => {
  it("is a service without endpoints to a real agent's reader, and no mistake beside one that speaks HTTP", async () => {
    const register = async (id: string, scheme: string): Promise<void> => {
      const body = `{"ID":"${id}","Name":"helloworld","Tags":["version=v1.2.0"],"Port":9000,"Address":"10.2.0.1","TaggedAddresses":{"${scheme}":{"Address":"${scheme}://10.2.0.1:9000","Port":9000}},"Check":null,"Checks":[{"Interval":"10s","Timeout":"5s","TCP":"10.2.0.1:9000","DeregisterCriticalServiceAfter":"600s"},{"CheckID":"service:${id}","TTL":"20s","DeregisterCriticalServiceAfter":"600s"}]}`;
      await agent.call("PUT", "/v1/agent/service/register", body);
      onTestFinished(async () => {
        await agent.call("PUT", `/v1/agent/service/deregister/${id}`);
      });
    };
    await register("helloworld-9b", "grpc");
    const web = watchConsul({ url: agent.url }, "helloworld");
    onTestFinished(() => web.stop());
    await web.until("an answer of it", () =>
      web.log.some((line) => line !== "snapshot absent authoritative 0"),
    );
    expect(web.log.at(-1)).toBe("snapshot bound authoritative 0");
    expect(web.snapshots.at(-1)).not.toHaveProperty("skipped");
    await register("helloworld-9c", "http");
    await web.until("it", () => web.snapshots.at(-1)?.endpoints.length === 1);
    expect(web.snapshots.at(-1)?.endpoints).toMatchObject([
      { id: "dc1/server-1/helloworld-9c", scheme: "http" },
    ]);
    expect(web.snapshots.at(-1)).not.toHaveProperty("skipped");
  });
});

/** Whether a tag reads as this for go-micro, which looks at the first two characters and unpacks the hex digits that follow. */
function packs(kind: string, content: string): (tag: unknown) => boolean {
  return (tag) =>
    typeof tag === "string" &&
    tag.startsWith(`${kind}-`) &&
    inflateSync(Buffer.from(tag.slice(2), "hex")).toString("utf8") === content;
}

describe("what we tell a real agent in the format", { timeout: 30_000 }, () => {
  const said = {
    id: "web-1",
    host: "10.9.9.9",
    port: 8443,
    scheme: "https",
    weight: 3,
    version: "2.0.1",
    zone: "z1",
    metadata: { team: "a" },
  } as const;
  /** Beside what all formats have. */
  const shapes: readonly (readonly [ConsulFormat, weightBase: number, object])[] = [
    [
      "plain",
      1,
      {
        Tags: ["blue"],
        Meta: { team: "a", version: "2.0.1", zone: "z1", secure: "true" },
        Weights: { Passing: 3, Warning: 3 },
      },
    ],
    [
      "spring",
      1,
      {
        Tags: ["blue"],
        Meta: { team: "a", version: "2.0.1", zone: "z1", secure: "true" },
        Weights: { Passing: 3, Warning: 3 },
      },
    ],
    [
      "kratos",
      1,
      {
        Tags: ["version=2.0.1", "blue"],
        Meta: { team: "a", zone: "z1" },
        TaggedAddresses: { https: { Address: "https://10.9.9.9:8443?isSecure=true", Port: 8443 } },
      },
    ],
    [
      "kitex",
      10,
      {
        Tags: ["team:a", "version:2.0.1", "zone:z1", "secure:true", "blue"],
        Weights: { Passing: 30, Warning: 30 },
      },
    ],
    [
      "go-micro",
      1,
      {
        Tags: [
          expect.toSatisfy(packs("t", '{"team":"a"}')),
          expect.toSatisfy(packs("t", '{"zone":"z1"}')),
          expect.toSatisfy(packs("t", '{"secure":"true"}')),
          expect.toSatisfy(packs("v", "2.0.1")),
          "blue",
        ],
        Weights: { Passing: 3, Warning: 3 },
      },
    ],
  ];

  it.each(shapes)("%s is what it should be, and is read back whole", async (format, weightBase, shape) => {
    const registrar = consulRegistrar({ url: agent.url });
    const handle = await registrar.register({ service: "web", ...said, format, tags: ["blue"] });
    onTestFinished(() => handle.deregister({ propagationMs: 0 }));
    const services = await agent.call("GET", "/v1/agent/services");
    expect(services).toMatchObject({
      "web-1": { ID: "web-1", Service: "web", Address: "10.9.9.9", Port: 8443, ...shape },
    });
    const web = watchConsul({ url: agent.url, weightBase });
    onTestFinished(() => web.stop());
    await web.untilStates(["web-1 healthy"]);
    const [read] = web.snapshots.at(-1)?.endpoints ?? [];
    expect(read).toMatchObject({
      host: "10.9.9.9",
      port: 8443,
      scheme: "https",
      weight: 3,
      version: "2.0.1",
      locality: { region: "dc1", zone: "z1" },
      metadata: { team: "a", tags: "blue" },
    });
  });
});
