import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { AlwaysOnSampler, BatchSpanProcessor } from "@opentelemetry/sdk-trace";
import { logEvents } from "@proxyless/logs";
import { createMetrics } from "@proxyless/metrics";

import { otelLogger } from "../../../examples/logs/otel-logger.ts";
import type { DocumentedCall } from "./documented-call.ts";
import { documentedCall } from "./documented-call.ts";
import { Sdk } from "./sdk.ts";

/**
 * Makes the documented call as a process does that exports its spans, metrics and logs by OTLP over HTTP to `url`; resolves when all is sent.
 * @param histograms of the durations
 */
export async function exportDocumentedCall(
  url: string,
  histograms: "explicit" | "exponential",
): Promise<void> {
  const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` });
  const sdk = new Sdk(new AlwaysOnSampler(), [new BatchSpanProcessor({ exporter })]);
  const logs = new LoggerProvider({
    processors: [new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${url}/v1/logs` }) })],
  });
  const documented: DocumentedCall = await documentedCall();
  const metrics = createMetrics(documented.mesh, { histograms });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics` }),
    metricProducers: [metrics],
  });
  const meters = new MeterProvider({ readers: [reader] });
  try {
    await documented.earn();
    using _ = logEvents(documented.mesh, otelLogger(logs.getLogger("@proxyless/logs")), {
      levels: { "call.completed": "info" },
    });
    await documented.call();
    await meters.forceFlush();
  } finally {
    await meters.shutdown();
    metrics.close();
    await documented.end();
    await sdk.provider.shutdown();
    await logs.shutdown();
    sdk.end();
  }
}
