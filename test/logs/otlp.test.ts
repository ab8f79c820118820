import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { context, trace } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { logEvents } from "@proxyless/logs";
import { describe, expect, it, onTestFinished } from "vitest";

import { otelLogger } from "../../examples/logs/otel-logger.ts";
import { root } from "../docs/markdown.ts";
import { Sdk } from "../telemetry/support/sdk.ts";
import { meshOver, serving } from "./support/orders.ts";
import { OtlpServer } from "./support/otlp-server.ts";

async function collector(): Promise<OtlpServer> {
  const server = await OtlpServer.start();
  onTestFinished(() => {
    server.stop();
  });
  return server;
}

describe("the example for OTLP", () => {
  it("sends records with the trace of their own call", async () => {
    const sdk = new Sdk(new AlwaysOnSampler());
    onTestFinished(() => {
      sdk.end();
    });
    const server = await collector();
    const exporter = new OTLPLogExporter({ url: server.url });
    const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
    const mesh = meshOver([await serving((_, response) => response.end("{}"))]);
    const log = logEvents(mesh, otelLogger(provider.getLogger("@proxyless/logs")), {
      levels: { "call.completed": "info" },
    });
    const wanted: string[] = [];
    for (let i = 0; i < 3; i++) {
      const span = trace.getTracer("test").startSpan("work");
      wanted.push(span.spanContext().traceId);
      await context.with(trace.setSpan(context.active(), span), () => mesh.service("orders").GET("/orders"));
    }
    log.stop();
    await provider.shutdown();
    expect(server.complaints).toEqual([]);
    const calls = server.records.filter(({ eventName }) => eventName === "proxyless.call.completed");
    expect(calls.map(({ traceId }) => traceId)).toEqual(wanted);
    expect(calls[0]).toMatchObject({
      scope: "@proxyless/logs",
      severityNumber: 9,
      severityText: "INFO",
      body: expect.stringMatching(/^GET \/orders of orders: 200 after /),
      attributes: { "server.address": "orders", "http.response.status_code": 200, "proxyless.attempts": 1 },
    });
    for (const { attributes, timeMs } of calls) {
      expect(attributes).not.toHaveProperty("trace_id");
      expect(Math.abs(timeMs - Date.now())).toBeLessThan(60_000);
    }
    const others = server.records.filter(({ eventName }) => eventName !== "proxyless.call.completed");
    expect(others.length).toBeGreaterThan(0);
    expect(others.filter(({ traceId }) => traceId !== undefined)).toEqual([]);
  });

  it("runs, also when the collector refuses at first", async () => {
    const server = await collector();
    server.statuses.push(503);
    const program = [`${root}/examples/logs-otlp.ts`, server.url];
    await promisify(execFile)(process.execPath, program, { timeout: 60_000 });
    expect(server.complaints).toEqual([]);
    expect(server.requests).toBeGreaterThan(1);
    expect(server.records.map(({ body }) => body)).toContainEqual(
      expect.stringMatching(/^endpoint 127\.0\.0\.1:\d+ of orders ejected for \d+ s: /),
    );
    for (const { resource } of server.records) expect(resource).toEqual({ "service.name": "checkout" });
  });
});
