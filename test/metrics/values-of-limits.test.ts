import { createMesh, memorySource, runWithContext } from "@proxyless/core";
import type { ServiceOptions } from "@proxyless/core";
import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { expect, it } from "vitest";

import { FaultyService } from "./support/faulty-service.ts";
import { HeldService } from "./support/held-service.ts";
import { seriesOf } from "./support/scraped.ts";
import { byEndpoint } from "./support/ways.ts";

const orders = 'server_address="orders"';
const shed = "proxyless_client_call_shed_total";
const limit = (name: string): string => `proxyless_limit="${name}",${orders}`;
const onRoute = (name: string): string => `proxyless_limit="${name}",proxyless_route="/limited",${orders}`;

it("of limits of calls in flight say what is allowed, in flight, waiting and refused", async () => {
  await using service = await HeldService.start();
  const discovery = memorySource({ orders: [`127.0.0.1:${service.port}`] });
  const bulkhead = { maxConcurrent: 2, maxQueue: 3 };
  const rules: ServiceOptions = {
    adaptiveConcurrency: { initialLimit: 7 },
    routes: [{ match: { path: "/limited" }, bulkhead, adaptiveConcurrency: false }],
  };
  await using mesh = createMesh({
    discovery,
    clock: new ManualClock(),
    drainMs: 0,
    services: { orders: rules },
  });
  await using seen = await byEndpoint(mesh);
  const gone = new AbortController();
  const call = (path: string): Promise<unknown> =>
    mesh.fetch(`http://orders${path}`, { signal: gone.signal }).catch(() => undefined);
  const all = [...Array.from({ length: 6 }, () => call("/limited")), call("/")];
  await service.arrived(3);
  const scraped = await seen.scrape();
  gone.abort();
  await Promise.all(all);
  const told = (what: string, adaptive: number, bulk: number): void => {
    expect(seriesOf(scraped, `proxyless_limit_${what}`)).toEqual({
      [limit("adaptive_concurrency")]: adaptive,
      [onRoute("bulkhead")]: bulk,
    });
  };
  told("concurrency", 7, 2);
  told("active", 1, 2);
  told("queue", 0, 3);
  const refused = `proxyless_criticality="critical",proxyless_reason="queue_full",proxyless_route="/limited"`;
  expect(seriesOf(scraped, shed)).toEqual({ [`${refused},${orders}`]: 1 });
});

it("of a rate limit say how many tokens it has, who waits, and whom it refused", async () => {
  await using service = await FaultyService.start();
  const clock = new ManualClock();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [service.address] }),
    clock,
    drainMs: 0,
    services: {
      orders: {
        rateLimit: { tokensPerSecond: 2, burst: 6 },
        routes: [
          { match: { path: "/limited" }, rateLimit: { tokensPerSecond: 1, burst: 1, maxWaitMs: 1_500 } },
        ],
      },
    },
  });
  await using seen = await byEndpoint(mesh);
  for (let i = 0; i < 2; i++) await (await mesh.fetch("http://orders/200")).text();
  const limited = Array.from({ length: 4 }, () =>
    runWithContext({ criticality: "sheddable" }, () =>
      mesh.fetch("http://orders/limited").then(
        (response) => response.text(),
        () => undefined,
      ),
    ),
  );
  await mesh.ready("orders");
  await clock.advance(250);
  const scraped = await seen.scrape();
  await clock.advance(2_000);
  await Promise.all(limited);
  expect(seriesOf(scraped, "proxyless_limit_tokens")).toEqual({
    [orders]: 4.5,
    [`proxyless_route="/limited",${orders}`]: 0.25,
  });
  expect(seriesOf(scraped, "proxyless_limit_queue")).toEqual({
    [limit("rate_limit")]: 0,
    [onRoute("rate_limit")]: 1,
  });
  const refused = `proxyless_criticality="sheddable",proxyless_reason="rate_limit",proxyless_route="/limited"`;
  expect(seriesOf(scraped, shed)).toEqual({ [`${refused},${orders}`]: 2 });
});

it("of a throttle say what share of the calls it holds back, of which criticality", async () => {
  await using service = await FaultyService.start();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [service.address] }),
    clock: new ManualClock(),
    random: seededRandom(1),
    drainMs: 0,
    services: {
      orders: {
        circuit: false,
        outlierDetection: false,
        retry: false,
        routes: [{ match: { path: "/429" }, adaptiveThrottling: { k: 1, minRequests: 10 } }],
      },
    },
  });
  await using seen = await byEndpoint(mesh);
  let refused = 0;
  for (let i = 0; i < 30; i++) {
    await mesh.fetch("http://orders/429").then(
      (response) => response.text(),
      () => refused++,
    );
  }
  const scraped = await seen.scrape();
  const of = (criticality: string): string =>
    `proxyless_criticality="${criticality}",proxyless_route="/429",${orders}`;
  // Of thirty calls none was taken: by the book of SRE thirty parts in thirty-one are held back.
  expect(seriesOf(scraped, "proxyless_limit_throttle_probability_ratio")).toEqual({
    [of("critical_plus")]: 0,
    [of("critical")]: 30 / 31,
    [of("sheddable_plus")]: 0,
    [of("sheddable")]: 0,
  });
  expect(refused).toBeGreaterThan(0);
  expect(seriesOf(scraped, shed)).toEqual({
    [of("critical").replace("proxyless_route", 'proxyless_reason="throttled",proxyless_route')]: refused,
  });
});

it("of the budget say what it can pay for, and what it could not", async () => {
  await using service = await FaultyService.start();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [service.address] }),
    clock: new ManualClock(),
    drainMs: 0,
    services: {
      orders: {
        circuit: false,
        outlierDetection: false,
        retry: { maxAttempts: 2, baseDelayMs: 0, maxDelayMs: 0, budget: { ratio: 0.5, minPerSecond: 0 } },
      },
    },
  });
  await using seen = await byEndpoint(mesh);
  const call = async (path: string): Promise<void> => {
    await (await mesh.fetch(`http://orders${path}`)).text();
  };
  for (let i = 0; i < 3; i++) await call("/200");
  expect(seriesOf(await seen.scrape(), "proxyless_retry_budget_balance")).toEqual({ [orders]: 1.5 });
  for (let i = 0; i < 4; i++) await call("/503");
  const scraped = await seen.scrape();
  expect(seriesOf(scraped, "proxyless_retry_budget_balance")).toEqual({ [orders]: 0.5 });
  expect(seriesOf(scraped, "proxyless_retry_budget_exhausted_total")).toEqual({ [orders]: 3 });
  expect(seriesOf(scraped, "proxyless_client_call_retries_total")).toEqual({ [orders]: 1 });
});
