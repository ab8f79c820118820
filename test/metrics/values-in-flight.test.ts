import { setImmediate } from "node:timers/promises";

import { createMesh, memorySource } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { expect, it } from "vitest";

import { until } from "../../scripts/servers/index.ts";
import { HeldService } from "./support/held-service.ts";
import { seriesOf } from "./support/scraped.ts";
import { byEndpoint } from "./support/ways.ts";

const orders = 'server_address="orders"';

it("of what is in flight say how much, where, on how many connections, and how long it took", async () => {
  await using service = await HeldService.start();
  const clock = new ManualClock();
  const of = (host: number): string => `127.0.0.${host}:${service.port}`;
  await using mesh = createMesh({
    discovery: memorySource({ orders: [of(1)] }),
    clock,
    drainMs: 0,
    services: { orders: { transport: { connections: 3 }, retry: false } },
  });
  await using seen = await byEndpoint(mesh, { endpoints: true });
  const peer = `network_peer_address="127.0.0.1",network_peer_port="${service.port}"`;
  const connections = (state: string): string => `http_connection_state="${state}",${orders}`;

  const calls = Array.from({ length: 5 }, () => mesh.fetch("http://orders/"));
  await service.arrived(3);
  const busy = await seen.scrape();
  await clock.advance(250);
  for (let i = 0; i < 3; i++) service.answer();
  await service.arrived(5);
  for (let i = 0; i < 2; i++) service.answer();
  for (const call of calls) await (await call).text();
  const last = mesh.fetch("http://orders/");
  await service.arrived(6);
  const calm = await seen.scrape();
  service.answer();
  await (await last).text();

  expect(seriesOf(busy, "http_client_active_requests")).toEqual({ [orders]: 5 });
  expect(seriesOf(busy, "proxyless_client_attempt_active")).toEqual({ [orders]: 5 });
  expect(seriesOf(busy, "proxyless_client_connection_queue")).toEqual({ [orders]: 2 });
  expect(seriesOf(busy, "proxyless_endpoint_active")).toEqual({ [`${peer},${orders}`]: 5 });
  expect(seriesOf(busy, "proxyless_endpoint_open_connections")).toEqual({ [`${peer},${orders}`]: 3 });
  expect(seriesOf(busy, "proxyless_endpoint_state")).toEqual({
    [`${peer},proxyless_endpoint_state="open",${orders}`]: 1,
  });
  expect(seriesOf(busy, "http_client_open_connections")).toEqual({
    [connections("active")]: 3,
    [connections("idle")]: 0,
  });

  expect(seriesOf(calm, "http_client_open_connections")).toEqual({
    [connections("active")]: 1,
    [connections("idle")]: 2,
  });
  expect(seriesOf(calm, "proxyless_client_connection_queue")).toEqual({ [orders]: 0 });
  expect(seriesOf(calm, "proxyless_endpoint_latency_seconds")).toEqual({ [`${peer},${orders}`]: 0.25 });
  expect(seriesOf(calm, "proxyless_endpoint_attempts_total")).toEqual({
    [`${peer},proxyless_outcome="success",${orders}`]: 5,
  });
  const durations = `http_request_method="GET",http_response_status_code="200",${orders}`;
  for (const name of ["http_client_request_duration", "proxyless_client_attempt_duration"]) {
    expect(seriesOf(calm, `${name}_seconds_count`)).toEqual({ [durations]: 5 });
    expect(seriesOf(calm, `${name}_seconds_sum`)).toEqual({ [durations]: 1.25 });
  }
  // They begin with what they may cost, and each success pays a fifth.
  expect(seriesOf(calm, "proxyless_retry_budget_balance")).toEqual({ [orders]: 3 });
});

it("of the event loop say for how many seconds it stood still while attempts were in flight", async () => {
  await using service = await HeldService.start();
  await using mesh = createMesh({ discovery: memorySource({ orders: [`127.0.0.1:${service.port}`] }) });
  await using seen = await byEndpoint(mesh, { eventLoop: true });
  const call = mesh.fetch("http://orders/");
  await service.arrived(1);
  await seen.scrape();
  const begin = performance.now();
  while (performance.now() - begin < 300);
  const stalled = await until("the stall is seen", 20_000, async () => {
    const { "": seconds = 0 } = seriesOf(await seen.scrape(), "proxyless_event_loop_stalled_seconds_total");
    return seconds > 0 ? seconds : undefined;
  });
  service.answer();
  await (await call).text();
  // The timer that tells was due within the first 20 ms, and may be 10 ms late.
  expect(stalled).toBeGreaterThanOrEqual(0.26);
  expect(stalled).toBeLessThan((performance.now() - begin) / 1_000);
});

it("of the event loop's delay say how late it was since the last collection", async () => {
  await using mesh = createMesh({ discovery: memorySource({}) });
  await using seen = await byEndpoint(mesh, { eventLoop: true });
  await seen.scrape();
  const begin = performance.now();
  for (let turn = 0; turn < 12; turn++) {
    const end = performance.now() + 60;
    while (performance.now() < end);
    await setImmediate();
  }
  const scraped = await seen.scrape();
  const [p50 = 0, p90 = 0, p99 = 0, max = 0, mean = 0] = ["p50", "p90", "p99", "max", "mean"].map(
    (name) => seriesOf(scraped, `nodejs_eventloop_delay_${name}_seconds`)[""],
  );
  // A turn of 60 ms, of which the monitor waits for 20 at the most.
  expect(p50).toBeGreaterThan(0.03);
  expect(p90).toBeGreaterThanOrEqual(p50);
  expect(p99).toBeGreaterThanOrEqual(p90);
  expect(max).toBeGreaterThan(p99 - 0.001);
  expect(max).toBeLessThan((performance.now() - begin) / 1_000);
  expect(mean).toBeGreaterThan(0.02);
  expect(mean).toBeLessThan(max);
});
