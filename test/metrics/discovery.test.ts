import { createMesh } from "@proxyless/core";
import { fakeEndpoint, fakeSource, ManualClock } from "@proxyless/core/testing";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";
import { expect, it } from "vitest";

import { readScrape, seriesOf, sumOf } from "./support/scraped.ts";

it("of discovery say when the list changed, who uses it, what began anew and what was left out", async () => {
  const clock = new ManualClock();
  const source = fakeSource({ name: "registry", debounceMs: 0 });
  source.put("orders", [fakeEndpoint("a"), fakeEndpoint("b")]);
  await using mesh = createMesh({ discovery: source, clock });
  using metrics = createMetrics(mesh, { eventLoop: false });
  await using endpoint = prometheusEndpoint(metrics);
  const url = await endpoint.listen({ port: 0 });
  const scraped = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> =>
    sumOf(readScrape(await (await fetch(url)).text()), `proxyless_discovery_${name}`, {
      server_address: "orders",
      ...labels,
    });
  await mesh.ready("orders");

  await clock.advance(7_000);
  source.alive("orders");
  await clock.advance(3_000);
  expect(await scraped("age_seconds")).toBe(3);
  expect(await scraped("last_change_seconds")).toBe(10);
  expect(await scraped("users")).toBe(1);

  const why = { proxyless_reason: "protocol-reset" };
  const again = { proxyless_reason: "reopened" };
  expect([await scraped("resets_total", why), await scraped("resets_total", again)]).toEqual([0, 0]);
  for (const index of [3, 2]) {
    source.fail("orders", { class: "protocol-reset", message: `the index went back to ${index}` });
  }
  source.watches[0]?.end();
  await clock.advance(1_000);
  expect(source.watches).toHaveLength(2);
  expect([await scraped("resets_total", why), await scraped("resets_total", again)]).toEqual([2, 1]);

  const entries = [fakeEndpoint("a"), fakeEndpoint("b"), { id: "no port" }];
  source.push("orders", { kind: "bound", trust: "authoritative", endpoints: entries });
  await clock.advance(0);
  expect(await scraped("skipped_total", { proxyless_source: "registry" })).toBe(1);
});

it("of discovery count each change, trouble and answer that was held back, once and by its reason", async () => {
  const clock = new ManualClock();
  const source = fakeSource({ name: "registry", debounceMs: 0 });
  source.put("orders", [fakeEndpoint("a"), fakeEndpoint("b"), fakeEndpoint("c")]);
  await using mesh = createMesh({ discovery: source, clock });
  using metrics = createMetrics(mesh, { eventLoop: false });
  await using endpoint = prometheusEndpoint(metrics);
  const url = await endpoint.listen({ port: 0 });
  const told = async (name: string): Promise<Readonly<Record<string, number>>> =>
    seriesOf(readScrape(await (await fetch(url)).text()), `proxyless_discovery_${name}`);
  const orders = 'server_address="orders"';
  await mesh.ready("orders");
  for (const id of ["d", "e"]) {
    source.put("orders", [...source.endpoints("orders"), fakeEndpoint(id)]);
    await clock.advance(0);
  }
  expect(await told("updates_total")).toEqual({ [orders]: 3 });
  expect(await told("users")).toEqual({ [orders]: 1 });

  source.put("orders", []);
  await clock.advance(0);
  expect(await told("protected_total")).toEqual({ [`proxyless_reason="empty",${orders}`]: 1 });
  expect(await told("trouble_seconds")).toEqual({ [orders]: 0 });

  source.fail("orders", { class: "auth", message: "the token is old" });
  await clock.advance(4_000);
  expect(await told("errors_total")).toEqual({ [`error_type="auth",${orders}`]: 1 });
  expect(await told("trouble_seconds")).toEqual({ [orders]: 4 });
});
