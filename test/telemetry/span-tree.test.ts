import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

import { context, propagation } from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { createMesh, inAttempt, staticSource } from "@proxyless/core";
import type { Mesh, MeshOptions } from "@proxyless/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

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

async function meshOver(
  handlers: readonly RequestListener[],
  options: Omit<MeshOptions, "discovery"> = {},
): Promise<{ mesh: Mesh; addresses: readonly string[] }> {
  const addresses: string[] = [];
  for (const handler of handlers) {
    const server = createServer(handler);
    cleanup.push(() => {
      server.close();
      server.closeAllConnections();
    });
    addresses.push(`127.0.0.1:${await listening(server)}`);
  }
  const mesh = createMesh({ discovery: staticSource({ orders: addresses }), ...options });
  cleanup.push(() => mesh.close());
  return { mesh, addresses };
}

/** A span as a picture: what tells it from others, and those below it. */
function tree(spans: readonly ReadableSpan[], parent?: string): unknown[] {
  return spans
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)
    .toSorted((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
    .map((span) => ({
      name: span.name,
      attributes: span.attributes,
      events: span.events.map(({ attributes, name }) => ({ name, ...attributes })),
      links: span.links.map((link) => link.context.spanId),
      below: tree(spans, span.spanContext().spanId),
    }));
}

describe("the span tree", () => {
  it("shows a retry on another host and a hedge beside it, exactly as documented", async () => {
    const earning = 20;
    let requests = 0;
    // After calls that earn the budget: one fails, the next hangs until it is given up, the third is answered.
    const handler: RequestListener = (_, response) => {
      requests++;
      if (requests === earning + 1) response.writeHead(503).end();
      else if (requests !== earning + 2)
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
    };
    const { mesh } = await meshOver([handler, handler, handler], {
      services: {
        orders: {
          hedge: { delayMs: 50 },
          retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
          outlierDetection: false,
        },
      },
    });
    const orders = mesh.service("orders");
    for (let n = 0; n < earning; n++) await orders.GET("/orders");
    sdk.exporter.reset();
    await orders.GET("/orders/{id}", { params: { path: { id: "7" }, query: { token: "hush" } } });
    await expect.poll(() => sdk.spans.length).toBe(4);
    const [first, second, third] = sdk.spans
      .filter((span) => span.name === "GET attempt")
      .toSorted(
        (a, b) =>
          Number(a.attributes["http.request.resend_count"] ?? 0) -
          Number(b.attributes["http.request.resend_count"] ?? 0),
      );
    const ports = [first, second, third].map((span) => span?.attributes["network.peer.port"]);
    expect(new Set(ports).size).toBe(3);
    const attempt = {
      "http.request.method": "GET",
      "server.address": "orders",
      "network.peer.address": "127.0.0.1",
      "proxyless.pick": "LB",
    };
    expect(tree(sdk.spans)).toEqual([
      {
        name: "GET /orders/{id}",
        attributes: {
          "http.request.method": "GET",
          "server.address": "orders",
          "url.full": "http://orders/orders/7",
          "url.path": "/orders/7",
          "url.template": "/orders/{id}",
          "http.response.status_code": 200,
          "http.request.resend_count": 2,
        },
        events: [
          {
            name: "proxyless.retry",
            "proxyless.attempt": 1,
            "proxyless.endpoint": `127.0.0.1:${String(ports[0])}`,
            "proxyless.reason": "status 503",
            "proxyless.delay_ms": expect.any(Number),
          },
        ],
        links: [],
        below: [
          {
            name: "GET attempt",
            attributes: {
              ...attempt,
              "network.peer.port": ports[0],
              "http.response.status_code": 503,
              "error.type": "503",
            },
            events: [],
            links: [],
            below: [],
          },
          {
            name: "GET attempt",
            attributes: {
              ...attempt,
              "network.peer.port": ports[1],
              "http.request.resend_count": 1,
              "error.type": "superseded",
            },
            events: [],
            links: [],
            below: [],
          },
          {
            name: "GET attempt",
            attributes: {
              ...attempt,
              "network.peer.port": ports[2],
              "http.request.resend_count": 2,
              "proxyless.hedge": true,
              "http.response.status_code": 200,
            },
            events: [],
            links: [second?.spanContext().spanId],
            below: [],
          },
        ],
      },
    ]);
  });

  it("says that a circuit refused the call, and which endpoint was ejected meanwhile", async () => {
    const failing: RequestListener = (_, response) => response.writeHead(500).end();
    const { addresses, mesh } = await meshOver([failing, (_, response) => response.end("{}")], {
      services: { orders: { retry: { maxAttempts: 1 }, outlierDetection: { consecutive5xx: { count: 3 } } } },
    });
    const orders = mesh.service("orders");
    const [bad = ""] = addresses;
    for (let n = 0; n < 3; n++) await orders.GET("/x", { endpoint: bad });
    mesh.circuit("orders").setMode("forced-open");
    await expect(orders.GET("/x")).rejects.toMatchObject({ code: "ERR_PROXYLESS_CIRCUIT_OPEN" });
    const seen = sdk.spans.flatMap(({ events, name }) =>
      events.map((event) => ({ on: name, name: event.name, ...event.attributes })),
    );
    expect(seen).toEqual([
      {
        on: "GET attempt",
        name: "proxyless.endpoint.ejected",
        "proxyless.endpoint": bad,
        "proxyless.reason": expect.stringContaining("3 consecutive"),
        "proxyless.ejection_ms": expect.any(Number),
      },
      { on: "GET /x", name: "proxyless.circuit.refused", "proxyless.retry_after_ms": expect.any(Number) },
    ]);
    expect(sdk.spans.at(-1)?.attributes).toMatchObject({
      "proxyless.flag": "UO",
      "error.type": "ERR_PROXYLESS_CIRCUIT_OPEN",
    });
  });

  it("uses the names of the semantic conventions", async () => {
    const { mesh } = await meshOver([(_, response) => response.writeHead(500).end()]);
    await mesh.service("orders").GET("/orders/{id}", { params: { path: { id: "7" } } });
    const known = new Set<unknown>(Object.values(conventions));
    const used = sdk.spans.flatMap((span) => Object.keys(span.attributes));
    expect(used.filter((name) => !name.startsWith("proxyless.") && !known.has(name))).toEqual([]);
  });

  it("carries baggage to the callee", async () => {
    const seen: unknown[] = [];
    const { mesh } = await meshOver([
      (request, response) => {
        seen.push(request.headers["baggage"]);
        response.end("{}");
      },
    ]);
    const baggage = propagation.createBaggage({ tenant: { value: "acme" } });
    await context.with(propagation.setBaggage(context.active(), baggage), () =>
      mesh.service("orders").GET("/x"),
    );
    expect(seen).toEqual(["tenant=acme"]);
  });
});

describe("beside the instrumentation of undici", () => {
  let instrumentation: UndiciInstrumentation;
  afterEach(() => {
    instrumentation.disable();
  });

  it("has no span twice, and the callee sees the attempt's", async () => {
    instrumentation = new UndiciInstrumentation();
    instrumentation.setTracerProvider(sdk.provider);
    instrumentation.enable();
    const seen: unknown[] = [];
    const { addresses, mesh } = await meshOver([
      (request, response) => {
        seen.push(request.headers["traceparent"]);
        response.end("{}");
      },
    ]);
    await mesh.service("orders").GET("/x");
    await (await mesh.fetch("http://orders/y")).text();
    expect(sdk.spans.map(({ name }) => name)).toEqual(["GET attempt", "GET /x", "GET attempt", "GET"]);
    const attempts = sdk.spans.filter(({ name }) => name === "GET attempt").map((span) => span.spanContext());
    expect(seen).toEqual(attempts.map(({ spanId, traceId }) => `00-${traceId}-${spanId}-01`));
    // What is not the mesh's is traced as ever.
    await (await fetch(`http://${addresses[0]}/z`)).text();
    await wait(10);
    expect(sdk.spans.map(({ instrumentationScope }) => instrumentationScope.name)).toContain(
      "@opentelemetry/instrumentation-undici",
    );
  });

  it("can be told which requests are those of a mesh", async () => {
    const own: boolean[] = [];
    instrumentation = new UndiciInstrumentation({
      ignoreRequestHook: () => {
        own.push(inAttempt());
        return inAttempt();
      },
    });
    instrumentation.setTracerProvider(sdk.provider);
    instrumentation.enable();
    const { addresses, mesh } = await meshOver([(_, response) => response.end("{}")]);
    await mesh.service("orders").GET("/x");
    await (await fetch(`http://${addresses[0]}/z`)).text();
    expect(own).toEqual([true, false]);
  });
});
