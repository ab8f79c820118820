import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

import { SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { ReadableSpan, Sampler } from "@opentelemetry/sdk-trace";
import { createMesh, staticSource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { afterEach, describe, expect, it } from "vitest";

const exporter = new InMemorySpanExporter();
const cleanup: (() => void | Promise<void>)[] = [];

function registerSdk(sampler: Sampler): void {
  const provider = new TracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
}

afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end();
  trace.disable();
  context.disable();
  propagation.disable();
  exporter.reset();
});

async function meshOver(
  handler: RequestListener,
  refused = false,
): Promise<{ mesh: Mesh; seen: (string | undefined)[] }> {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const { traceparent } = request.headers;
    seen.push(typeof traceparent === "string" ? traceparent : undefined);
    handler(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = server.address() as AddressInfo;
  const mesh = createMesh({ discovery: staticSource({ orders: [`127.0.0.1:${port}`] }) });
  cleanup.push(() => {
    server.close();
    server.closeAllConnections();
  });
  cleanup.push(() => mesh.close());
  if (refused) server.close();
  return { mesh, seen };
}

const flaky = (): RequestListener => {
  let calls = 0;
  return (_, response) => response.writeHead(calls++ === 0 ? 503 : 200).end("{}");
};

const spans = (): { call: ReadableSpan | undefined; attempts: readonly ReadableSpan[] } => {
  const all = exporter.getFinishedSpans();
  const isAttempt = (span: ReadableSpan): boolean => "network.peer.address" in span.attributes;
  return {
    call: all.find((span) => !isAttempt(span) && "server.address" in span.attributes),
    attempts: all.filter(isAttempt),
  };
};

describe("spans of a call", () => {
  it("are one CLIENT span for the call and a child for each attempt, which is what the callee sees", async () => {
    registerSdk(new AlwaysOnSampler());
    const { mesh, seen } = await meshOver(flaky());
    const tracer = trace.getTracer("test");
    const parent = tracer.startSpan("request");
    await context.with(trace.setSpan(context.active(), parent), () =>
      mesh
        .service("orders")
        .GET("/orders/{id}", { params: { path: { id: "7" }, query: { token: "secret" } } }),
    );
    const { call, attempts } = spans();
    expect(call).toMatchObject({
      name: "GET /orders/{id}",
      kind: SpanKind.CLIENT,
      attributes: {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.request.resend_count": 1,
        "server.address": "orders",
        "url.template": "/orders/{id}",
      },
      status: { code: SpanStatusCode.UNSET },
      parentSpanContext: { spanId: parent.spanContext().spanId },
    });
    expect(attempts.map(({ attributes }) => attributes["http.response.status_code"])).toEqual([503, 200]);
    expect(attempts.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, 1]);
    expect(attempts[0]).toMatchObject({
      attributes: {
        "error.type": "503",
        "network.peer.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "server.address": "orders",
      },
      status: { code: SpanStatusCode.ERROR },
    });
    for (const attempt of attempts)
      expect(attempt.parentSpanContext?.spanId).toBe(call?.spanContext().spanId);
    const ids = attempts.map((attempt) => attempt.spanContext());
    expect(seen).toEqual(ids.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`));
    expect(JSON.stringify(exporter.getFinishedSpans().map(({ attributes }) => attributes))).not.toContain(
      "secret",
    );
  });

  it("say what went wrong when the call fails", async () => {
    registerSdk(new AlwaysOnSampler());
    const { mesh } = await meshOver(() => {}, true);
    await expect(mesh.service("orders").POST("/orders", { body: {} })).rejects.toThrow("failed to connect");
    const { call, attempts } = spans();
    expect(call).toMatchObject({
      attributes: { "error.type": "ERR_PROXYLESS_CONNECT" },
      status: { code: SpanStatusCode.ERROR },
    });
    expect(attempts[0]).toMatchObject({ attributes: { "error.type": "ECONNREFUSED" } });
  });

  it("say nothing of why the caller gave up, which may be anything", async () => {
    registerSdk(new AlwaysOnSampler());
    const { mesh } = await meshOver(() => undefined);
    const reason = Object.assign(new Error("hush-hush"), { code: "HUSH_HUSH" });
    const abort = new AbortController();
    setTimeout(() => {
      abort.abort(reason);
    }, 50);
    await mesh
      .service("orders")
      .GET("/x", { signal: abort.signal })
      .catch(() => undefined);
    const finished = exporter.getFinishedSpans();
    expect(finished.map(({ attributes }) => attributes["error.type"])).toEqual(["aborted", "aborted"]);
    expect(
      JSON.stringify(finished.map(({ attributes, events, status }) => [attributes, events, status])),
    ).not.toMatch(/hush/iu);
  });

  it("have few names, whatever methods callers invent", async () => {
    registerSdk(new AlwaysOnSampler());
    const { mesh } = await meshOver((_, response) => response.end("{}"));
    await mesh.fetch("http://orders/x", { method: "PURGE" });
    const [attempt, call] = exporter.getFinishedSpans();
    expect(attempt).toMatchObject({ name: "HTTP attempt", attributes: { "http.request.method": "_OTHER" } });
    expect(call).toMatchObject({
      name: "HTTP",
      attributes: { "http.request.method": "_OTHER", "http.request.method_original": "PURGE" },
    });
  });

  it("keep the caller's context through mesh.fetch and through later attempts", async () => {
    registerSdk(new AlwaysOnSampler());
    const { mesh } = await meshOver(flaky());
    const parent = trace.getTracer("test").startSpan("request");
    await context.with(trace.setSpan(context.active(), parent), async () => {
      const response = await mesh.fetch("http://orders/x");
      await response.text();
      expect(trace.getActiveSpan()).toBe(parent);
    });
    const { call, attempts } = spans();
    expect(call?.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
    expect(attempts).toHaveLength(2);
  });

  it("belong to their own caller when a redirect is followed on a connection that another call opened", async () => {
    registerSdk(new AlwaysOnSampler());
    const { mesh } = await meshOver((request, response) => {
      if (request.url === "/old") response.writeHead(302, { location: "/new" }).end();
      else response.end("{}");
    });
    const callers = ["first", "second"].map((name) => trace.getTracer("test").startSpan(name));
    for (const caller of callers) {
      await context.with(trace.setSpan(context.active(), caller), async () => {
        await (await mesh.fetch("http://orders/old")).text();
      });
    }
    const calls = exporter.getFinishedSpans().filter((span) => "url.full" in span.attributes);
    expect(calls.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      callers.flatMap((caller) => [caller.spanContext().spanId, caller.spanContext().spanId]),
    );
  });

  it("are not recorded when sampled out, but the decision is passed on", async () => {
    registerSdk(new ParentBasedSampler({ root: new AlwaysOffSampler() }));
    const { mesh, seen } = await meshOver((_, response) => response.end("{}"));
    await mesh.service("orders").GET("/x");
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(seen[0]).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/u);
  });

  it("replace a traceparent that the caller set by hand instead of sending two", async () => {
    registerSdk(new AlwaysOnSampler());
    const { mesh, seen } = await meshOver((_, response) => response.end("{}"));
    await mesh.service("orders").GET("/x", { headers: { traceparent: "00-1-2-3" } });
    expect(seen[0]).toContain(spans().attempts[0]?.spanContext().spanId);
  });

  it("do not exist, nor any header, without an SDK", async () => {
    const { mesh, seen } = await meshOver((_, response) => response.end("{}"));
    await mesh.service("orders").GET("/x");
    expect(seen).toEqual([undefined]);
  });
});
