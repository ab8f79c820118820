import { setTimeout as wait } from "node:timers/promises";

import { createMesh, staticSource } from "@proxyless/core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { serve } from "../../packages/dashboard/test/support/served.ts";
import { Backend } from "./support/backend.ts";
import { openPage, startBrowser } from "./support/browser.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 300_000);
afterAll(() => browser.close());

const endpoints = 1_000;
const callsPerSecond = 2_000;
const maxInFlight = 50;
/** What a machine that is busy with other tests reaches as well: so many come through when each of those in flight takes a quarter of a second. */
const leastPerSecond = 4 * maxInFlight;
/** A tick's drawing takes some 20 ms, here up to fifty times as long: a longer one is a freeze, on a busy machine as well. */
const longestTaskMs = 1_000;

/** Runs in the page: notes the tasks of its thread that take longer than 50 ms. */
const noteLongTasks = `{
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longTasks.push(duration);
  }).observe({ type: "longtask" });
}`;

it("stays smooth with 1,000 endpoints and 2,000 calls a second", { timeout: 120_000 }, async () => {
  await using backend = await Backend.start({}, "0.0.0.0");
  const [, port = ""] = backend.address.split(":");
  // One server, and a thousand addresses of it.
  const addresses = Array.from({ length: endpoints }, (_, i) => `127.0.${1 + (i >> 8)}.${i & 255}:${port}`);
  await using mesh = createMesh({ discovery: staticSource({ orders: addresses }) });
  await mesh.ready("orders");
  await using served = await serve({ mesh });
  await using looked = await openPage(browser, { viewport: { width: 1_400, height: 1_000 } });
  const { page } = looked;
  await page.goto(`http://127.0.0.1:${served.port}${served.dashboard.path}`);
  const orders = mesh.service("orders");
  const end = new AbortController();
  // At that pace where the machine can; one that is busy with other tests gets fewer, not a heap of late ones.
  let inFlight = 0;
  let answered = 0;
  const traffic = (async (): Promise<void> => {
    let before = performance.now();
    let due = 0;
    while (!end.signal.aborted) {
      await wait(5);
      const now = performance.now();
      due = Math.min(due + ((now - before) / 1000) * callsPerSecond, maxInFlight - inFlight);
      before = now;
      for (; due >= 1; due--) {
        inFlight++;
        void orders
          .GET("/orders")
          .then(
            () => answered++,
            () => undefined,
          )
          .finally(() => inFlight--);
      }
    }
  })();
  await page.getByText("1–25 of 1,000").waitFor({ timeout: 30_000 });
  await wait(3_000);

  // The processor's time that the page's own thread takes, as the browser counts it: the same on a machine that is busy.
  const debug = await page.context().newCDPSession(page);
  await debug.send("Performance.enable", { timeDomain: "threadTicks" });
  const busySeconds = async (): Promise<number> => {
    const { metrics } = await debug.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
  };
  await page.evaluate(noteLongTasks);
  const [before, answeredBefore, startedAt] = [await busySeconds(), answered, performance.now()];
  await wait(8_000);
  const seconds = (performance.now() - startedAt) / 1000;
  expect((answered - answeredBefore) / seconds).toBeGreaterThan(leastPerSecond);
  expect(((await busySeconds()) - before) / seconds).toBeLessThan(0.3);

  expect(await page.locator("[data-endpoint]").count()).toBe(25);
  expect(await page.locator("*").count()).toBeLessThan(2_000);
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("26–50 of 1,000").waitFor();
  await page.getByRole("searchbox", { name: "Filter" }).fill("127.0.2.7:");
  await page.getByText("1–1 of 1").waitFor();
  expect(await page.locator('[data-fact="calls"]').innerText()).toMatch(/^[1-9][\d,.]*\/s$/);
  expect(await page.locator('[data-fact="failed"]').innerText()).toBe("0 %");
  const longTasks: number[] = await page.evaluate("window.longTasks");
  expect(Math.max(0, ...longTasks)).toBeLessThan(longestTaskMs);
  end.abort();
  await traffic;
  expect(looked.complaints).toEqual([]);
});
