// The events of a mesh over OTLP, to a collector: node examples/logs-otlp.ts [http://host:4318/v1/logs]
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { logEvents } from "@proxyless/logs";

import { ordersInTrouble } from "./logs/orders.ts";
import { otelLogger } from "./logs/otel-logger.ts";

const exporter = new OTLPLogExporter({ url: process.argv[2] ?? "http://127.0.0.1:4318/v1/logs" });
const provider = new LoggerProvider({
  resource: resourceFromAttributes({ "service.name": "checkout" }),
  processors: [new BatchLogRecordProcessor({ exporter })],
});

const { mesh, call, close } = await ordersInTrouble();
const events = logEvents(mesh, otelLogger(provider.getLogger("@proxyless/logs")));

await call(200);
await close();
events.stop();
await provider.shutdown();
