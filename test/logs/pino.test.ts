import { trace, context } from "@opentelemetry/api";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { accessLog, jsonFormat, logEvents } from "@proxyless/logs";
import type { EventLogOptions } from "@proxyless/logs";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";

import { Sdk } from "../telemetry/support/sdk.ts";
import { meshOver, serving } from "./support/orders.ts";

type Line = Readonly<Record<string, unknown>>;

/** A pino logger whose lines are kept, parsed. */
function pinoLines(mixin?: () => object): { readonly logger: pino.Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const write = (text: string): void => {
    const line: unknown = JSON.parse(text);
    if (typeof line === "object" && line !== null) lines.push({ ...line });
  };
  const options = { level: "trace", ...(mixin === undefined ? {} : { mixin }) };
  return { logger: pino(options, { write }), lines };
}

const everyCall: EventLogOptions = { levels: { "call.completed": "info", "attempt.completed": "debug" } };
const called = (lines: readonly Line[]): readonly Line[] =>
  lines.filter((line) => line["event.name"] === "proxyless.call.completed");

describe("a mesh in trouble", () => {
  it("says by pino what it does about it", async () => {
    const good = await serving((_, response) => response.end("{}"));
    const bad = await serving((_, response) => response.writeHead(503).end());
    const mesh = meshOver([good, bad], {
      services: { orders: { balancer: "round-robin", retry: { maxAttempts: 2, baseDelayMs: 1 } } },
    });
    const { lines, logger } = pinoLines();
    const log = logEvents(mesh, logger);
    onTestFinished(() => log.stop());
    const orders = mesh.service("orders");
    for (let i = 0; i < 60; i++) await orders.GET("/orders");
    log.stop();
    const ejected = lines.find((line) => line["event.name"] === "proxyless.endpoint.ejected");
    expect(ejected).toMatchObject({ level: 40, "server.address": "orders", "proxyless.endpoint": bad });
    expect(ejected?.["msg"]).toMatch(new RegExp(`^endpoint ${bad} of orders ejected for \\d+ s: .*5xx`));
    const retried = lines.filter((line) => line["event.name"] === "proxyless.call.retried");
    expect(retried[0]).toMatchObject({
      level: 20,
      "proxyless.reason": "status 503",
      "proxyless.endpoint": bad,
    });
    expect(retried).toHaveLength(2);
    expect(retried[1]?.["msg"]).toMatch(/\(repeated (?:once more|\d+ times) in /);
    expect(called(lines)).toEqual([]);
    expect(log.failures).toBe(0);
  });

  it("says faults that were injected, and circuits that they open", async () => {
    const address = await serving((_, response) => response.end("{}"));
    const mesh = meshOver([address], {
      services: {
        orders: {
          retry: false,
          circuit: { minCalls: 5, failureRatio: 0.5 },
          faultInjection: { percent: 100, abort: { status: 503 } },
        },
      },
    });
    const { lines, logger } = pinoLines();
    using _ = logEvents(mesh, logger);
    const orders = mesh.service("orders");
    for (let i = 0; i < 8; i++) await orders.GET("/orders").catch(() => undefined);
    const messages = lines.map((line) => line["msg"]);
    expect(messages).toContainEqual(expect.stringMatching(/^injected into attempt 1 at .* to orders: 503$/));
    expect(messages).toContainEqual(
      expect.stringMatching(/^circuit of orders opened: 100 % of 5 calls failed; calls are refused for /),
    );
  });
});

describe("lines of traced calls", () => {
  it("have the trace of their own call, also on a connection that another call opened", async () => {
    const sdk = new Sdk(new AlwaysOnSampler());
    onTestFinished(() => {
      sdk.end();
    });
    const address = await serving((_, response) => response.end("{}"));
    const mesh = meshOver([address]);
    // As the instrumentation of a logger finds the trace: by the context that is active.
    const { lines, logger } = pinoLines(() => ({ active: trace.getActiveSpan()?.spanContext().traceId }));
    using _ = logEvents(mesh, logger, everyCall);
    const orders = mesh.service("orders");
    const wanted: string[] = [];
    for (let i = 0; i < 4; i++) {
      const span = trace.getTracer("test").startSpan("work");
      wanted.push(span.spanContext().traceId);
      await context.with(trace.setSpan(context.active(), span), () => orders.GET("/orders"));
      span.end();
    }
    expect(called(lines).map((line) => line["trace_id"])).toEqual(wanted);
    expect(called(lines).map((line) => line["active"])).toEqual(wanted);
    const spans = new Set(sdk.spans.map((span) => span.spanContext().spanId));
    for (const line of called(lines)) expect(spans).toContain(line["span_id"]);
    expect(new Set(called(lines).map((line) => line["trace_flags"]))).toEqual(new Set(["01"]));
    for (const line of lines.filter((one) => String(one["event.name"]).startsWith("proxyless.discovery"))) {
      expect(line).not.toHaveProperty("active");
    }
  });

  it("have none where nobody traces", async () => {
    const mesh = meshOver([await serving((_, response) => response.end("{}"))]);
    const { lines, logger } = pinoLines();
    using _ = logEvents(mesh, logger, everyCall);
    await mesh.service("orders").GET("/orders");
    expect(called(lines)).toHaveLength(1);
    expect(called(lines)[0]).not.toHaveProperty("trace_id");
  });
});

describe("an access log of a mesh", () => {
  it("is off until it is asked for, and says then how each call ended", async () => {
    const flaky = await serving((request, response) => {
      response.writeHead(request.headers["x-envoy-attempt-count"] === "2" ? 200 : 503).end();
    });
    const mesh = meshOver([flaky], {
      services: { orders: { retry: { maxAttempts: 2, baseDelayMs: 1, exclude: "none" } } },
    });
    const orders = mesh.service("orders");
    await orders.GET("/orders");
    const texts: string[] = [];
    const jsons: string[] = [];
    const text = accessLog(mesh, (line) => texts.push(line));
    const json = accessLog(mesh, (line) => jsons.push(line), { format: jsonFormat });
    await orders.GET("/orders/{id}", { params: { path: { id: "42" }, query: { token: "s3cr3t" } } });
    await text.stop();
    await json.stop();
    await orders.GET("/orders");
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(
      new RegExp(
        `^\\[\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\\] "GET /orders/42 HTTP/1.1" 200 - 0 \\d+ \\d+ - "-" "-" "-" "orders" "${flaky}"\n$`,
      ),
    );
    expect(jsons).toHaveLength(1);
    expect(JSON.parse(jsons[0] ?? "")).toMatchObject({
      method: "GET",
      path: "/orders/42",
      response_code: 200,
      upstream_host: flaky,
      upstream_cluster: "orders",
      upstream_request_attempt_count: 2,
      trace_id: null,
    });
  });
});
