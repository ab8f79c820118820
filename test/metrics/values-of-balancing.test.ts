import { createMesh, memorySource } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { expect, it } from "vitest";

import { FaultyService } from "./support/faulty-service.ts";
import { seriesOf } from "./support/scraped.ts";
import { byEndpoint } from "./support/ways.ts";

const orders = 'server_address="orders"';

it("of picks say how endpoints were chosen, among how many, and whether in panic", async () => {
  await using service = await FaultyService.start("0.0.0.0");
  const of = (host: number): string => `127.0.0.${host}:${service.port}`;
  const hosts = [1, 2, 3, 4];
  const source = memorySource({ orders: hosts.map(of) });
  await using mesh = createMesh({
    discovery: source,
    clock: new ManualClock(),
    drainMs: 0,
    services: { orders: { subset: { size: 2 }, overrideHost: {} } },
  });
  await using seen = await byEndpoint(mesh);
  const call = async (endpoint?: string): Promise<void> => {
    const headers = endpoint === undefined ? {} : { "x-proxyless-endpoint": endpoint };
    await (await mesh.fetch("http://orders/200", { headers })).text();
  };
  for (let i = 0; i < 3; i++) await call();
  for (const host of [1, 1, 2, 2, 2, 3]) await call(of(host));
  const calm = await seen.scrape();
  const chosen = (pick: string): string => `proxyless_pick="${pick}",${orders}`;
  expect(seriesOf(calm, "proxyless_lb_picks_total")).toEqual({ [chosen("LB")]: 3, [chosen("OH")]: 6 });
  expect(seriesOf(calm, "proxyless_lb_subset_size")).toEqual({ [orders]: 2 });
  for (const name of ["panic", "panics_total", "no_endpoints"]) {
    expect(seriesOf(calm, `proxyless_lb_${name}`)).toEqual({ [orders]: 0 });
  }
  const port = Number(service.port);
  source.set(
    "orders",
    hosts.map((host) => ({ host: `127.0.0.${host}`, port, health: "unhealthy" as const })),
  );
  for (let i = 0; i < 4; i++) await call();
  const panic = await seen.scrape();
  expect(seriesOf(panic, "proxyless_lb_picks_total")).toEqual({
    [chosen("LB")]: 3,
    [chosen("OH")]: 6,
    [chosen("PA")]: 4,
  });
  expect(seriesOf(panic, "proxyless_lb_endpoints")).toEqual({
    [`proxyless_endpoint_state="open",${orders}`]: 0,
    [`proxyless_endpoint_state="unhealthy",${orders}`]: 4,
  });
  expect(seriesOf(panic, "proxyless_lb_panics_total")).toEqual({ [orders]: 4 });
  expect(seriesOf(panic, "proxyless_lb_panic")).toEqual({ [orders]: 1 });
  expect(seriesOf(panic, "proxyless_lb_no_endpoints")).toEqual({ [orders]: 1 });
});

it("of ejections say what found the endpoint, and why it was left in", async () => {
  await using service = await FaultyService.start("0.0.0.0");
  const addresses = [1, 2].map((host) => `127.0.0.${host}:${service.port}`);
  await using mesh = createMesh({
    discovery: memorySource({ orders: addresses }),
    clock: new ManualClock(),
    drainMs: 0,
    services: {
      orders: {
        circuit: false,
        retry: false,
        outlierDetection: {
          consecutive5xx: { count: 4 },
          consecutiveGatewayFailure: { count: 3, enforcing: 0 },
        },
      },
    },
  });
  await using seen = await byEndpoint(mesh);
  for (const endpoint of addresses) {
    for (let i = 0; i < 4; i++) await (await mesh.fetch("http://orders/503", { mesh: { endpoint } })).text();
  }
  const scraped = await seen.scrape();
  const outliers = "proxyless_lb_outlier_detection_ejections";
  const found = (detector: string): string => `proxyless_detection_method="${detector}"`;
  expect(seriesOf(scraped, `${outliers}_enforced_total`)).toEqual({
    [`${found("consecutive5xx")},${orders}`]: 1,
  });
  expect(seriesOf(scraped, `${outliers}_unenforced_total`)).toEqual({
    [`${found("consecutiveGatewayFailure")},proxyless_unenforced_reason="enforcing",${orders}`]: 2,
    [`${found("consecutive5xx")},proxyless_unenforced_reason="limit",${orders}`]: 1,
  });
  expect(seriesOf(scraped, "proxyless_lb_endpoints")).toEqual({
    [`proxyless_endpoint_state="open",${orders}`]: 1,
    [`proxyless_endpoint_state="ejected",${orders}`]: 1,
  });
});

it("of circuits say their states and changes, on which route, and whether they refuse calls", async () => {
  await using service = await FaultyService.start();
  const clock = new ManualClock();
  await using mesh = createMesh({
    discovery: memorySource({ orders: [service.address] }),
    clock,
    drainMs: 0,
    services: {
      orders: {
        retry: false,
        outlierDetection: false,
        circuit: { consecutiveFailures: 2, openMs: 1_000, mode: "metrics-only" },
        routes: [
          { match: { path: "/500" }, circuit: { consecutiveFailures: 3, openMs: 1_000, mode: "auto" } },
        ],
      },
    },
  });
  await using seen = await byEndpoint(mesh);
  const call = (path: string): Promise<unknown> =>
    mesh.fetch(`http://orders${path}`).then(
      (response) => response.text(),
      () => undefined,
    );
  for (let i = 0; i < 3; i++) await call("/500");
  const of = (state: string, more = ""): string => `proxyless_circuit_state="${state}",${more}${orders}`;
  const route = 'proxyless_route="/500",';
  expect(seriesOf(await seen.scrape(), "proxyless_circuit_state")).toEqual({
    [of("closed")]: 0,
    [of("open")]: 1,
    [of("half_open")]: 0,
    [of("closed", route)]: 0,
    [of("open", route)]: 1,
    [of("half_open", route)]: 0,
  });
  await clock.advance(60_000);
  await call("/500");
  const [enforced, told] = ["true", "false"].map((is) => `proxyless_enforced="${is}",`);
  expect(seriesOf(await seen.scrape(), "proxyless_circuit_transitions_total")).toEqual({
    [of("open", told)]: 2,
    [of("half_open", told)]: 1,
    [of("open", `${enforced}${route}`)]: 2,
    [of("half_open", `${enforced}${route}`)]: 1,
  });
});
