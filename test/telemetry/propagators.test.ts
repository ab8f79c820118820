import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";

import { context, propagation, trace } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { CompositePropagator, W3CBaggagePropagator } from "@opentelemetry/core";
import { B3InjectEncoding, B3Propagator } from "@opentelemetry/propagator-b3";
import { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler } from "@opentelemetry/sdk-trace";
import { createMesh, staticSource } from "@proxyless/core";
import { afterEach, describe, expect, it } from "vitest";

import { listening } from "./support/listening.ts";
import { Sdk } from "./support/sdk.ts";

const cleanup: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end();
});

/** Makes a call whose first attempt fails. @returns the headers of both, and the spans */
async function callBy(
  propagator: TextMapPropagator,
  isSampled = true,
): Promise<{ readonly seen: readonly IncomingHttpHeaders[]; readonly sdk: Sdk }> {
  const sdk = new Sdk(
    isSampled ? new AlwaysOnSampler() : new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  );
  // The user's own takes the place of W3C's.
  propagation.disable();
  propagation.setGlobalPropagator(propagator);
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(seen.length === 1 ? 503 : 200).end("{}");
  });
  const discovery = staticSource({ orders: [`127.0.0.1:${await listening(server)}`] });
  const mesh = createMesh({ discovery });
  cleanup.push(() => {
    sdk.end();
    server.close();
    server.closeAllConnections();
  });
  cleanup.push(() => mesh.close());
  const baggage = propagation.createBaggage({ tenant: { value: "acme" } });
  const parent = trace.getTracer("test").startSpan("work");
  const work = trace.setSpan(propagation.setBaggage(context.active(), baggage), parent);
  await context.with(work, () => mesh.service("orders").GET("/x"));
  expect(seen).toHaveLength(2);
  return { seen, sdk };
}

/** Ids of the attempts' spans, in the order in which they were made. */
function attemptsOf({ spans }: Sdk): readonly { readonly traceId: string; readonly spanId: string }[] {
  return spans.filter(({ name }) => name === "GET attempt").map((span) => span.spanContext());
}

describe("propagation by B3", () => {
  it("has the ids of each attempt in one header", async () => {
    const { sdk, seen } = await callBy(new B3Propagator({ injectEncoding: B3InjectEncoding.SINGLE_HEADER }));
    expect(seen.map((headers) => headers["b3"])).toEqual(
      attemptsOf(sdk).map(({ spanId, traceId }) => `${traceId}-${spanId}-1`),
    );
    expect(seen[0]?.["traceparent"]).toBeUndefined();
  });

  it("has them in several, where that is wanted", async () => {
    const { sdk, seen } = await callBy(new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }));
    const told = seen.map((headers) => ({
      traceId: headers["x-b3-traceid"],
      spanId: headers["x-b3-spanid"],
      sampled: headers["x-b3-sampled"],
    }));
    expect(told).toEqual(attemptsOf(sdk).map(({ spanId, traceId }) => ({ traceId, spanId, sampled: "1" })));
  });

  it("passes on that a trace is not sampled", async () => {
    const { seen } = await callBy(new B3Propagator(), false);
    for (const { b3 } of seen) expect(b3).toMatch(/^[\da-f]{32}-[\da-f]{16}-0$/u);
  });

  it("goes together with baggage", async () => {
    const propagators = [new B3Propagator(), new W3CBaggagePropagator()];
    const { seen } = await callBy(new CompositePropagator({ propagators }));
    for (const headers of seen) {
      expect(headers["baggage"]).toBe("tenant=acme");
      expect(headers["b3"]).toMatch(/-1$/u);
    }
  });
});
