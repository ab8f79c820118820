import { createMesh, memorySource } from "@proxyless/core";
import type { Mesh, ServiceOptions } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { eventsOf, nextEvent } from "../../packages/dashboard/test/support/events.ts";
import { serve } from "../../packages/dashboard/test/support/served.ts";
import type { Served } from "../../packages/dashboard/test/support/served.ts";
import { Backend } from "../dashboard/support/backend.ts";
import {
  circuitStatus,
  latencies,
  ratePerSecond,
  readByDashboard,
  readByTurbine,
} from "../dashboard/support/hystrix-readers.ts";
import { InProcess } from "./support/in-process.ts";

const options: ServiceOptions = {
  retry: false,
  outlierDetection: false,
  circuit: { minCalls: 10, failureRatio: 0.5 },
  timeout: { totalMs: 60_000, attemptMs: 60_000 },
  routes: [{ match: { path: "/own" }, circuit: { minCalls: 7 } }],
};

let clock: ManualClock;
let backend: Backend;
let meshes: readonly Mesh[];
let workers: InProcess;
let all: Served;
/** Of each worker. */
let pages: readonly Served[];

beforeEach(async () => {
  clock = new ManualClock(1_700_000_000_000);
  backend = await Backend.start({}, undefined, clock);
  const start = (own: ServiceOptions): Mesh =>
    createMesh({
      clock,
      discovery: memorySource({ orders: [backend.address] }),
      services: { orders: { ...options, ...own } },
    });
  meshes = [start({}), start({}), start({ timeout: { totalMs: 30_000, attemptMs: 30_000 } })];
  workers = new InProcess(meshes, clock);
  all = await serve({ clock, mesh: workers });
  pages = await Promise.all(meshes.map((mesh) => serve({ clock, mesh })));
  onTestFinished(async () => {
    workers[Symbol.dispose]();
    await Promise.all([all, ...pages].map((page) => page[Symbol.asyncDispose]()));
    await Promise.all(meshes.map((mesh) => mesh.close()));
    await backend[Symbol.asyncDispose]();
  });
});

/** Makes calls, one after the other, each of which takes so long. */
async function call(worker: number, times: number, takesMs = 0, path = "/a"): Promise<void> {
  backend.behaviour.takesMs = takesMs;
  for (let i = 0; i < times; i++) {
    const asked = takesMs > 0 ? backend.asked() : undefined;
    const done = meshes[worker]!.service("orders")
      .GET(path)
      .catch(() => undefined);
    await asked;
    if (takesMs > 0) await clock.advance(takesMs);
    await done;
  }
}

/** What streams say once what is done while they are read has reached them: so many commands of each. */
async function records(
  of: readonly Served[],
  count: number,
  act: () => Promise<void>,
): Promise<readonly (readonly string[])[]> {
  const events = await Promise.all(of.map(async (page) => eventsOf(await page.open("hystrix.stream"))));
  await act();
  // Workers are asked once a second, and what they answer is in the slot after.
  for (let i = 0; i < 6; i++) await clock.advance(500);
  const since = clock.wallNow() - 500;
  return Promise.all(
    events.map(async (each) => {
      const last: string[] = [];
      while (last.length < count) {
        const { data } = await nextEvent(each);
        const { currentTime }: { readonly currentTime: number } = JSON.parse(data);
        if (currentTime > since) last.push(data);
      }
      return last;
    }),
  );
}

describe("hystrix.stream of several workers", () => {
  it("adds up what each of them says, as Turbine would", async () => {
    const away = new AbortController();
    const hanging: Promise<unknown>[] = [];
    const [[together = ""] = [], ...each] = await records([all, ...pages], 1, async () => {
      await call(0, 6);
      await call(1, 3);
      backend.behaviour.status = 500;
      await call(0, 8);
      await call(2, 1);
      backend.behaviour.takesMs = 60_000;
      for (const mesh of meshes.slice(1)) {
        const asked = backend.asked();
        hanging.push(mesh.service("orders").GET("/a", { signal: away.signal }));
        await asked;
      }
    });
    const { numbers } = readByTurbine(together);
    const own = each.map(([data = ""]) => readByTurbine(data));
    for (const [key, value] of Object.entries(numbers)) {
      if (!/^(rolling|currentConc|errorCount|requestCount|reportingHosts)/.test(key)) continue;
      // The most in flight at once is that of all together, and not when each had its own.
      if (key === "rollingMaxConcurrentExecutionCount") continue;
      expect([key, value]).toEqual([key, own.reduce((sum, one) => sum + one.numbers[key]!, 0)]);
    }
    const record = readByDashboard(together);
    expect(record).toMatchObject({
      name: "orders",
      group: "orders",
      reportingHosts: 3,
      currentConcurrentExecutionCount: 2,
      requestCount: 18,
      rollingCountSuccess: 9,
      rollingCountFailure: 7,
      rollingCountShortCircuited: 2,
      isCircuitBreakerOpen: '{"false":2,"true":1}',
      propertyValue_circuitBreakerRequestVolumeThreshold: 10,
      propertyValue_executionTimeoutInMilliseconds: '{"30000":1,"60000":2}',
    });
    // What a reader divides by the number of hosts comes to what is so of all calls.
    expect(Number(record["errorPercentage"]) / 3).toBe(50);
    expect(ratePerSecond(record)).toBe(1.8);
    away.abort();
    await Promise.allSettled(hanging);
  });

  it("tells percentiles of all calls, where means of the workers' own would be others", async () => {
    const [[together = ""] = []] = await records([all], 1, async () => {
      await call(0, 18, 10);
      await call(1, 1, 20);
      await call(2, 1, 400);
    });
    const record = readByDashboard(together);
    const seen = latencies(record);
    for (const [percent, ms] of [
      [0, 10],
      [90, 10],
      [95, 20],
      [99, 400],
    ] as const) {
      expect(Math.abs(seen[String(percent)]! / 3 / ms - 1)).toBeLessThan(0.06);
    }
    expect(Math.abs(Number(record["latencyExecute_mean"]) / 3 - 30)).toBeLessThanOrEqual(1);
  });

  it("has one command for each circuit, open where all say so", async () => {
    const [seen = []] = await records([all], 2, async () => {
      await call(0, 2, 0, "/own");
      await call(1, 3, 0, "/own");
      await call(1, 4);
      for (const mesh of meshes) mesh.circuit("orders", "/own").setMode("forced-open");
    });
    const [orders, own] = seen.map((data) => readByDashboard(data));
    expect(orders).toMatchObject({ name: "orders", requestCount: 4, isCircuitBreakerOpen: false });
    expect(circuitStatus(orders!)).toBe("Closed");
    expect(own).toMatchObject({
      name: "orders /own",
      requestCount: 5,
      isCircuitBreakerOpen: true,
      propertyValue_circuitBreakerForceOpen: true,
      propertyValue_circuitBreakerRequestVolumeThreshold: 7,
    });
  });

  it("leaves out who does not answer, and what is older than ten seconds", async () => {
    const [[before = ""] = []] = await records([all], 1, async () => {
      for (const worker of meshes.keys()) await call(worker, 1);
    });
    expect(readByDashboard(before)).toMatchObject({ reportingHosts: 3, requestCount: 3 });
    const [[after = ""] = []] = await records([all], 1, async () => {
      workers.late.add("w1");
      for (let i = 0; i < 20; i++) await clock.advance(500);
    });
    expect(readByDashboard(after)).toMatchObject({ reportingHosts: 2, requestCount: 0 });
  });
});
