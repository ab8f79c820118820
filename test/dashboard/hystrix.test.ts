import { memorySource } from "@proxyless/core";
import type { ServiceOptions } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { eventsOf, nextEvent } from "../../packages/dashboard/test/support/events.ts";
import { serve } from "../../packages/dashboard/test/support/served.ts";
import { Backend } from "./support/backend.ts";
import {
  circuitStatus,
  latencies,
  ratePerSecond,
  readByDashboard,
  readByTurbine,
} from "./support/hystrix-readers.ts";

/** A mesh over one backend, its page and its stream, on a clock that stands still. */
async function start(
  options: ServiceOptions = {},
): Promise<Awaited<ReturnType<typeof serve>> & { readonly clock: ManualClock; readonly backend: Backend }> {
  const clock = new ManualClock(1_700_000_000_000);
  const backend = await Backend.start();
  const discovery = memorySource({ orders: [backend.address] });
  const served = await serve(
    { clock },
    { clock, discovery, services: { orders: { retry: false, ...options } } },
  );
  return {
    ...served,
    clock,
    backend,
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

describe("hystrix.stream", () => {
  it("is read by a Hystrix dashboard: counts, rate and circuit", async () => {
    await using page = await start({ circuit: { minCalls: 10, failureRatio: 0.5 } });
    const events = eventsOf(await page.open("hystrix.stream"));
    const orders = page.mesh.service("orders");
    for (let i = 0; i < 6; i++) await orders.GET("/a");
    page.backend.behaviour.status = 500;
    for (let i = 0; i < 4; i++) await orders.GET("/a");
    await page.clock.advance(500);
    const first = readByDashboard((await nextEvent(events)).data);
    expect(first).toMatchObject({
      type: "HystrixCommand",
      name: "orders",
      group: "orders",
      currentTime: 1_700_000_000_500,
      requestCount: 10,
      errorCount: 4,
      errorPercentage: 40,
      rollingCountSuccess: 6,
      rollingCountFailure: 4,
      isCircuitBreakerOpen: false,
      propertyValue_circuitBreakerRequestVolumeThreshold: 10,
      propertyValue_circuitBreakerErrorThresholdPercentage: 50,
    });
    expect(ratePerSecond(first)).toBe(1);
    expect(circuitStatus(first)).toBe("Closed");
    for (let i = 0; i < 4; i++) await orders.GET("/a").catch(() => undefined);
    await page.clock.advance(500);
    const second = readByDashboard((await nextEvent(events)).data);
    expect(circuitStatus(second)).toBe("Open");
    expect(second).toMatchObject({
      requestCount: 14,
      rollingCountFailure: 6,
      rollingCountShortCircuited: 2,
      errorPercentage: 57,
    });
  });

  it("counts over ten seconds, and is there when nothing happens", async () => {
    await using page = await start();
    const events = eventsOf(await page.open("hystrix.stream"));
    await page.mesh.service("orders").GET("/a");
    const counts: unknown[] = [];
    for (let tick = 0; tick < 22; tick++) {
      await page.clock.advance(500);
      counts.push(readByDashboard((await nextEvent(events)).data)["requestCount"]);
    }
    expect(counts).toEqual([...Array.from({ length: 20 }, () => 1), 0, 0]);
  });

  it("tells latencies as percentiles", async () => {
    await using page = await start();
    const events = eventsOf(await page.open("hystrix.stream"));
    const orders = page.mesh.service("orders");
    for (const ms of [10, 20, 400]) {
      page.backend.behaviour.delayMs = 50;
      const call = orders.GET("/a");
      await page.backend.asked();
      await page.clock.advance(ms);
      await call;
    }
    // The stream has gone on meanwhile: what is asked for is the record after all three.
    const seen = latencies(readByDashboard((await lastEvent(page.clock, events)).data));
    for (const [percent, ms] of [
      [0, 10],
      [50, 20],
      [99, 400],
      [100, 400],
    ] as const) {
      expect(Math.abs(seen[String(percent)]! / ms - 1)).toBeLessThan(0.11);
    }
  });

  it("tells what limits refuse, what runs out of time, who gives up, and what is answered instead", async () => {
    await using page = await start({
      bulkhead: { maxConcurrent: 1 },
      timeout: { totalMs: 1_000 },
      fallback: { value: { status: 200, body: "{}" }, on: { statuses: [], errors: ["ERR_PROXYLESS_SHED"] } },
      routes: [{ match: { path: "/plain" }, fallback: false }],
    });
    const events = eventsOf(await page.open("hystrix.stream"));
    const orders = page.mesh.service("orders");
    page.backend.behaviour.delayMs = 60_000;
    const late = orders.GET("/plain").catch(() => "late");
    await page.backend.asked();
    await orders.GET("/plain").catch(() => undefined);
    await orders.GET("/a");
    await page.clock.advance(1_000);
    expect(await late).toBe("late");
    const away = new AbortController();
    const left = orders.GET("/plain", { signal: away.signal }).catch(() => "left");
    await page.backend.asked();
    away.abort();
    expect(await left).toBe("left");
    expect(readByDashboard((await lastEvent(page.clock, events)).data)).toMatchObject({
      rollingCountTimeout: 1,
      rollingCountSemaphoreRejected: 2,
      rollingCountFallbackSuccess: 1,
      rollingCountBadRequests: 1,
      errorCount: 3,
      propertyValue_executionIsolationSemaphoreMaxConcurrentRequests: 1,
      propertyValue_executionTimeoutInMilliseconds: 1_000,
    });
  });

  it("has a command for each circuit, and each call in one of them", async () => {
    await using page = await start({
      routes: [{ match: { path: "/own" }, circuit: { minCalls: 7 } }, { match: { path: "/shared" } }],
    });
    const events = eventsOf(await page.open("hystrix.stream"));
    const orders = page.mesh.service("orders");
    for (const path of ["/own", "/own", "/shared", "/"]) await orders.GET(path);
    page.mesh.circuit("orders", "/own").setMode("forced-open");
    await page.clock.advance(500);
    const records = [await nextEvent(events), await nextEvent(events)].map(({ data }) => readByTurbine(data));
    expect(records.map(({ name, numbers }) => [name, numbers["requestCount"]])).toEqual([
      ["orders", 2],
      ["orders /own", 2],
    ]);
    expect(records[1]?.words).toMatchObject({
      propertyValue_circuitBreakerForceOpen: "true",
      isCircuitBreakerOpen: "true",
    });
    expect(records[1]?.numbers["propertyValue_circuitBreakerRequestVolumeThreshold"]).toBe(7);
  });

  it("is a ping where there is no circuit", async () => {
    await using page = await start({ circuit: false });
    const stream = await page.open("hystrix.stream");
    await page.clock.advance(500);
    const chunks: string[] = [];
    for await (const chunk of stream.setEncoding("utf8")) {
      chunks.push(String(chunk));
      if (chunks.join("").length >= 16) break;
    }
    expect(chunks.join("")).toBe("ping: \n\nping: \n\n");
  });
});

/** The record of a tick from now on. */
async function lastEvent(
  clock: ManualClock,
  events: ReturnType<typeof eventsOf>,
): Promise<{ readonly data: string }> {
  await clock.advance(500);
  const after = clock.wallNow() - 500;
  for (;;) {
    const event = await nextEvent(events);
    const { currentTime }: { readonly currentTime: number } = JSON.parse(event.data);
    if (currentTime > after) return event;
  }
}
