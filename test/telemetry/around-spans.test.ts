import { SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { MeshEvent } from "@proxyless/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { cacheable, cleanUp, meshOver } from "./support/layered-mesh.ts";
import { Sdk } from "./support/sdk.ts";

let sdk: Sdk;

beforeEach(() => {
  sdk = new Sdk(new AlwaysOnSampler());
});

afterEach(async () => {
  await cleanUp();
  sdk.end();
});

const calls = (): readonly ReadableSpan[] => sdk.spans.filter(({ name }) => name !== "GET attempt");
const attempts = (): readonly ReadableSpan[] => sdk.spans.filter(({ name }) => name === "GET attempt");

/** Makes calls inside a span. @returns its id */
async function inside(work: () => Promise<unknown>): Promise<string> {
  const parent = trace.getTracer("test").startSpan("work");
  await context.with(trace.setSpan(context.active(), parent), work);
  return parent.spanContext().spanId;
}

/** The trace of the first event of a type. */
function traceOf(events: readonly MeshEvent[], type: MeshEvent["type"]): unknown {
  const event = events.find((one) => one.type === type);
  return event !== undefined && "trace" in event ? event.trace : "no such event";
}

function idsOf(span: ReadableSpan | undefined): unknown {
  const { spanId, traceId } = span?.spanContext() ?? {};
  return { traceId, spanId, isSampled: true };
}

describe("a call that the cache answers", () => {
  it("has its one CLIENT span, without an attempt below it", async () => {
    const { events, mesh } = await meshOver(cacheable, { cache: {} });
    const orders = mesh.service("orders");
    await orders.GET("/fresh");
    sdk.exporter.reset();
    const parent = await inside(() => orders.GET("/fresh"));
    expect(sdk.spans).toHaveLength(1);
    const [hit] = sdk.spans;
    expect(hit).toMatchObject({
      name: "GET /fresh",
      kind: SpanKind.CLIENT,
      attributes: {
        "server.address": "orders",
        "http.response.status_code": 200,
        "proxyless.cache": "hit",
      },
      parentSpanContext: { spanId: parent },
    });
    expect(traceOf(events, "call.cached")).toEqual(idsOf(hit));
  });

  it("has one also when the service is asked whether the answer still holds, and the attempt is below it", async () => {
    const { events, mesh } = await meshOver(cacheable, { cache: {} });
    await mesh.service("orders").GET("/old");
    sdk.exporter.reset();
    await (await mesh.fetch("http://orders/old")).text();
    expect(calls().map(({ attributes }) => attributes)).toEqual([
      expect.objectContaining({ "proxyless.cache": "revalidated", "http.response.status_code": 200 }),
    ]);
    const [call] = calls();
    expect(attempts().map(({ attributes }) => attributes["http.response.status_code"])).toEqual([304]);
    expect(attempts()[0]?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId);
    expect(traceOf(events, "call.cached")).toEqual(idsOf(call));
  });

  it("has an ended span also when its reader gives up", async () => {
    const { mesh } = await meshOver(cacheable, { cache: {} });
    await (await mesh.fetch("http://orders/fresh")).text();
    sdk.exporter.reset();
    await (await mesh.fetch("http://orders/fresh")).body?.cancel();
    expect(calls()).toHaveLength(1);
  });

  it("costs no span where it is not sampled", async () => {
    sdk.end();
    sdk = new Sdk(new ParentBasedSampler({ root: new AlwaysOffSampler() }));
    const { events, mesh } = await meshOver(cacheable, { cache: {} });
    await mesh.service("orders").GET("/fresh");
    await mesh.service("orders").GET("/fresh");
    expect(sdk.spans).toEqual([]);
    expect(traceOf(events, "call.cached")).toMatchObject({ isSampled: false });
  });
});

describe("calls that share an answer", () => {
  it("have a span each, in their own traces; those that were not sent link to the one that was", async () => {
    let answer = (): void => undefined;
    const { events, mesh } = await meshOver((_, response) => (answer = () => response.end('"shared"')), {
      coalesce: {},
    });
    const orders = mesh.service("orders");
    const works = [inside(() => orders.GET("/x")), inside(() => orders.GET("/x"))];
    await expect.poll(() => String(answer)).toContain("shared");
    answer();
    const parents = await Promise.all(works);
    const [leader, follower] = parents.map((id) =>
      calls().find(({ parentSpanContext }) => parentSpanContext?.spanId === id),
    );
    expect(calls()).toHaveLength(2);
    expect(attempts().map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([
      leader?.spanContext().spanId,
    ]);
    expect(leader).toMatchObject({ links: [], attributes: { "http.response.status_code": 200 } });
    expect(leader?.attributes["proxyless.coalesced"]).toBeUndefined();
    expect(follower).toMatchObject({
      kind: SpanKind.CLIENT,
      attributes: { "proxyless.coalesced": true, "http.response.status_code": 200 },
      links: [{ context: { spanId: leader?.spanContext().spanId } }],
    });
    expect(follower?.spanContext().traceId).not.toBe(leader?.spanContext().traceId);
    expect(traceOf(events, "call.coalesced")).toEqual(idsOf(follower));
  });

  it("says of one that would not wait any longer that it gave up", async () => {
    const aborter = new AbortController();
    const { mesh } = await meshOver(() => undefined, { coalesce: {}, timeout: { totalMs: 10_000 } });
    const orders = mesh.service("orders");
    const leader = orders.GET("/x", { signal: aborter.signal });
    const follower = orders.GET("/x", { timeoutMs: 50 });
    await expect(follower).rejects.toMatchObject({ code: "ERR_PROXYLESS_TIMEOUT" });
    expect(calls()[0]).toMatchObject({
      attributes: { "error.type": "ERR_PROXYLESS_TIMEOUT", "proxyless.flag": "DT" },
      status: { code: SpanStatusCode.ERROR },
    });
    aborter.abort();
    await expect(leader).rejects.toThrow("abort");
    expect(calls()).toHaveLength(2);
  });

  it("says of one that left while others wait how often it was sent until then", async () => {
    const aborter = new AbortController();
    let asked = 0;
    let answer = (): void => undefined;
    const { mesh } = await meshOver(
      (_, response) => {
        if (++asked === 1) response.destroy();
        else answer = () => response.end('"shared"');
      },
      { coalesce: {}, retry: { baseDelayMs: 1, maxDelayMs: 1 } },
    );
    const leader = mesh.service("orders").GET("/x", { signal: aborter.signal });
    const follower = mesh.service("orders").GET("/x");
    await expect.poll(() => String(answer)).toContain("shared");
    aborter.abort();
    await expect(leader).rejects.toThrow("abort");
    expect(calls()[0]?.attributes).toMatchObject({
      "http.request.resend_count": 1,
      "proxyless.flag": "DC",
    });
    answer();
    await follower;
  });
});

describe("a call that falls back", () => {
  it("has one span that ends well, with the service that stood in for it below", async () => {
    const { events, mesh } = await meshOver((_, response) => response.writeHead(503).end(), {
      retry: false,
      fallback: { service: "spare" },
    });
    const parent = await inside(() => mesh.service("orders").GET("/x"));
    const own = calls().find(({ parentSpanContext }) => parentSpanContext?.spanId === parent);
    expect(own).toMatchObject({
      attributes: {
        "server.address": "orders",
        "http.response.status_code": 200,
        "proxyless.fallback": "service",
      },
      status: { code: SpanStatusCode.UNSET },
    });
    const below = calls().filter(
      ({ parentSpanContext }) => parentSpanContext?.spanId === own?.spanContext().spanId,
    );
    expect(below.map(({ attributes }) => attributes["server.address"])).toEqual(["spare"]);
    expect(traceOf(events, "call.fell_back")).toEqual(idsOf(own));
  });
});
