export { createMetrics } from "./mesh-metrics.ts";
export type { MeshMetrics } from "./mesh-metrics.ts";
export type { MetricsSource } from "./metrics-source.ts";
export type { AggregatedMetricsOptions, MetricsOptions } from "./options.ts";
export { allDefinitions as instruments } from "./definitions.ts";
export type { Definition as Instrument, InstrumentKind } from "./definitions.ts";
export { prometheusEndpoint } from "./prometheus/prometheus-endpoint.ts";
export type {
  ListenOptions,
  PrometheusEndpoint,
  PrometheusOptions,
} from "./prometheus/prometheus-endpoint.ts";
export { instrumentMesh } from "./otel/instrument-mesh.ts";
export type { InstrumentMeshOptions, MeshInstruments } from "./otel/instrument-mesh.ts";
export { registerWithPromClient } from "./prometheus/prom-client.ts";
export type { PromClientMetric, PromClientRegistry } from "./prometheus/prom-client.ts";
export { numbersOf } from "./otel/metric-data.ts";
export { MetricsTotal } from "./total/metrics-total.ts";
export type { MetricsTotalOptions } from "./total/metrics-total.ts";
export { metricsReport } from "./total/report.ts";
export type { MetricsReport } from "./total/report.ts";
