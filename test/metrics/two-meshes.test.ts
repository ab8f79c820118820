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
