import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";

import { createMesh } from "@proxyless/core";
import { consul } from "@proxyless/discovery-consul";
import { describe, expect, it, onTestFinished } from "vitest";

import { entry, FakeConsul } from "../../packages/discovery-consul/test/support/fake-consul.ts";

async function instance(): Promise<number> {
  const server = createServer((_, response) => response.end("{}"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Lie {
  readonly name: string;
  readonly answer: (response: ServerResponse) => void;
  /** What the operator must be able to read. */
  readonly said: RegExp;
}

const json = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
};

const lies: readonly Lie[] = [
  {
    name: "garbage",
    answer: (response) => {
      json(response, 200, "<html>", { "x-consul-index": "99" });
    },
    said: /discovery\.error data .*JSON/u,
  },
  {
    name: "JSON of another shape",
    answer: (response) => {
      json(response, 200, '{"Nodes":7}', { "x-consul-index": "99" });
    },
    said: /discovery\.error data/u,
  },
  {
    name: "500",
    answer: (response) => {
      json(response, 500, "No cluster leader");
    },
    said: /discovery\.error transient .*500.*No cluster leader/u,
  },
  {
    name: "403",
    answer: (response) => {
      json(response, 403, "ACL not found");
    },
    said: /discovery\.error auth .*ACL not found/u,
  },
  {
    name: "an empty list, filtered by access rules",
    answer: (response) => {
      json(response, 200, "[]", { "x-consul-index": "99", "x-consul-results-filtered-by-acls": "true" });
    },
    said: /discovery\.(protected suspect|error auth)/u,
  },
  {
    name: "an empty list",
    answer: (response) => {
      json(response, 200, "[]", { "x-consul-index": "99" });
    },
    said: /discovery\.protected (empty|absent)/u,
  },
  {
    name: "nothing, and hangs up",
    answer: (response) => {
      response.destroy();
    },
    said: /discovery\.error transient/u,
  },
];

describe("a Consul that answers", () => {
  it.each(lies)(
    "$name does not take the last good endpoints away, and the event says why",
    async ({ answer, said }) => {
      const fake = await FakeConsul.start();
      onTestFinished(() => fake.close().catch(() => undefined));
      const ports = [await instance(), await instance()];
      const listed = ports.map((port) =>
        entry(`orders-${port}`, { service: { Address: "127.0.0.1", Port: port } }),
      );
      fake.put("orders", listed);
      const mesh = createMesh({ discovery: consul({ url: fake.url, waitMs: 1_000 }) });
      onTestFinished(() => mesh.close());
      const heard: string[] = [];
      mesh.on("discovery.error", (event) =>
        heard.push(`${event.type} ${event.class} ${event.serving} ${event.message}`),
      );
      mesh.on("discovery.protected", (event) => heard.push(`${event.type} ${event.reason} ${event.kept}`));
      const client = mesh.service("orders");
      expect((await client.GET("/")).response.status).toBe(200);

      fake.script = (_, response) => {
        answer(response);
        return true;
      };
      fake.touch();
      await expect.poll(() => heard.join("\n"), { timeout: 10_000 }).toMatch(said);
      const statuses = await Promise.all(
        Array.from({ length: 50 }, async () => (await client.GET("/")).response.status),
      );
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(mesh.inspect().services[0]?.endpoints).toHaveLength(2);

      fake.script = undefined;
      const late = await instance();
      fake.put("orders", [
        ...listed,
        entry(`orders-${late}`, { service: { Address: "127.0.0.1", Port: late } }),
      ]);
      await expect.poll(() => mesh.inspect().services[0]?.endpoints.length, { timeout: 20_000 }).toBe(3);
    },
    60_000,
  );

  it("with a lower index is asked anew at once, and its change arrives", async () => {
    const fake = await FakeConsul.start();
    onTestFinished(() => fake.close().catch(() => undefined));
    const [first, second] = [await instance(), await instance()];
    fake.touch(5_000);
    fake.put("orders", [entry("a", { service: { Address: "127.0.0.1", Port: first } })]);
    const mesh = createMesh({ discovery: consul({ url: fake.url, waitMs: 5_000 }) });
    onTestFinished(() => mesh.close());
    const client = mesh.service("orders");
    await client.GET("/");
    fake.services.set("orders", [
      entry("a", { service: { Address: "127.0.0.1", Port: first } }),
      entry("b", { service: { Address: "127.0.0.1", Port: second } }),
    ]);
    fake.touch(7);
    await expect.poll(() => mesh.inspect().services[0]?.endpoints.length, { timeout: 4_000 }).toBe(2);
    expect((await client.GET("/")).response.status).toBe(200);
  });
});
