import { createServer } from "node:http";

import { createMesh, memorySource } from "@proxyless/core";
import { createMetrics, prometheusEndpoint } from "@proxyless/metrics";
import { expect, it } from "vitest";

import { listening } from "../telemetry/support/listening.ts";
import { readScrape, sumOf } from "./support/scraped.ts";

it("counts hedges that were sent, those that won, circuits and ejections as they happened", async () => {
  let asked = 0;
  let late = 0;
  // Of each two requests the first hangs until its client gives up.
  const server = createServer((request, response) => {
    if (request.url === "/500") response.writeHead(500).end();
    else if (request.url === "/well") response.end("{}");
    // Here it is the hedge that hangs.
    else if (request.url === "/late") {
      if (late++ === 0) setTimeout(() => response.end("{}"), 120);
    } else if (asked++ % 2 === 1) response.end("{}");
  });
  const port = await listening(server, "0.0.0.0");
  const orders = Array.from({ length: 4 }, (_, i) => `127.0.0.${i + 1}:${port}`);
  await using mesh = createMesh({
    discovery: memorySource({ orders, failing: orders }),
    services: {
      orders: { hedge: { delayMs: 40 }, circuit: false, outlierDetection: false },
      failing: {
        retry: false,
        circuit: { consecutiveFailures: 20 },
        outlierDetection: { consecutive5xx: { count: 2 }, maxEjectionPercent: 25 },
      },
    },
  });
  using metrics = createMetrics(mesh);
  const counts = { opened: 0, ejected: 0, skipped: 0, hedged: 0 };
  mesh.on("call.hedged", () => counts.hedged++);
  mesh.on("circuit.opened", () => counts.opened++);
  mesh.on("endpoint.ejected", () => counts.ejected++);
  mesh.on("endpoint.ejection_skipped", () => counts.skipped++);
  // Hedges are paid for by calls that went well.
  for (let i = 0; i < 30; i++) await (await mesh.fetch("http://orders/well")).text();
  for (let i = 0; i < 2; i++) await (await mesh.fetch("http://orders/")).text();
  await (await mesh.fetch("http://orders/late")).text();
  for (let i = 0; i < 30; i++) await mesh.fetch("http://failing/500").catch(() => undefined);
  await using endpoint = prometheusEndpoint(metrics);
  const scraped = readScrape(await (await fetch(await endpoint.listen({ port: 0 }))).text());
  expect(counts.hedged).toBe(3);
  expect(sumOf(scraped, "proxyless_client_call_hedges_total")).toBe(counts.hedged);
  expect(sumOf(scraped, "proxyless_client_call_hedges_won_total")).toBe(2);
  expect(sumOf(scraped, "proxyless_client_call_retries_total")).toBe(0);
  expect(counts.opened).toBe(1);
  const opened = { proxyless_circuit_state: "open" };
  expect(sumOf(scraped, "proxyless_circuit_transitions_total", opened)).toBe(1);
  expect(sumOf(scraped, "proxyless_circuit_state", { ...opened, server_address: "failing" })).toBe(1);
  expect(sumOf(scraped, "proxyless_client_calls_total", { proxyless_flag: "UO" })).toBeGreaterThan(0);
  expect(counts.ejected).toBeGreaterThan(0);
  expect(counts.skipped).toBeGreaterThan(counts.ejected);
  const outliers = "proxyless_lb_outlier_detection_ejections";
  expect(sumOf(scraped, `${outliers}_enforced_total`)).toBe(counts.ejected);
  expect(sumOf(scraped, `${outliers}_unenforced_total`)).toBe(counts.skipped);
  expect(sumOf(scraped, "proxyless_lb_endpoints", { proxyless_endpoint_state: "ejected" })).toBe(1);
  server.closeAllConnections();
  server.close();
});
