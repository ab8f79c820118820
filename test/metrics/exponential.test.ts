import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { createMesh, memorySource } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { createMetrics } from "@proxyless/metrics";
import { expect, it } from "vitest";

import { listening } from "../telemetry/support/listening.ts";
import { exponentialsOf } from "../telemetry/support/otlp-histograms.ts";
import { HeldService } from "./support/held-service.ts";

const millis = [0, 3, 10, 11, 250, 250, 900];

it("exponential histograms come out of OTLP with each duration in the bucket that it lies in", async () => {
  const bodies: unknown[] = [];
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    bodies.push(JSON.parse(await text(request)));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  };
  const receiver = createServer((request, response) => void receive(request, response));
  const url = `http://127.0.0.1:${await listening(receiver)}/v1/metrics`;
  await using service = await HeldService.start();
  const clock = new ManualClock();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [`127.0.0.1:${service.port}`] }),
    clock,
    drainMs: 0,
  });
  using metrics = createMetrics(mesh, { histograms: "exponential", eventLoop: false });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url }),
    metricProducers: [metrics],
  });
  const provider = new MeterProvider({ readers: [reader] });
  for (const [i, ms] of millis.entries()) {
    const call = mesh.fetch("http://orders/");
    await service.arrived(i + 1);
    await clock.advance(ms);
    service.answer();
    await (await call).text();
  }
  await provider.forceFlush();
  await provider.shutdown();
  receiver.closeAllConnections();
  receiver.close();

  for (const name of ["http.client.request.duration", "proxyless.client.attempt.duration"]) {
    const [told, ...others] = exponentialsOf(bodies[0], name);
    expect(others).toEqual([]);
    const { buckets = [], count, offset = 0, scale = 0, sum, zeroCount } = told ?? {};
    expect(count).toBe(millis.length);
    expect(sum).toBeCloseTo(millis.reduce((all, ms) => all + ms, 0) / 1_000, 9);
    expect(zeroCount).toBe(1);
    // From 3 to 900 ms is more than eight powers of two: 160 buckets hold sixteen to each of them.
    expect(scale).toBe(4);
    const expected = buckets.map(() => 0);
    for (const ms of millis.filter((each) => each > 0)) {
      expected[Math.ceil(Math.log2(ms / 1_000) * 2 ** scale) - 1 - offset]! += 1;
    }
    expect(buckets).toEqual(expected);
    expect(buckets.reduce((all, each) => all + each, 0)).toBe(millis.length - 1);
  }
});
