import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { Mesh } from "@proxyless/core";
import {
  createMetrics,
  instrumentMesh,
  instruments,
  prometheusEndpoint,
  registerWithPromClient,
} from "@proxyless/metrics";
import type { AggregatedMetricsOptions, MetricsSource } from "@proxyless/metrics";
import { Registry } from "prom-client";

import { readScrape } from "./scraped.ts";
import type { Scraped } from "./scraped.ts";

/** A mesh as an operator sees it. */
export interface Seen extends AsyncDisposable {
  /** The series under the names of Prometheus, as text that Prometheus reads. */
  text(): Promise<string>;
  scrape(): Promise<Scraped>;
  /** Stops measuring; who collects goes on. */
  close(): void;
}

/** Collects when it is asked to, everything since the beginning. */
class HandReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** Shows a source of metrics, whatever it is, by the Prometheus endpoint. */
async function seen(source: MetricsSource, close: () => void): Promise<Seen> {
  const endpoint = prometheusEndpoint(source);
  const url = await endpoint.listen({ port: 0 });
  const text = async (): Promise<string> => (await fetch(url)).text();
  return {
    text,
    scrape: async () => readScrape(await text()),
    close,
    [Symbol.asyncDispose]: async () => {
      close();
      await endpoint.close();
    },
  };
}

export function byEndpoint(mesh: Mesh, options: AggregatedMetricsOptions = {}): Promise<Seen> {
  const metrics = createMetrics(mesh, { eventLoop: false, ...options });
  return seen(metrics, () => metrics.close());
}

async function byPromClient(mesh: Mesh): Promise<Seen> {
  const metrics = createMetrics(mesh, { eventLoop: false });
  const registry = new Registry();
  registerWithPromClient(registry, metrics);
  return {
    text: () => registry.metrics(),
    scrape: async () => readScrape(await registry.metrics()),
    close: () => metrics.close(),
    [Symbol.asyncDispose]: async () => metrics.close(),
  };
}

export function byApi(mesh: Mesh): Promise<Seen> {
  const reader = new HandReader();
  const provider = new MeterProvider({ readers: [reader] });
  const measured = instrumentMesh(mesh, { meter: provider.getMeter("test"), eventLoop: false });
  const source = { histograms: "explicit", instruments, collect: () => reader.collect() } as const;
  return seen(source, () => measured.close());
}

/** Each of the ways in which series leave the process. */
export const ways: readonly (readonly [string, (mesh: Mesh) => Promise<Seen>])[] = [
  ["the Prometheus endpoint", byEndpoint],
  ["prom-client", byPromClient],
  ["the metrics API", byApi],
];
