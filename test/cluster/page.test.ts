import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openPage, startBrowser } from "../dashboard/support/browser.ts";
import { HystrixDashboard } from "../dashboard/support/hystrix-dashboard.ts";
import { Stage } from "./support/stage.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 300_000);
afterAll(() => browser.close());

async function shows(page: Page, selector: string, texts: readonly string[]): Promise<void> {
  const read = async (): Promise<readonly string[]> => page.locator(selector).allInnerTexts();
  await expect.poll(read, { timeout: 30_000 }).toEqual(texts);
}

it("one page shows what all workers do, and where they differ", { timeout: 180_000 }, async () => {
  await using stage = await Stage.start(5_000);
  const [one = "", two = "", thread = ""] = await stage.add("cluster", "cluster", "thread");
  const quiet = await stage.tell(one, { op: "count" });
  await using looked = await openPage(browser);
  const { page } = looked;
  await page.goto(String(await stage.ask({ op: "page" })));
  for (const worker of [one, two, thread]) {
    await stage.tell(worker, { op: "call", path: "/200", times: 5 });
    await stage.tell(worker, { op: "hang", path: "/hang" });
  }
  await shows(page, '[data-fact="in flight"]', ["3"]);
  await shows(page, "[data-endpoint] td.pending", ["3"]);
  await shows(page, "[data-endpoint] th b", [stage.service.address]);
  await shows(page, "[data-circuit] b", ["service"]);
  await shows(page, "[data-circuit] .verdict", ["closed"]);
  await shows(page, "[data-circuit] small", ["0 % of 15 failed"]);

  await stage.tell(two, { op: "call", path: "/500", times: 80 });
  await shows(page, "[data-circuit] b", [`service (${one}, ${thread})`, `service (${two})`]);
  await shows(page, "[data-circuit] .verdict", ["closed", "open"]);
  const opened = page.locator('#events [data-type="circuit.opened"]');
  expect(await opened.innerText()).toContain(two);

  await shows(page, '#events [data-type="worker.late"]', []);
  stage.begin(thread, { op: "block", times: 600_000 });
  await shows(page, '#events [data-type="worker.late"] b', [thread]);
  await shows(page, '[data-fact="in flight"]', ["2"]);
  await stage.ask({ op: "kill", worker: thread });
  await shows(page, '#events [data-type="worker.ended"] b', [thread]);
  expect(looked.complaints).toEqual([]);
  // The page asks for no metrics.
  expect((await stage.tell(one, { op: "count" })).collections).toBe(quiet.collections);
});

it("asks nobody when the page is closed", { timeout: 120_000 }, async () => {
  await using stage = await Stage.start();
  const [worker = ""] = await stage.add("cluster");
  const url = String(await stage.ask({ op: "page" }));
  const said = async (): Promise<number> => (await stage.lines()).said;
  const before = await said();
  {
    await using looked = await openPage(browser);
    await looked.page.goto(url);
    await stage.tell(worker, { op: "call", path: "/200", times: 1 });
    await looked.page.getByText("live · 1 service, 1 endpoint").waitFor();
  }
  expect(await said()).toBeGreaterThan(before);
  await expect
    .poll(
      async () => {
        const now = await said();
        await stage.tell(worker, { op: "block", times: 3_000 });
        return (await said()) - now;
      },
      { timeout: 60_000 },
    )
    .toBe(0);
});

it("the dashboard of Hystrix itself draws what all workers do", { timeout: 180_000 }, async () => {
  await using stage = await Stage.start();
  const [one = "", two = "", thread = ""] = await stage.add("cluster", "process", "thread");
  await using dashboard = await HystrixDashboard.start(
    `${String(await stage.ask({ op: "page" }))}hystrix.stream`,
  );
  await using looked = await openPage(browser);
  await dashboard.open(looked.page);
  const draws = async (circuit: Readonly<Record<string, string>>): Promise<void> => {
    await expect.poll(() => dashboard.read(looked.page), { timeout: 30_000 }).toMatchObject([circuit]);
  };
  // Who has made no call has no circuit.
  const workers = [one, two, thread];
  for (const worker of workers) await stage.tell(worker, { op: "call", path: "/200", times: 1 });
  await draws({ name: "orders", hosts: "3", status: "Circuit Closed" });
  await draws({ successes: "0" });
  for (const worker of workers) await stage.tell(worker, { op: "call", path: "/200", times: 10 });
  await draws({ hosts: "3", status: "Circuit Closed", successes: "30", errors: "0.0 %", perSecond: "3.0" });
  await stage.tell(two, { op: "call", path: "/500", times: 60 });
  await draws({ hosts: "3", status: 'Circuit {"Closed":2,"Open":1}' });
  await stage.ask({ op: "kill", worker: thread });
  await draws({ hosts: "2", status: 'Circuit {"Closed":1,"Open":1}' });
  expect(looked.complaints).toEqual([]);
});
