import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, expect, it } from "vitest";

import { startOtelCollector } from "../../scripts/servers/index.ts";
import type { OtelCollector } from "../../scripts/servers/index.ts";
import { documentedTree } from "../../test/telemetry/support/documented-call.ts";
import { exportDocumentedCall } from "../../test/telemetry/support/otlp-export.ts";
import { exponentialsOf } from "../../test/telemetry/support/otlp-histograms.ts";
import { portsOf, tree } from "../../test/telemetry/support/span-tree.ts";
import { logsOf, spansOf, sumsOf } from "./otlp-json.ts";

const installMs = 1_800_000;
let collector: OtelCollector;
let sink: Server;
/** What the collector handed on, by path. */
const received: { readonly path: string | undefined; readonly body: unknown }[] = [];

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  received.push({ path: request.url, body: JSON.parse(await text(request)) });
  response.writeHead(200, { "content-type": "application/json" }).end("{}");
}

beforeAll(async () => {
  sink = createServer((request, response) => {
    void receive(request, response);
  });
  sink.listen(0, "127.0.0.1");
  await once(sink, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
  const { port } = sink.address() as AddressInfo;
  collector = await startOtelCollector(`http://127.0.0.1:${port}`);
}, installMs);

afterAll(async () => {
  await collector.stop();
  sink.close();
  sink.closeAllConnections();
});

it.each([
  ["explicit", 0],
  ["exponential", 21],
] as const)(
  "comes out of the OpenTelemetry Collector as documented: the span tree of a retry and a hedge, its metrics (%s) and its log",
  async (histograms, exponentials) => {
    received.length = 0;
    await exportDocumentedCall(collector.url, histograms);
    const bodies = (path: string): unknown[] =>
      received.filter((one) => one.path === path).map(({ body }) => body);
    await expect.poll(() => bodies("/v1/traces").flatMap(spansOf).length, { timeout: 20_000 }).toBe(44);
    const all = bodies("/v1/traces").flatMap(spansOf);
    const call = all.find(({ name }) => name === "GET /orders/{id}");
    const spans = all.filter(({ traceId }) => traceId === call?.traceId);
    expect(spans.map(({ kind }) => kind)).toEqual([3, 3, 3, 3]);
    const ports = portsOf(spans);
    expect(new Set(ports).size).toBe(3);
    expect(tree(spans)).toEqual(documentedTree(ports));

    await expect
      .poll(() => bodies("/v1/logs").flatMap(logsOf).length, { timeout: 20_000 })
      .toBeGreaterThan(0);
    const logs = bodies("/v1/logs").flatMap(logsOf);
    const completed = logs.find(({ eventName }) => eventName === "proxyless.call.completed");
    expect(completed).toMatchObject({ traceId: call?.traceId, spanId: call?.spanId });

    await expect.poll(() => bodies("/v1/metrics").length, { timeout: 20_000 }).toBeGreaterThan(0);
    const sums = bodies("/v1/metrics").flatMap(sumsOf);
    // Twenty calls before, and this one with its three attempts.
    expect(sums).toContainEqual({ name: "proxyless.client.calls", values: [21] });
    expect(sums).toContainEqual({ name: "proxyless.client.attempts", values: [21, 1, 1] });
    expect(sums).toContainEqual({ name: "proxyless.client.call.hedges", values: [1] });
    const told = bodies("/v1/metrics").flatMap((body) =>
      exponentialsOf(body, "http.client.request.duration"),
    );
    expect(Math.max(0, ...told.map(({ count }) => count))).toBe(exponentials);
    for (const { buckets, count, zeroCount } of told) {
      expect(buckets.reduce((sum, each) => sum + each, zeroCount)).toBe(count);
    }
    expect(JSON.stringify(received)).not.toContain("hush");
  },
  60_000,
);
