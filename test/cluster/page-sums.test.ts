import { createMesh, memorySource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { Tally } from "@proxyless/dashboard/feed";
import fc from "fast-check";
import { expect, it } from "vitest";

import { isPageReport } from "../../packages/cluster/src/page/page-report.ts";
import { Backend } from "../dashboard/support/backend.ts";
import { InProcess } from "./support/in-process.ts";

function meshOf(clock: ManualClock, backends: readonly Backend[]): Mesh {
  const services = {
    orders: { retry: false, balancer: "round-robin", rateLimit: { tokensPerSecond: 50 } },
  } as const;
  return createMesh({
    clock,
    discovery: memorySource({ orders: backends.map(({ address }) => address) }),
    services,
  });
}

it("adds up calls, shares and latencies of several workers", async () => {
  const clock = new ManualClock(1_700_000_000_000);
  await using quick = await Backend.start();
  await using other = await Backend.start();
  await using a = meshOf(clock, [quick, other]);
  await using b = meshOf(clock, [quick]);
  using workers = new InProcess([a, b], clock);
  const feed = workers.feed(clock);
  feed.start();
  await clock.advance(500);
  const call = async (mesh: Mesh, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await mesh.service("orders").GET("/orders");
  };
  await call(a, 10);
  await call(b, 30);
  feed.look();
  await clock.advance(500);
  feed.tally.turn();
  const sums = feed.tally.of("orders").sum(1);
  expect(sums.counts.success).toBe(40);
  const expected = new Tally();
  for (const { counted } of workers.reports) {
    for (const { counts, latencies } of counted["orders"]!.routes)
      expected.of("orders").of(undefined).add(counts, latencies);
  }
  expected.turn();
  const { latencies } = expected.of("orders").sum(1);
  expect(latencies.count).toBe(40);
  for (const percent of [50, 90, 99])
    expect(sums.latencies.percentile(percent)).toBe(latencies.percentile(percent));

  const { orders } = feed.look().services;
  const shares = Object.values(orders!.endpoints).map(({ about, figures }) => [about.address, figures[4]]);
  expect(Object.fromEntries(shares)).toEqual({ [quick.address]: 35 / 40, [other.address]: 5 / 40 });
  expect(orders!.circuits[0]!.calls).toBe(40);
  expect(orders!.limits[0]!.rateLimit!.tokensPerSecond).toBe(100);
  feed.close();
});

it("whatever is said, is a page or refused", () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(isPageReport(value)).toBe(false);
    }),
  );
});
