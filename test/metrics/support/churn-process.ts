import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { memorySource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import {
  createMetrics,
  instrumentMesh,
  prometheusEndpoint,
  registerWithPromClient,
} from "@proxyless/metrics";
import { Registry } from "prom-client";

import { answerAtOnce } from "../../../bench/busy-mesh.ts";
import { usedBytes } from "../../../bench/heap.ts";
import { openMesh } from "../../../packages/core/src/mesh.ts";
import { until } from "../../../scripts/servers/index.ts";
import { readScrape } from "./scraped.ts";

/** What is left when endpoints have come and gone. */
export interface Churned {
  /** While they were there. */
  readonly most: number;
  readonly seriesBefore: readonly string[];
  readonly seriesAfter: readonly string[];
  /** For each endpoint that was there. */
  readonly bytes: number;
}

const atOnce = 10_000;
const firstRounds = 1;
const rounds = 2;
const inFlight = 20;

/** What an operator sees: the names of all series. */
type See = () => Promise<readonly string[]>;

/** Each of the ways in which series leave the process. */
const ways: Readonly<Record<string, (mesh: Mesh) => See | Promise<See>>> = {
  "prometheus endpoint": async (mesh) => {
    const endpoint = prometheusEndpoint(metricsOf(mesh));
    const url = await endpoint.listen({ port: 0 });
    return async () => [...readScrape(await (await fetch(url)).text()).keys()];
  },
  "prom-client": (mesh) => {
    const registry = new Registry();
    registerWithPromClient(registry, metricsOf(mesh));
    return async () => [...readScrape(await registry.metrics()).keys()];
  },
  "metrics API": (mesh) => {
    const reader = new HandReader();
    const provider = new MeterProvider({ readers: [reader] });
    instrumentMesh(mesh, { meter: provider.getMeter("churn"), eventLoop: false });
    return async () => {
      const { resourceMetrics } = await reader.collect();
      const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
      return all.flatMap(({ dataPoints, descriptor }) =>
        dataPoints.map(({ attributes }) => `${descriptor.name} ${JSON.stringify(attributes)}`),
      );
    };
  },
};

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

function metricsOf(mesh: Mesh): ReturnType<typeof createMetrics> {
  return createMetrics(mesh, { endpoints: true, maxSeries: 2 * atOnce, eventLoop: false });
}

/** A process of its own, so that its heap is that of the mesh. */
async function churn(way: string): Promise<Churned> {
  const source = memorySource({ orders: [] });
  // Ten thousand connections would say nothing more of what is measured.
  const { mesh } = openMesh(
    {
      discovery: source,
      services: { orders: { subset: false, outlierDetection: false } },
      drainMs: 1,
    },
    answerAtOnce,
  );
  const see = await ways[way]!(mesh);
  const hasEndpoints = async (orders: readonly string[]): Promise<void> => {
    source.set("orders", orders);
    await mesh.ready("orders");
    await until(`${orders.length} endpoints are known`, 30_000, async () =>
      mesh.read({ endpoints: true }).services[0]?.endpoints.length === orders.length ? true : undefined,
    );
  };
  let next = 0;
  const visit = async (): Promise<number> => {
    const orders = Array.from({ length: atOnce }, () => {
      const n = next++;
      return `127.${1 + (n >> 16)}.${(n >> 8) % 256}.${n % 256}:80`;
    });
    await hasEndpoints(orders);
    const left = orders.values();
    const call = async (): Promise<void> => {
      for (const endpoint of left) await (await mesh.fetch("http://orders/", { mesh: { endpoint } })).text();
    };
    await Promise.all(Array.from({ length: inFlight }, call));
    const most = await see();
    await hasEndpoints([]);
    // What is gone is told once more.
    await see();
    return most.length;
  };
  // The first rounds make what stays for good: code, and tables that have grown.
  for (let round = 0; round < firstRounds; round++) await visit();
  const seriesBefore = await see();
  const before = await usedBytes();
  let most = 0;
  for (let round = 0; round < rounds; round++) most = Math.max(most, await visit());
  const seriesAfter = await see();
  const bytes = ((await usedBytes()) - before) / (rounds * atOnce);
  return { most, seriesBefore, seriesAfter, bytes };
}

const [way = ""] = process.argv.slice(2);
process.send?.(await churn(way), () => process.exit());
