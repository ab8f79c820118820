import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

import { context, propagation } from "@opentelemetry/api";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { createMesh, inAttempt, staticSource } from "@proxyless/core";
import type { Mesh, MeshOptions } from "@proxyless/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { documentedCall, documentedTree } from "./support/documented-call.ts";
import { listening } from "./support/listening.ts";
import { Sdk } from "./support/sdk.ts";
import { portsOf, seenOf, tree } from "./support/span-tree.ts";

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

describe("the span tree", () => {
  it("shows a retry on another host and a hedge beside it, exactly as documented", async () => {
    const documented = await documentedCall();
    cleanup.push(() => documented.end());
    await documented.earn();
    sdk.exporter.reset();
    await documented.call();
    await expect.poll(() => sdk.spans.length).toBe(4);
    const spans = sdk.spans.map(seenOf);
    const ports = portsOf(spans);
    expect(new Set(ports).size).toBe(3);
    expect(tree(spans)).toEqual(documentedTree(ports));
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
    const told = sdk.spans.flatMap(({ events, name }) =>
      events.map((event) => ({ on: name, name: event.name, ...event.attributes })),
    );
    expect(told).toEqual([
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
