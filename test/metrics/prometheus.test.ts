import { createServer } from "node:http";
import type { ServerResponse } from "node:http";

import { ROOT_CONTEXT, context, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { AlwaysOnSampler, ParentBasedSampler } from "@opentelemetry/sdk-trace";
import { createMesh, memorySource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { createMetrics, instruments, prometheusEndpoint, registerWithPromClient } from "@proxyless/metrics";
import { Registry, collectDefaultMetrics } from "prom-client";
import type { OpenMetricsContentType } from "prom-client";
import { describe, expect, it } from "vitest";

import { promtool, startPrometheus, until } from "../../scripts/servers/index.ts";
import { listening } from "../telemetry/support/listening.ts";
import { Sdk } from "../telemetry/support/sdk.ts";
import { FaultyService } from "./support/faulty-service.ts";
import { readScrape } from "./support/scraped.ts";

function openMetricsRegistry(): Registry<OpenMetricsContentType> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType("application/openmetrics-text; version=1.0.0; charset=utf-8");
  return registry;
}

/** A mesh in which about everything has happened that is counted. */
async function busyMesh(one: FaultyService, two: FaultyService): Promise<Mesh> {
  const mesh = createMesh({
    discovery: memorySource({ orders: [one.address, two.address], "very-busy": [one.address] }),
    services: {
      orders: {
        retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
        bulkhead: { maxConcurrent: 50 },
        adaptiveThrottling: {},
        rateLimit: { tokensPerSecond: 1_000, burst: 1_000 },
        routes: [{ match: { path: "/404" }, timeout: { totalMs: 1_000 } }],
      },
      "very-busy": { adaptiveConcurrency: {}, circuit: false },
    },
  });
  for (const path of ["/200", "/404", "/500", "/503", "/429", "/reset", "/200"]) {
    await mesh.fetch(`http://orders${path}`).then(
      (response) => response.text(),
      () => undefined,
    );
    await (await mesh.fetch("http://very-busy/200")).text();
  }
  await mesh.fetch("http://nobody/").catch(() => undefined);
  mesh.circuit("orders").setMode("forced-open");
  await mesh.fetch("http://orders/200").catch(() => undefined);
  mesh.circuit("orders").setMode("auto");
  return mesh;
}

describe("the Prometheus endpoint", () => {
  it("is what promtool would write as well", { timeout: 120_000 }, async () => {
    await using one = await FaultyService.start();
    await using two = await FaultyService.start();
    await using mesh = await busyMesh(one, two);
    using metrics = createMetrics(mesh, { endpoints: true });
    await (await mesh.fetch("http://orders/200")).text();
    await using endpoint = prometheusEndpoint(metrics);
    const text = await (await fetch(await endpoint.listen({ port: 0 }))).text();
    expect(readScrape(text).size).toBeGreaterThan(60);
    expect(await promtool(["check", "metrics"], text)).toEqual({ code: 0, output: "" });
  });

  it("would say so if it were not", { timeout: 60_000 }, async () => {
    const { code, output } = await promtool(["check", "metrics"], "# TYPE a_total gauge\na_total 1\n");
    expect(code).toBe(3);
    expect(output).toContain("a_total");
  });

  it("answers on a server of the user's, at its own path only, and not after close", async () => {
    await using mesh = createMesh({ discovery: memorySource({ orders: [] }) });
    using metrics = createMetrics(mesh);
    const endpoint = prometheusEndpoint(metrics);
    const server = createServer(endpoint.handler);
    const url = `http://127.0.0.1:${await listening(server)}/anything`;
    expect(await (await fetch(url)).text()).toContain("proxyless_event_loop_stalled_seconds_total 0");
    server.closeAllConnections();
    server.close();
    const own = await endpoint.listen({ port: 0, path: "/internal/metrics" });
    expect(own).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/internal\/metrics$/);
    expect((await fetch(own)).status).toBe(200);
    expect((await fetch(new URL("/metrics", own))).status).toBe(404);
    await expect(endpoint.listen({ port: 0 })).rejects.toMatchObject({ code: "ERR_PROXYLESS_CONFIG" });
    await endpoint.close();
    await expect(fetch(own)).rejects.toThrow("fetch failed");
  });

  it("says what the process is, where it is told", async () => {
    await using mesh = createMesh({ discovery: memorySource({}) });
    using metrics = createMetrics(mesh);
    const resource = resourceFromAttributes({ "service.name": "shop" });
    await using endpoint = prometheusEndpoint(metrics, { resource });
    const text = await (await fetch(await endpoint.listen({ port: 0 }))).text();
    expect(text).toContain('target_info{service_name="shop"} 1');
  });

  it("refuses histograms that the exporter cannot write", async () => {
    await using mesh = createMesh({ discovery: memorySource({}) });
    using metrics = createMetrics(mesh, { histograms: "exponential" });
    expect(() => prometheusEndpoint(metrics)).toThrow(/histograms must be explicit/);
    expect(() => registerWithPromClient(new Registry(), metrics)).toThrow(/histograms must be explicit/);
  });
});

describe("a registry of prom-client", () => {
  it("shows the same numbers beside its own, and lets go of them", { timeout: 60_000 }, async () => {
    await using one = await FaultyService.start();
    await using two = await FaultyService.start();
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    await using mesh = await busyMesh(one, two);
    using metrics = createMetrics(mesh, { eventLoop: false });
    const shown = registerWithPromClient(registry, metrics);
    for (const path of ["/200", "/404", "/500"]) await (await mesh.fetch(`http://orders${path}`)).text();
    const text = await registry.metrics();
    expect(text).toContain("process_cpu_seconds_total");
    const checked = text.slice(text.indexOf("# HELP http_client"));
    expect(await promtool(["check", "metrics"], checked)).toEqual({ code: 0, output: "" });
    await using endpoint = prometheusEndpoint(metrics);
    const other = readScrape(await (await fetch(await endpoint.listen({ port: 0 }))).text());
    const own = new Map([...readScrape(checked)].filter(([name]) => other.has(name)));
    const still = (all: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
      [...all]
        .filter(([name]) => !/age|last_change|balance|stalled|connections/.test(name))
        .toSorted(([left], [right]) => (left < right ? -1 : 1));
    expect(still(own)).toEqual(still(other));
    shown[Symbol.dispose]();
    expect(await registry.metrics()).not.toContain("proxyless");
    for (const { description } of instruments) expect(await registry.metrics()).not.toContain(description);
  });
});

describe("a real Prometheus", () => {
  it("scrapes both, and finds the trace behind a bucket", { timeout: 120_000 }, async () => {
    const sdk = new Sdk(new ParentBasedSampler({ root: new AlwaysOnSampler() }));
    try {
      await using service = await FaultyService.start();
      await using mesh = createMesh({ discovery: memorySource({ orders: [service.address] }) });
      using metrics = createMetrics(mesh);
      const registry = openMetricsRegistry();
      registerWithPromClient(registry, metrics);
      await using endpoint = prometheusEndpoint(metrics);
      const plain = new URL(await endpoint.listen({ port: 0 }));
      const answer = async (response: ServerResponse): Promise<void> => {
        response.setHeader("content-type", registry.contentType).end(await registry.metrics());
      };
      const server = createServer((_, response) => void answer(response));
      const withExemplars = `127.0.0.1:${await listening(server)}`;
      for (let i = 0; i < 5; i++) await (await mesh.fetch("http://orders/200")).text();
      await using prometheus = await startPrometheus({
        config: {
          global: { scrape_interval: "1s" },
          scrape_configs: [
            { job_name: "plain", static_configs: [{ targets: [plain.host] }] },
            { job_name: "exemplars", static_configs: [{ targets: [withExemplars] }] },
          ],
        },
      });
      const query = 'proxyless_client_calls_total{server_address="orders",proxyless_outcome="success"}';
      const found = await until("both are scraped", 30_000, async () => {
        const samples = await prometheus.query(query);
        return samples.length === 2 ? samples : undefined;
      });
      expect(found.map(({ value }) => value)).toEqual([5, 5]);
      const bucket = 'http_client_request_duration_seconds_bucket{server_address="orders"}';
      const end = Math.floor(performance.timeOrigin / 1_000) + 3_600;
      const { data } = await prometheus.get<{
        readonly data: readonly {
          readonly exemplars: readonly { readonly labels: { trace_id: string } }[];
        }[];
      }>(`/api/v1/query_exemplars?query=${encodeURIComponent(bucket)}&start=0&end=${end}`);
      const traces = data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
      const made = new Set(sdk.spans.map((span) => span.spanContext().traceId));
      expect(traces.length).toBeGreaterThan(0);
      for (const one of traces) expect(made.has(one)).toBe(true);
      server.closeAllConnections();
      server.close();
    } finally {
      sdk.end();
    }
  });

  it("gets no exemplar of a trace that is not kept", async () => {
    await using service = await FaultyService.start();
    await using mesh = createMesh({ discovery: memorySource({ orders: [service.address] }) });
    using metrics = createMetrics(mesh);
    const registry = openMetricsRegistry();
    registerWithPromClient(registry, metrics);
    const sdk = new Sdk(new ParentBasedSampler({ root: new AlwaysOnSampler() }));
    try {
      const unsampled = trace.setSpanContext(ROOT_CONTEXT, {
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203331",
        traceFlags: 0,
      });
      await context.with(unsampled, async () => (await mesh.fetch("http://orders/200")).text());
      expect(await registry.metrics()).not.toContain("trace_id");
      await (await mesh.fetch("http://orders/200")).text();
      expect(await registry.metrics()).toContain("trace_id");
    } finally {
      sdk.end();
    }
  });
});
