import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openPage, startBrowser } from "./support/browser.ts";
import { HystrixDashboard } from "./support/hystrix-dashboard.ts";
import { setStage } from "./support/stage.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 300_000);
afterAll(() => browser.close());

it("the dashboard of Hystrix itself draws the circuits of a mesh", { timeout: 60_000 }, async () => {
  await using stage = await setStage(2, {
    retry: false,
    outlierDetection: false,
    circuit: { minCalls: 10, failureRatio: 0.5, openJitter: 0 },
    routes: [{ match: { path: "/own" }, circuit: {} }],
  });
  await using dashboard = await HystrixDashboard.start(`${stage.url}hystrix.stream`);
  await using looked = await openPage(browser);
  const { page } = looked;
  await dashboard.open(page);
  await expect.poll(() => stage.served.dashboard.watchers).toBe(1);
  const draws = async (...circuits: readonly Readonly<Record<string, string>>[]): Promise<void> => {
    await stage.clock.advance(500);
    await expect.poll(() => dashboard.read(page), { timeout: 10_000 }).toMatchObject(circuits);
  };

  for (const { behaviour } of stage.backends) behaviour.takesMs = 40;
  await stage.callSlowly(6);
  const quiet = { errors: "0.0 %", failures: "0", refused: "0", timeouts: "0", rejected: "0" };
  await draws(
    { ...quiet, name: "orders", status: "Circuit Closed", successes: "6", median: "40ms", p99: "40ms" },
    { ...quiet, name: "orders /own", status: "Circuit Closed", successes: "0", perSecond: "0.0" },
  );

  for (const { behaviour } of stage.backends) Object.assign(behaviour, { takesMs: 0, status: 500 });
  await stage.call(10);
  // With the sixth of twelve the circuit opened; the rest was refused.
  await draws(
    {
      name: "orders",
      status: "Circuit Open",
      successes: "6",
      failures: "6",
      refused: "4",
      errors: "62.0 %",
      perSecond: "1.6",
    },
    { name: "orders /own", status: "Circuit Closed" },
  );

  stage.mesh.circuit("orders", "/own").setMode("forced-open");
  stage.mesh.circuit("orders").setMode("forced-closed");
  await draws(
    { name: "orders", status: "[ Forced Closed ] Circuit Closed" },
    { name: "orders /own", status: "Circuit Forced Open" },
  );
  // What it refuses it says in the console, and draws nothing.
  expect(looked.complaints).toEqual([]);
});
