import { createMesh, memorySource } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { expect, it } from "vitest";

import { FaultyService } from "./support/faulty-service.ts";
import { HeldService } from "./support/held-service.ts";
import { seriesOf } from "./support/scraped.ts";
import { byEndpoint } from "./support/ways.ts";

const orders = 'server_address="orders"';
const calls = "proxyless_client_calls_total";
const attempts = "proxyless_client_attempts_total";

it("of calls and attempts say how they ended, on which route, and why", async () => {
  await using service = await FaultyService.start();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [service.address] }),
    services: {
      orders: {
        circuit: false,
        outlierDetection: false,
        retry: { maxAttempts: 3, baseDelayMs: 0, maxDelayMs: 0 },
        routes: [{ match: { path: "/404" }, retry: false }],
      },
    },
  });
  await using seen = await byEndpoint(mesh, { templates: true });
  await mesh.service("orders").GET("/{status}", { params: { path: { status: "200" } } });
  for (const path of ["/404", "/404", "/503"]) await (await mesh.fetch(`http://orders${path}`)).text();
  // It may have been seen, so that it is not sent again.
  await mesh.fetch("http://orders/reset", { method: "POST" }).catch(() => undefined);
  const scraped = await seen.scrape();
  const onRoute = `proxyless_route="/404",${orders}`;
  expect(seriesOf(scraped, calls)).toEqual({
    [`proxyless_outcome="success",${orders}`]: 1,
    [`proxyless_outcome="success",${onRoute}`]: 2,
    [`proxyless_outcome="overload",${orders}`]: 1,
    [`proxyless_flag="UC",proxyless_outcome="failure",${orders}`]: 1,
  });
  expect(seriesOf(scraped, attempts)).toEqual({
    [`proxyless_outcome="success",${orders}`]: 1,
    [`error_type="404",proxyless_outcome="success",${orders}`]: 2,
    [`error_type="503",proxyless_outcome="overload",${orders}`]: 3,
    [`error_type="UND_ERR_SOCKET",proxyless_outcome="failure",${orders}`]: 1,
  });
  expect(seriesOf(scraped, "proxyless_client_call_retries_total")).toEqual({ [orders]: 2 });
  const of = (status: number): string => `http_request_method="GET",http_response_status_code="${status}"`;
  expect(seriesOf(scraped, "http_client_request_duration_seconds_count")).toEqual({
    [`${of(200)},${orders},url_template="/{status}"`]: 1,
    [`error_type="404",${of(404)},${onRoute}`]: 2,
    [`error_type="503",${of(503)},${orders}`]: 1,
    [`error_type="ERR_PROXYLESS_RESET",http_request_method="POST",${orders}`]: 1,
  });
  expect(seriesOf(scraped, "proxyless_client_attempt_duration_seconds_count")).toEqual({
    [`${of(200)},${orders}`]: 1,
    [`error_type="404",${of(404)},${orders}`]: 2,
    [`error_type="503",${of(503)},${orders}`]: 3,
    [`error_type="UND_ERR_SOCKET",http_request_method="POST",${orders}`]: 1,
  });
});

it("of what was answered without the service say which answers, and on which route", async () => {
  await using service = await HeldService.start();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [`127.0.0.1:${service.port}`] }),
    clock: new ManualClock(),
    drainMs: 0,
    services: {
      orders: {
        retry: false,
        routes: [
          { match: { path: "/kept" }, cache: {} },
          { match: { path: "/same" }, coalesce: {} },
          { match: { path: "/instead" }, fallback: { value: { body: "{}" } } },
        ],
      },
    },
  });
  await using seen = await byEndpoint(mesh);
  let sent = 0;
  const call = async (path: string, status?: number, headers?: Record<string, string>): Promise<void> => {
    const answer = mesh.fetch(`http://orders${path}`);
    if (status !== undefined) {
      await service.arrived(++sent);
      service.answer(status, headers);
    }
    await (await answer).text();
  };
  await call("/kept", 200, { "cache-control": "max-age=3600" });
  for (let i = 0; i < 2; i++) await call("/kept");
  const asked = { "cache-control": "no-cache", etag: '"1"' };
  await call("/kept?asked", 200, asked);
  for (let i = 0; i < 3; i++) await call("/kept?asked", 304, asked);
  const same = Array.from({ length: 4 }, () => mesh.fetch("http://orders/same"));
  await service.arrived(++sent);
  service.answer();
  for (const one of same) await (await one).text();
  await call("/instead", 500);
  const scraped = await seen.scrape();
  const onRoute = (path: string): string => `proxyless_route="${path}",${orders}`;
  expect(seriesOf(scraped, "proxyless_client_call_cached_total")).toEqual({
    [`proxyless_cache_result="hit",${onRoute("/kept")}`]: 2,
    [`proxyless_cache_result="revalidated",${onRoute("/kept")}`]: 3,
  });
  expect(seriesOf(scraped, "proxyless_client_call_coalesced_total")).toEqual({ [onRoute("/same")]: 3 });
  expect(seriesOf(scraped, "proxyless_client_call_fallbacks_total")).toEqual({
    [`proxyless_fallback="value",${onRoute("/instead")}`]: 1,
  });
});

it("of faults that were injected say how many, where, and of what kind", async () => {
  await using service = await FaultyService.start();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [service.address] }),
    services: {
      orders: {
        retry: false,
        faultInjection: { percent: 100, abort: { status: 418 } },
        routes: [{ match: { path: "/late" }, faultInjection: { percent: 100, delay: { fixedMs: 1 } } }],
      },
    },
  });
  await using seen = await byEndpoint(mesh);
  for (const path of ["/200", "/200", "/late"]) await (await mesh.fetch(`http://orders${path}`)).text();
  const scraped = await seen.scrape();
  expect(seriesOf(scraped, "proxyless_client_faults_total")).toEqual({
    [`proxyless_flag="FI",${orders}`]: 2,
    [`proxyless_flag="DI",proxyless_route="/late",${orders}`]: 1,
  });
});
