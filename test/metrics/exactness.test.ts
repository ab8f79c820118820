import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { createMesh, memorySource, ProxylessError } from "@proxyless/core";
import type { FetchInit, Mesh } from "@proxyless/core";
import { createMetrics, instrumentMesh, prometheusEndpoint } from "@proxyless/metrics";
import type { MeshMetrics } from "@proxyless/metrics";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { FaultyService } from "./support/faulty-service.ts";
import { readScrape, sumOf } from "./support/scraped.ts";
import type { Scraped } from "./support/scraped.ts";

const never = { exportIntervalMillis: 3_600_000, exportTimeoutMillis: 1_000 };

async function scrapeOf(metrics: MeshMetrics): Promise<Scraped> {
  await using endpoint = prometheusEndpoint(metrics);
  const response = await fetch(await endpoint.listen({ port: 0 }));
  return readScrape(await response.text());
}

/** What the caller saw of its calls: how many ended in each way. */
class Account {
  readonly byStatus = new Map<string, number>();
  readonly byFlag = new Map<string, number>();
  /** Calls of which nothing was sent. */
  unsent = 0;

  async call(mesh: Mesh, url: string, init: FetchInit = {}): Promise<void> {
    try {
      const response = await mesh.fetch(url, init);
      await response.text();
      this.#add(this.byStatus, String(response.status));
    } catch (error) {
      if (error instanceof ProxylessError && error.attempts.length === 0) this.unsent++;
      this.#add(this.byFlag, error instanceof ProxylessError ? (error.flag ?? "?") : "DC");
    }
  }

  #add(to: Map<string, number>, key: string): void {
    to.set(key, (to.get(key) ?? 0) + 1);
  }
}

describe("counts under faults", () => {
  it("are those of the caller and of the servers, whatever is called", { timeout: 120_000 }, async () => {
    await using one = await FaultyService.start();
    await using two = await FaultyService.start();
    const paths = ["/200", "/404", "/500", "/503", "/429", "/reset", "/slow", "/slow"];
    const patience = ["endless", "aborted", "short"] as const;
    const initOf = (slow: (typeof patience)[number]): FetchInit => {
      if (slow === "aborted") return { signal: AbortSignal.timeout(5) };
      return slow === "short" ? { mesh: { timeoutMs: 5 } } : {};
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ path: fc.constantFrom(...paths), slow: fc.constantFrom(...patience) }), {
          minLength: 1,
          maxLength: 40,
        }),
        async (calls) => {
          one.asked.clear();
          two.asked.clear();
          await using mesh = createMesh({
            discovery: memorySource({ orders: [one.address, two.address] }),
            services: {
              orders: {
                retry: { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 2 },
                outlierDetection: false,
                circuit: false,
              },
            },
          });
          using metrics = createMetrics(mesh, { eventLoop: false });
          const account = new Account();
          await mesh.ready("orders");
          await Promise.all(
            calls.map(({ path, slow }) =>
              account.call(mesh, `http://orders${path}`, path === "/slow" ? initOf(slow) : {}),
            ),
          );
          await account.call(mesh, "http://nobody/200");
          const scraped = await scrapeOf(metrics);
          const durations = "http_client_request_duration_seconds_count";
          for (const [status, count] of account.byStatus) {
            expect(sumOf(scraped, durations, { http_response_status_code: status })).toBe(count);
          }
          for (const [flag, count] of account.byFlag) {
            expect(sumOf(scraped, "proxyless_client_calls_total", { proxyless_flag: flag })).toBe(count);
          }
          expect(sumOf(scraped, durations)).toBe(calls.length + 1);
          expect(sumOf(scraped, "proxyless_client_calls_total")).toBe(calls.length + 1);
          expect(sumOf(scraped, "http_client_active_requests")).toBe(0);
          expect(sumOf(scraped, "proxyless_client_attempt_active")).toBe(0);
          // An attempt that was given up may have ended before the server heard of it.
          const attempts = sumOf(scraped, "proxyless_client_attempts_total");
          const of = (error_type: string): number =>
            sumOf(scraped, "proxyless_client_attempts_total", { error_type });
          const givenUp = of("aborted") + of("timeout");
          expect(attempts).toBe(sumOf(scraped, "proxyless_client_attempt_duration_seconds_count"));
          expect(attempts).toBe(sumOf(scraped, "proxyless_lb_picks_total"));
          const served = one.total + two.total;
          expect(served).toBeLessThanOrEqual(attempts);
          expect(served).toBeGreaterThanOrEqual(attempts - givenUp);
          const retries = sumOf(scraped, "proxyless_client_call_retries_total");
          expect(attempts).toBe(calls.length + 1 - account.unsent + retries);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe("both ways to the SDK", () => {
  it("tell the same numbers", async () => {
    await using service = await FaultyService.start();
    await using mesh = createMesh({ discovery: memorySource({ orders: [service.address] }) });
    using metrics = createMetrics(mesh, { eventLoop: false });
    const own = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const api = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const ownProvider = new MeterProvider({
      readers: [new PeriodicExportingMetricReader({ exporter: own, ...never, metricProducers: [metrics] })],
    });
    const apiProvider = new MeterProvider({
      readers: [new PeriodicExportingMetricReader({ exporter: api, ...never })],
    });
    using instruments = instrumentMesh(mesh, { meter: apiProvider.getMeter("test"), eventLoop: false });
    for (const path of ["/200", "/200", "/404", "/500", "/503"]) {
      await (await mesh.fetch(`http://orders${path}`)).text();
    }
    await Promise.all([ownProvider.forceFlush(), apiProvider.forceFlush()]);
    const told = numbersOf(own);
    expect(told.size).toBeGreaterThan(20);
    const moving = /^proxyless\.(discovery\.(age|last_change)|event_loop|retry\.budget\.balance)/;
    const still = (all: ReadonlyMap<string, number>): readonly (readonly [string, number])[] =>
      [...all].filter(([name]) => !moving.test(name)).toSorted(byName);
    expect(still(numbersOf(api))).toEqual(still(told));
    instruments.close();
    await Promise.all([ownProvider.shutdown(), apiProvider.shutdown()]);
  });

  it("tell nothing once they are closed", async () => {
    await using service = await FaultyService.start();
    await using mesh = createMesh({ discovery: memorySource({ orders: [service.address] }) });
    const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
    const reader = new PeriodicExportingMetricReader({ exporter, ...never });
    const provider = new MeterProvider({ readers: [reader] });
    const metrics = createMetrics(mesh);
    const instruments = instrumentMesh(mesh, { meter: provider.getMeter("test") });
    await (await mesh.fetch("http://orders/200")).text();
    expect(metrics.size).toBeGreaterThan(0);
    metrics.close();
    instruments.close();
    const before = metrics.size;
    await (await mesh.fetch("http://orders/200")).text();
    expect(metrics.size).toBe(before);
    expect((await metrics.collect()).resourceMetrics.scopeMetrics).toEqual([]);
    exporter.reset();
    await provider.forceFlush();
    // What was recorded before it was closed is told once by the SDK itself; nothing was observed, nothing came on top.
    const names = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics));
    expect(names.map(({ descriptor }) => descriptor.name).toSorted()).toEqual([
      "http.client.request.duration",
      "proxyless.client.attempt.duration",
    ]);
    expect([...numbersOf(exporter).values()]).toEqual([1, 1]);
    await provider.shutdown();
  });
});

const byName = ([one]: readonly [string, number], [other]: readonly [string, number]): number =>
  one < other ? -1 : 1;

/** The number of each series that was told last; of a histogram its count. */
function numbersOf(exporter: InMemoryMetricExporter): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { metrics } of exporter.getMetrics().at(-1)?.scopeMetrics ?? []) {
    for (const metric of metrics) {
      const points =
        metric.dataPointType === DataPointType.HISTOGRAM ||
        metric.dataPointType === DataPointType.EXPONENTIAL_HISTOGRAM
          ? metric.dataPoints.map(({ attributes, value }) => [attributes, value.count] as const)
          : metric.dataPoints.map(({ attributes, value }) => [attributes, value] as const);
      for (const [attributes, value] of points) {
        const labels = Object.entries(attributes).map(([name, is]) => `${name}=${String(is)}`);
        found.set(`${metric.descriptor.name} ${labels.toSorted().join(" ")}`, value);
      }
    }
  }
  return found;
}
