import { SourceError } from "@proxyless/core/discovery";
import { ManualClock } from "@proxyless/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";

import type { ServiceDrafts } from "../src/draft.ts";
import { parseFile } from "../src/parse-file.ts";

const context = { clock: new ManualClock(), signal: new AbortController().signal };

function parse(tree: unknown, path = "/etc/orders.json", serviceLabel?: string): Promise<ServiceDrafts> {
  const text = path.endsWith(".json") ? JSON.stringify(tree) : stringify(tree);
  return parseFile(path, Buffer.from(text), { format: "auto", service: "orders", serviceLabel }, context);
}

/** What was read; nothing when it was refused as it should be. Any other error is thrown on. */
async function orDataError(read: () => Promise<ServiceDrafts>): Promise<ServiceDrafts> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SourceError && error.class === "data") return new Map();
    throw error;
  }
}

const plain = { weight: 1, priority: 0, health: "healthy", metadata: {} };

describe.each(["/etc/orders.json", "/etc/orders.yaml"])("the shapes that %s may have", (path) => {
  it("has an own one with many services", async () => {
    const all = {
      id: "a",
      host: "h",
      port: 81,
      scheme: "https",
      serverName: "n",
      weight: 2,
      priority: 1,
      locality: { region: "r", zone: "z", subZone: "s" },
      health: "draining",
      version: "v",
      metadata: { k: "v" },
    };
    const drafts = await parse(
      { services: { orders: ["10.0.0.1:80", all], users: { endpoints: ["[::1]:82"] }, none: [] } },
      path,
    );
    expect(drafts.get("orders")).toEqual([{ id: "10.0.0.1:80", host: "10.0.0.1", port: 80, ...plain }, all]);
    expect(drafts.get("users")).toEqual([{ id: "[::1]:82", host: "::1", port: 82, ...plain }]);
    expect(drafts.get("none")).toEqual([]);
  });

  it("has an own one with one service, named by the file or by itself", async () => {
    expect((await parse(["http://h", "https://h:8443"], path)).get("orders")).toMatchObject([
      { host: "h", port: 80, scheme: "http" },
      { host: "h", port: 8443, scheme: "https" },
    ]);
    expect((await parse({ endpoints: [{ host: "h", port: 1 }] }, path)).get("orders")).toHaveLength(1);
    expect([...(await parse({ service: "users", endpoints: [] }, path))]).toEqual([["users", []]]);
  });

  it("has that of Prometheus, whose labels name services", async () => {
    const groups = [
      {
        targets: ["10.0.0.1:9100", "10.0.0.2"],
        labels: { job: "users", zone: "a", weight: "3", env: "prod" },
      },
      {
        targets: ["[fd00::1]:443"],
        labels: { service: "pay", job: "x", __scheme__: "https", __meta_id: "7" },
      },
      { targets: ["h:1"] },
    ];
    const drafts = await parse(groups, path);
    const metadata = { job: "users", env: "prod" };
    expect(drafts.get("users")).toEqual([
      {
        ...plain,
        id: "10.0.0.1:9100",
        host: "10.0.0.1",
        port: 9100,
        health: "unknown",
        weight: 3,
        locality: { zone: "a" },
        metadata,
      },
      {
        ...plain,
        id: "10.0.0.2:80",
        host: "10.0.0.2",
        port: 80,
        health: "unknown",
        weight: 3,
        locality: { zone: "a" },
        metadata,
      },
    ]);
    expect(drafts.get("pay")).toMatchObject([
      { host: "fd00::1", scheme: "https", metadata: { __meta_id: "7" } },
    ]);
    expect(drafts.get("orders")).toMatchObject([{ host: "h", port: 1 }]);
    expect([...(await parse(groups, path, "env")).keys()]).toEqual(["prod", "orders"]);
  });

  it("has that of Envoy, in both spellings", async () => {
    const snake = {
      version_info: "1",
      resources: [
        {
          "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
          cluster_name: "orders",
          endpoints: [
            {
              locality: { region: "eu", zone: "a", sub_zone: "r1" },
              priority: 1,
              lb_endpoints: [
                {
                  endpoint: { address: { socket_address: { address: "10.0.0.1", port_value: 80 } } },
                  health_status: "DRAINING",
                  load_balancing_weight: 5,
                  metadata: { filter_metadata: { "envoy.lb": { version: "v2", canary: true } } },
                },
                { endpoint: { address: { socket_address: { address: "10.0.0.2", port_value: 80 } } } },
                { endpoint: { address: { pipe: { path: "/run/x" } } } },
              ],
            },
          ],
        },
      ],
    };
    const camel = {
      clusterName: "users",
      endpoints: [
        {
          lbEndpoints: [
            {
              endpoint: { address: { socketAddress: { address: "10.0.0.3", portValue: 80 } } },
              healthStatus: 2,
              loadBalancingWeight: { value: 7 },
            },
          ],
        },
      ],
    };
    expect((await parse(snake, path)).get("orders")).toEqual([
      {
        id: "10.0.0.1:80",
        host: "10.0.0.1",
        port: 80,
        weight: 5,
        priority: 1,
        locality: { region: "eu", zone: "a", subZone: "r1" },
        health: "draining",
        version: "v2",
        metadata: { version: "v2", canary: "true" },
      },
      {
        id: "10.0.0.2:80",
        host: "10.0.0.2",
        port: 80,
        weight: 1,
        priority: 1,
        locality: { region: "eu", zone: "a", subZone: "r1" },
        health: "unknown",
        metadata: {},
      },
      undefined,
    ]);
    expect((await parse(camel, path)).get("users")).toMatchObject([
      { health: "unhealthy", weight: 7, priority: 0 },
    ]);
    expect((await parse({ resources: [camel] }, path)).get("users")).toHaveLength(1);
  });

  it("has none other", async () => {
    for (const tree of [
      7,
      "x",
      {},
      { services: 7 },
      { services: { a: 7 } },
      { endpoints: 7 },
      { resources: [{}] },
      { resources: 7 },
    ]) {
      await expect(parse(tree, path)).rejects.toThrow(SourceError);
    }
  });
});

describe("a reader of files", () => {
  const options = { format: "auto", service: "orders", serviceLabel: undefined } as const;

  it("gives endpoints or a data error, whatever a file holds", async () => {
    const value = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom("10.0.0.1:80", "h", "HEALTHY", 80, -1, null, true, 1.5, "__proto__"),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(
          fc.constantFrom(
            "services",
            "endpoints",
            "resources",
            "cluster_name",
            "lbEndpoints",
            "targets",
            "labels",
            "host",
            "port",
            "address",
            "socket_address",
            "port_value",
            "metadata",
            "locality",
            "endpoint",
            "weight",
            "health",
            "job",
            "__proto__",
          ),
          tie("tree"),
          { maxKeys: 5 },
        ),
      ),
    })).tree;
    await fc.assert(
      fc.asyncProperty(value, async (tree) => {
        for (const draft of [...(await orDataError(() => parse(tree))).values()].flat()) {
          if (draft === undefined) continue;
          expect(typeof draft.host).toBe("string");
          expect(typeof draft.port).toBe("number");
          expect(Object.values(draft.metadata).every((each) => typeof each === "string")).toBe(true);
        }
      }),
      { seed: 5, numRuns: 3000 },
    );
  });

  it("stands any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom("/a.json", "/a.yaml"),
        async (bytes, path) => {
          expect(
            await orDataError(() => parseFile(path, Buffer.from(bytes), options, context)),
          ).toBeInstanceOf(Map);
        },
      ),
      { seed: 6, numRuns: 1500 },
    );
  });

  it("does not unfold a YAML bomb", async () => {
    const lines = [
      "a0: &a0 [x, x]",
      ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`),
    ];
    await expect(parseFile("/a.yaml", Buffer.from(lines.join("\n")), options, context)).rejects.toThrow(
      /is no YAML/,
    );
  });

  it("reads much YAML, and what is wrong with it, without holding up the process", async () => {
    const text = Array.from({ length: 10_000 }, (_, i) => `- 10.1.${i >> 8}.${i & 255}:80\n`).join("");
    let longest = 0;
    let last = performance.now();
    const ticks = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const begin = performance.now();
    const drafts = await parseFile("/a.yaml", Buffer.from(text), options, context);
    clearInterval(ticks);
    expect(drafts.get("orders")).toHaveLength(10_000);
    // Had this thread read it, there would have been no tick at all.
    expect(longest).toBeLessThan((performance.now() - begin) * 0.8);
    const bad = parseFile("/a.yaml", Buffer.from(`${text}- [`), options, context);
    await expect(bad).rejects.toThrow(/^\/a\.yaml is no YAML: .* at line 10001/);
  });

  it("reads what it is told to, whatever the file's name", async () => {
    const yaml = Buffer.from("- 10.0.0.1:80\n");
    expect(
      (await parseFile("/a.conf", yaml, { ...options, format: "yaml" }, context)).get("orders"),
    ).toHaveLength(1);
    await expect(parseFile("/a.conf", yaml, options, context)).rejects.toThrow(/is no JSON/);
  });
});
