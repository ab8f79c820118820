import { createServer } from "node:http";

import { context, trace } from "@opentelemetry/api";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { createMesh, staticSource } from "@proxyless/core";
import type { MeshEvent, MeshEventType, ServicePolicy } from "@proxyless/core";
import { afterEach, beforeEach, expect, it } from "vitest";

import { listening } from "./support/listening.ts";
import { Sdk } from "./support/sdk.ts";

let sdk: Sdk;
const cleanup: (() => void | Promise<void>)[] = [];

beforeEach(() => {
  sdk = new Sdk(new AlwaysOnSampler());
});

afterEach(async () => {
  for (const end of cleanup.splice(0).toReversed()) await end();
  sdk.end();
});

/** Two instances: every other request is answered with 503, those for `/well` never, and those for `/slow` not at all. */
async function addresses(): Promise<readonly string[]> {
  let requests = 0;
  const found: string[] = [];
  for (let n = 0; n < 2; n++) {
    const server = createServer((request, response) => {
      if (request.url === "/slow") return;
      const isWell = request.url === "/well" || requests++ % 2 === 1;
      response.writeHead(isWell ? 200 : 503).end("{}");
    });
    cleanup.push(() => {
      server.close();
      server.closeAllConnections();
    });
    found.push(`127.0.0.1:${await listening(server)}`);
  }
  return found;
}

const fault = { abort: { status: 500 }, percent: 100 };

it.for<[MeshEventType, string, ServicePolicy, "GET" | "GET attempt"]>([
  ["call.retried", "/x", { retry: { baseDelayMs: 1, maxDelayMs: 1 } }, "GET"],
  ["budget.exhausted", "/x", { retry: { budget: { ratio: 0, minPerSecond: 0 } } }, "GET"],
  ["call.hedged", "/slow", { hedge: { delayMs: 10 }, timeout: { totalMs: 200 } }, "GET"],
  ["call.shed", "/x", { rateLimit: { tokensPerSecond: 1, burst: 1 } }, "GET"],
  ["fault.injected", "/x", { retry: false, faultInjection: fault }, "GET attempt"],
  ["fault.injected", "/x", { faultInjection: { ...fault, position: "call" } }, "GET"],
  ["call.fell_back", "/x", { retry: false, fallback: { value: { status: 200, body: "{}" } } }, "GET"],
  [
    "call.fallback_failed",
    "/x",
    { retry: false, fallback: { run: () => Promise.reject(new Error("none")) } },
    "GET",
  ],
])("%s of %s belongs to the trace of its call", async ([type, path, policy, name]) => {
  const discovery = staticSource({ orders: await addresses() });
  const mesh = createMesh({ discovery, services: { orders: policy } });
  cleanup.push(() => mesh.close());
  // Hedges are paid from what good calls have earned.
  if (type === "call.hedged") {
    for (let n = 0; n < 20; n++) await (await mesh.fetch("http://orders/well")).text();
  }
  const events: MeshEvent[] = [];
  mesh.on(type, (event) => events.push(event));
  const parents = new Map<string, string>();
  for (let n = 0; n < 2; n++) {
    const parent = trace.getTracer("test").startSpan("work");
    const { spanId, traceId } = parent.spanContext();
    parents.set(traceId, spanId);
    await context.with(trace.setSpan(context.active(), parent), async () => {
      const response = await mesh.fetch(`http://orders${path}`).catch(() => undefined);
      await response?.text();
    });
  }
  expect(events.length).toBeGreaterThan(0);
  for (const event of events) {
    const found = "trace" in event ? event.trace : undefined;
    expect(found).toMatchObject({ isSampled: true });
    const span = sdk.spans.find((one) => one.spanContext().spanId === found?.spanId);
    expect(span?.name).toBe(name);
    expect(parents.has(found?.traceId ?? "")).toBe(true);
  }
});
