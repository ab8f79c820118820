export { createMetrics } from "./mesh-metrics.ts";
export type { MeshMetrics } from "./mesh-metrics.ts";
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
