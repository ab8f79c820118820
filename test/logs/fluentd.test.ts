import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { describe, expect, it, onTestFinished } from "vitest";

import { ForwardClient, forwardLogger } from "../../examples/logs/forward-client.ts";
import { root } from "../docs/markdown.ts";
import { ForwardServer } from "./support/forward-server.ts";
import type { Fate, ForwardRecord } from "./support/forward-server.ts";

async function fluentd(): Promise<ForwardServer> {
  const server = await ForwardServer.start();
  onTestFinished(() => {
    server.stop();
  });
  return server;
}

function clientOf(
  server: ForwardServer,
  options: { ackMs?: number; maxRecords?: number } = {},
): ForwardClient {
  const client = new ForwardClient({ host: "127.0.0.1", port: server.port, ...options });
  onTestFinished(() => client.close(0));
  return client;
}

const numbers = (records: readonly ForwardRecord[]): readonly unknown[] =>
  records.map(({ record }) => record["n"]);
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

describe("the example for Fluentd", () => {
  it("delivers what it says by the forward protocol", async () => {
    const server = await fluentd();
    const client = clientOf(server);
    const logger = forwardLogger(client, "proxyless.events");
    const record = {
      "server.address": "orders",
      ratio: 0.25,
      count: -70_000,
      big: 2 ** 40,
      yes: true,
      ü: "é".repeat(300),
    };
    logger.warn(record, "endpoint ejected");
    client.post("proxyless.access", { path: "/" }, 1_795_267_383_007.25);
    await client.close();
    expect(server.complaints).toEqual([]);
    expect(server.records[0]).toMatchObject({
      tag: "proxyless.events",
      record: { level: "warn", message: "endpoint ejected", ...record },
    });
    expect(Math.abs((server.records[0]?.timeMs ?? 0) - Date.now())).toBeLessThan(60_000);
    expect(server.records[1]).toEqual({
      tag: "proxyless.access",
      timeMs: 1_795_267_383_007.25,
      record: { path: "/" },
    });
    expect(client.acknowledged).toBe(2);
  });

  it("sends many records in few chunks, in their order", async () => {
    const server = await fluentd();
    const client = clientOf(server);
    for (const n of upTo(1200)) client.post("a.b", { n });
    await client.close();
    expect(server.complaints).toEqual([]);
    expect(numbers(server.records)).toEqual(upTo(1200));
    expect(server.chunks).toHaveLength(3);
    expect(server.connections).toBe(1);
  });

  it("sends again what was not acknowledged, by the same chunk", async () => {
    const server = await fluentd();
    const fates: readonly Fate[] = ["cut", "silence", "keep and cut", "ack another"];
    server.fate = (message) => fates[message] ?? "ack";
    const client = clientOf(server, { ackMs: 100 });
    for (const n of upTo(3)) client.post("a.b", { n });
    await client.close();
    expect(server.complaints).toEqual([]);
    expect(server.connections).toBe(5);
    expect(new Set(server.chunks).size).toBe(1);
    // At least once: three copies were kept that the client could not know of.
    expect(numbers(server.records)).toEqual([...upTo(3), ...upTo(3), ...upTo(3), ...upTo(3)]);
    expect({ acknowledged: client.acknowledged, dropped: client.dropped }).toEqual({
      acknowledged: 3,
      dropped: 0,
    });
  });

  it("keeps a bounded number while nobody listens, and ends all the same", async () => {
    const server = await fluentd();
    server.stop();
    const client = clientOf(server, { maxRecords: 10 });
    for (const n of upTo(15)) client.post("a.b", { n });
    await client.close(200);
    expect({ acknowledged: client.acknowledged, dropped: client.dropped }).toEqual({
      acknowledged: 0,
      dropped: 15,
    });
  });

  it("runs", async () => {
    const server = await fluentd();
    const program = [`${root}/examples/logs-fluentd.ts`, `127.0.0.1:${server.port}`];
    const { stdout } = await promisify(execFile)(process.execPath, program, { timeout: 60_000 });
    expect(server.complaints).toEqual([]);
    expect(stdout).toBe(`${server.records.length} records acknowledged, 0 dropped\n`);
    const events = server.records.filter(({ tag }) => tag === "proxyless.events");
    expect(events.map(({ record }) => record["message"])).toContainEqual(
      expect.stringMatching(/^endpoint 127\.0\.0\.1:\d+ of orders ejected for \d+ s: /),
    );
    const calls = server.records.filter(({ tag }) => tag === "proxyless.access");
    expect(calls.length).toBeGreaterThan(0);
    for (const { record } of calls)
      expect(record).toMatchObject({ upstream_cluster: "orders", method: "GET" });
  });
});
