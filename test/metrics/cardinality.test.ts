import type { Attributes } from "@opentelemetry/api";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";
import type { MeshMetrics } from "@proxyless/metrics";
import { describe, expect, it } from "vitest";

import { until } from "../../scripts/servers/index.ts";
import { FaultyService } from "./support/faulty-service.ts";
import { readScrape } from "./support/scraped.ts";

async function metricsOf(metrics: MeshMetrics): Promise<readonly MetricData[]> {
  const { resourceMetrics } = await metrics.collect();
  return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
}

async function pointsOf(
  metrics: MeshMetrics,
  name: string,
): Promise<readonly (readonly [Attributes, number])[]> {
  const found = (await metricsOf(metrics)).find(({ descriptor }) => descriptor.name === name);
  if (found === undefined || found.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM) return [];
  return found.dataPointType === DataPointType.HISTOGRAM
    ? found.dataPoints.map(({ attributes, value }) => [attributes, value.count] as const)
    : found.dataPoints.map(({ attributes, value }) => [attributes, value] as const);
}

function isOverflow([attributes]: readonly [Attributes, number]): boolean {
  return attributes["otel.metric.overflow"] === true;
}

/** Addresses of loopback that all lead to the same server. */
function addressesOf(service: FaultyService, count: number, from = 0): readonly string[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return `127.${1 + (n >> 16)}.${(n >> 8) % 256}.${n % 256}:${service.port}`;
  });
}

describe("the limit of series", () => {
  it("counts what comes beyond it in one more, and loses nothing", async () => {
    await using service = await FaultyService.start();
    await using mesh = createMesh({ discovery: memorySource({ orders: [service.address] }) });
    using metrics = createMetrics(mesh, { maxSeries: 3 });
    for (const status of [200, 201, 202, 204, 206, 404, 410]) {
      await (await mesh.fetch(`http://orders/${status}`)).text();
    }
    const durations = await pointsOf(metrics, "http.client.request.duration");
    expect(durations).toHaveLength(4);
    expect(durations.filter(isOverflow)).toEqual([[{ "otel.metric.overflow": true }, 4]]);
    const endpoint = prometheusEndpoint(metrics);
    const text = await (await fetch(await endpoint.listen({ port: 0 }))).text();
    await endpoint.close();
    const scraped = readScrape(text);
    expect(scraped.get('http_client_request_duration_seconds_count{otel_metric_overflow="true"}')).toBe(4);
  });

  it("holds for names out of URLs too", async () => {
    await using mesh = createMesh({ discovery: memorySource({}) });
    using metrics = createMetrics(mesh, { maxSeries: 10 });
    for (let i = 0; i < 100; i++) await mesh.fetch(`http://name-${i}/`).catch(() => undefined);
    const calls = await pointsOf(metrics, "proxyless.client.calls");
    expect(calls).toHaveLength(11);
    expect(calls.reduce((sum, [, count]) => sum + count, 0)).toBe(100);
    expect(calls.filter(isOverflow).map(([, count]) => count)).toEqual([90]);
  });

  it("adds up what is read where a sum means something, and else takes the highest", async () => {
    await using service = await FaultyService.start("0.0.0.0");
    const orders = addressesOf(service, 8);
    await using mesh = createMesh({ discovery: memorySource({ orders }) });
    using metrics = createMetrics(mesh, { maxSeries: 2, endpoints: true });
    for (let i = 0; i < 60; i++) await (await mesh.fetch("http://orders/200")).text();
    const connections = await pointsOf(metrics, "proxyless.endpoint.open_connections");
    const all = mesh.read({ endpoints: true }).services[0]!.endpoints;
    expect(connections).toHaveLength(3);
    expect(connections.reduce((sum, [, count]) => sum + count, 0)).toBe(
      all.reduce((sum, { connections: own }) => sum + (own?.connected ?? 0), 0),
    );
    const latencies = await pointsOf(metrics, "proxyless.endpoint.latency");
    expect(Math.max(...latencies.map(([, value]) => value))).toBeCloseTo(
      Math.max(...all.map(({ latencyMs = 0 }) => latencyMs)) / 1_000,
      9,
    );
    const attempts = await pointsOf(metrics, "proxyless.endpoint.attempts");
    expect(attempts.reduce((sum, [, count]) => sum + count, 0)).toBe(60);
    expect(attempts).toHaveLength(3);
  });
});

describe("series of what is gone", () => {
  it("are told once more and then leave, of services and endpoints", async () => {
    await using service = await FaultyService.start("0.0.0.0");
    const [first, second] = addressesOf(service, 2);
    const source = memorySource({ orders: [first!] });
    await using mesh = createMesh({ discovery: source });
    using metrics = createMetrics(mesh, { endpoints: true, eventLoop: false });
    await (await mesh.fetch("http://orders/200")).text();
    source.set("orders", [second!]);
    await (await mesh.fetch("http://orders/200")).text();
    const addresses = async (): Promise<readonly unknown[]> =>
      (await pointsOf(metrics, "proxyless.endpoint.attempts")).map(([of]) => of["network.peer.address"]);
    expect(await addresses()).toEqual([first, second].map((address) => address!.split(":")[0]));
    expect(await addresses()).toEqual([second!.split(":")[0]]);
    expect((await pointsOf(metrics, "proxyless.endpoint.active")).length).toBe(1);
  });

  it("are told once more and then leave, of services that do not exist", { timeout: 60_000 }, async () => {
    await using mesh = createMesh({ discovery: memorySource({ orders: [] }) });
    using metrics = createMetrics(mesh, { eventLoop: false });
    await mesh.fetch("http://nobody/").catch(() => undefined);
    const told = async (): Promise<boolean> =>
      (await pointsOf(metrics, "proxyless.client.calls")).some(([of]) => of["server.address"] === "nobody");
    expect(await told()).toBe(true);
    await until("the mesh has forgotten the name", 20_000, async () =>
      mesh.read().services.length === 0 ? true : undefined,
    );
    expect(await told()).toBe(true);
    expect(await told()).toBe(false);
    expect(metrics.size).toBe(0);
  });
});
