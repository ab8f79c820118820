import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { ExportResultCode, W3CTraceContextPropagator } from "@opentelemetry/core";
import type { ExportResult } from "@opentelemetry/core";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { createMetrics, instrumentMesh } from "@proxyless/metrics";
import { Pool } from "undici";

import type { Variant } from "./rounds.ts";

/** The variants and what has to be ended after them. */
export interface Measured extends AsyncDisposable {
  readonly variants: readonly Variant[];
}

/** How a mesh is measured. */
interface Telemetry {
  /** The share of traces that is kept; undefined without an SDK for traces. */
  readonly traced?: number;
  /** `own`: added up by the package. `api`: through the metrics API. */
  readonly metrics?: "own" | "api";
}

const telemetries: Readonly<Record<string, Telemetry>> = {
  "typed GET": {},
  "typed GET, metrics": { metrics: "own" },
  "typed GET, metrics through the API": { metrics: "api" },
  "typed GET, traces": { traced: 1 },
  "typed GET, traces and metrics": { traced: 1, metrics: "own" },
  "typed GET, traces and metrics through the API": { traced: 1, metrics: "api" },
  "typed GET, 1 % of traces and metrics": { traced: 0.01, metrics: "own" },
};

const headers = { accept: "application/json" };

/** The same call without a mesh, and through meshes that are measured in different ways by the real SDK. */
export function openMeasured(ports: readonly number[], inFlight: number): Measured {
  const stack = new AsyncDisposableStack();
  const pool = stack.adopt(new Pool(`http://127.0.0.1:${ports[0]}`, { connections: inFlight }), (one) =>
    one.close(),
  );
  const bare: Variant = {
    name: "pool.request",
    before: unregister,
    call: async () => {
      const { body } = await pool.request({ method: "GET", path: "/orders/42", headers });
      return body.json();
    },
  };
  const measured = Object.entries(telemetries).map(([name, telemetry]): Variant => {
    const mesh = stack.use(
      createMesh({ discovery: staticSource({ orders: ports.map((port) => `127.0.0.1:${port}`) }) }),
    );
    const register = measure(mesh, telemetry, stack);
    const orders = mesh.service("orders");
    const params = { path: { id: "42" } };
    return {
      name,
      before: register,
      call: async () => (await orders.GET("/orders/{id}", { params })).data,
    };
  });
  stack.defer(unregister);
  return { variants: [bare, ...measured], [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** @returns what registers the SDK of this variant, and only it */
function measure(mesh: Mesh, { metrics, traced }: Telemetry, stack: AsyncDisposableStack): () => void {
  if (metrics !== undefined) {
    const own = metrics === "own" ? stack.use(createMetrics(mesh)) : undefined;
    const reader = new PeriodicExportingMetricReader({
      exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
      exportIntervalMillis: 10_000,
      exportTimeoutMillis: 5_000,
      metricProducers: own === undefined ? [] : [own],
    });
    const provider = stack.adopt(new MeterProvider({ readers: [reader] }), (one) => one.shutdown());
    if (own === undefined) stack.use(instrumentMesh(mesh, { meter: provider.getMeter("bench") }));
  }
  if (traced === undefined) return unregister;
  const provider = stack.adopt(
    new TracerProvider({
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(traced) }),
      spanProcessors: [new BatchSpanProcessor({ exporter: nowhere })],
    }),
    (one) => one.shutdown(),
  );
  return () => {
    unregister();
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  };
}

/** What becomes of spans after they left the SDK is not what is measured. */
const nowhere = {
  export: (_: unknown, done: (result: ExportResult) => void): void => {
    done({ code: ExportResultCode.SUCCESS });
  },
  shutdown: (): Promise<void> => Promise.resolve(),
};

function unregister(): void {
  trace.disable();
  context.disable();
  propagation.disable();
}
