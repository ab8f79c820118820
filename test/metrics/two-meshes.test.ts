import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";
import { expect, it } from "vitest";

import { promtool } from "../../scripts/servers/index.ts";
import { FaultyService } from "./support/faulty-service.ts";
import { readScrape, sumOf } from "./support/scraped.ts";

it("tells two meshes of one process apart, in one scrape", { timeout: 60_000 }, async () => {
  await using service = await FaultyService.start();
  const discovery = (): ReturnType<typeof memorySource> => memorySource({ orders: [service.address] });
  await using shop = createMesh({ discovery: discovery() });
  await using admin = createMesh({ discovery: discovery() });
  using one = createMetrics(shop, { attributes: { mesh: "shop" } });
  using two = createMetrics(admin, { attributes: { mesh: "admin" }, eventLoop: false });
  for (let i = 0; i < 3; i++) await (await shop.fetch("http://orders/200")).text();
  await (await admin.fetch("http://orders/200")).text();
  await using endpoint = prometheusEndpoint([one, two]);
  const url = await endpoint.listen({ port: 0 });
  const text = await (await fetch(url)).text();
  const calls = "proxyless_client_calls_total";
  expect(sumOf(readScrape(text), calls, { mesh: "shop" })).toBe(3);
  expect(sumOf(readScrape(text), calls, { mesh: "admin" })).toBe(1);
  expect(text.match(new RegExp(`^# TYPE ${calls} `, "gm"))).toHaveLength(1);
  expect(await promtool(["check", "metrics"], text)).toEqual({ code: 0, output: "" });

  two.close();
  await (await shop.fetch("http://orders/200")).text();
  const after = readScrape(await (await fetch(url)).text());
  expect(sumOf(after, calls, { mesh: "shop" })).toBe(4);
  expect([...after.keys()].some((key) => key.includes('mesh="admin"'))).toBe(false);
});

it("tells them apart also in what gets no series of its own", { timeout: 60_000 }, async () => {
  await using service = await FaultyService.start();
  const discovery = memorySource({ a: [service.address], b: [service.address], c: [service.address] });
  await using shop = createMesh({ discovery });
  await using admin = createMesh({ discovery });
  using one = createMetrics(shop, { attributes: { mesh: "shop" }, maxSeries: 1 });
  using two = createMetrics(admin, { attributes: { mesh: "admin" }, maxSeries: 1, eventLoop: false });
  for (const name of ["a", "b", "c"]) await (await shop.fetch(`http://${name}/200`)).text();
  for (const name of ["a", "b"]) await (await admin.fetch(`http://${name}/200`)).text();
  await using endpoint = prometheusEndpoint([one, two]);
  const text = await (await fetch(await endpoint.listen({ port: 0 }))).text();
  const over = { otel_metric_overflow: "true" };
  const calls = "proxyless_client_calls_total";
  expect(sumOf(readScrape(text), calls, { mesh: "shop", ...over })).toBe(2);
  expect(sumOf(readScrape(text), calls, { mesh: "admin", ...over })).toBe(1);
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const names = series.map((line) => line.slice(0, line.lastIndexOf(" ")));
  expect(new Set(names).size).toBe(names.length);
});
