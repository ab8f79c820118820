import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openPage, startBrowser } from "./support/browser.ts";
import { setStage } from "./support/stage.ts";
import type { Stage } from "./support/stage.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 300_000);
afterAll(() => browser.close());

const desktop = { width: 1_400, height: 1_000 };
const tablet = { width: 800, height: 1_100 };
const phone = { width: 390, height: 844 };
const looks: readonly (readonly [string, BrowserContextOptions])[] = [
  ["in light", { viewport: desktop, colorScheme: "light" }],
  ["in dark", { viewport: desktop, colorScheme: "dark" }],
  ["on a tablet", { viewport: tablet, colorScheme: "light", hasTouch: true }],
  ["on a phone in light", { viewport: phone, colorScheme: "light", hasTouch: true }],
  ["on a phone in dark", { viewport: phone, colorScheme: "dark", hasTouch: true }],
];
const longPath = "/customers/{customerId}/relationships/{relationshipId}/history";
const token = "correct-horse-battery";

/** Everything there is to see: endpoints that are ejected, drain and are ill, an open circuit, calls, limits, long names. */
async function trouble(): Promise<Stage> {
  const stage = await setStage(
    30,
    {
      balancer: "round-robin",
      // Back-offs would wait for a clock that stands still.
      retry: false,
      circuit: { minCalls: 1_000 },
      bulkhead: { maxConcurrent: 10 },
      rateLimit: { tokensPerSecond: 10_000, burst: 10_000 },
      routes: [
        { match: { path: "/own" }, circuit: {} },
        { match: { path: longPath }, circuit: {}, bulkhead: { maxConcurrent: 5 }, hedge: { delayMs: 50 } },
      ],
    },
    { token },
  );
  const [host = "", port] = stage.backends[1]!.address.split(":");
  stage.discovery.add("orders", {
    host,
    port: Number(port),
    health: "draining",
    version: "2.0.1",
    locality: { zone: "a" },
  });
  stage.discovery.add("orders", {
    host: "2001:db8:85a3:8d3:1319:8a2e:370:7348",
    port: 65_535,
    health: "unhealthy",
    version: "2026.11.21-with-a-name-that-somebody-thought-to-be-helpful",
  });
  stage.mesh.circuit("orders", "/own").setMode("forced-open");
  return stage;
}

/** Opens the page, and lets things happen while it is looked at. */
async function see(page: Page, stage: Stage): Promise<void> {
  await page.goto(stage.url);
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  // Calls are counted from when it is connected.
  await page.locator('#status[data-status="live"]').waitFor();
  stage.backends[0]!.behaviour.status = 503;
  await stage.call(200);
  await stage.look();
  await stage.call(5);
  await stage.look();
  await page.locator(".calls details").first().waitFor();
}

/** Runs in the page: what reaches over its own edge, without being cut with an ellipsis. */
const tooWide = `[document.documentElement, ...document.querySelectorAll("main *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .filter((each) => !each.matches(".unseen") && getComputedStyle(each).display !== "inline")
  .filter((each) => getComputedStyle(each).textOverflow !== "ellipsis")
  .map((each) => each.outerHTML.slice(0, 200))`;

/** What axe-core finds, in short. */
async function violations(page: Page): Promise<readonly string[]> {
  // By the debugger, which the page's policy does not concern.
  await page.evaluate(axe.source);
  const { incomplete, violations: found }: axe.AxeResults = await page.evaluate(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`,
  );
  const unsure = incomplete.filter(({ id }) => id === "color-contrast");
  return [...found, ...unsure].map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ failureSummary = "", html }) => `${html}\n${failureSummary}`).join("\n")}`,
  );
}

describe.each(looks)("the page %s", (_, options) => {
  it("has nothing that axe-core objects to, and no line that is too long for it", async () => {
    await using stage = await trouble();
    await using looked = await openPage(browser, options);
    const { page } = looked;
    await page.goto(stage.url);
    await page.getByLabel("Token").waitFor();
    expect(await violations(page)).toEqual([]);
    await see(page, stage);
    await page.locator(".calls summary").first().click();
    await page.locator(".explanation").first().waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(tooWide)).toEqual([]);
    expect(looked.complaints).toEqual([]);
  });
});

describe("the page without a mouse", () => {
  it("is gone through by keyboard, and keeps the focus while it changes", async () => {
    await using stage = await trouble();
    stage.discovery.set("users", []);
    await stage.mesh.ready("users");
    await using looked = await openPage(browser, { viewport: desktop });
    const { page } = looked;
    await see(page, stage);
    await page.reload();
    await page.locator("#content").waitFor();
    await page.locator('[data-service="users"]').waitFor();
    const focused = (): Promise<string> =>
      page.evaluate(
        "(document.activeElement.getAttribute('data-service') ?? document.activeElement.innerText).trim()",
      );
    const tabTo = async (name: string): Promise<void> => {
      for (let i = 0; i < 60 && (await focused()) !== name; i++) await page.keyboard.press("Tab");
      expect(await focused()).toBe(name);
    };
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Skip to the service");
    await tabTo("users");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "users", exact: true }).waitFor();
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Space");
    await page.getByRole("heading", { name: "orders", exact: true }).waitFor();

    await tabTo("Share");
    await page.keyboard.press("Enter");
    const sorted = page.getByRole("columnheader", { name: "Share" });
    expect(await sorted.getAttribute("aria-sort")).toBe("descending");
    await page.keyboard.press("Enter");
    expect(await sorted.getAttribute("aria-sort")).toBe("ascending");

    await tabTo("Next");
    await page.keyboard.press("Enter");
    await page.getByText("26–31 of 31").waitFor();
    expect(await focused()).toBe("Previous");
    const calls = page.locator('[data-fact="calls"]');
    await stage.call(60);
    await stage.look();
    await expect.poll(() => calls.innerText()).toBe("60/s");
    expect(await focused()).toBe("Previous");

    await page.getByRole("searchbox", { name: "Filter" }).focus();
    await page.keyboard.type("ejected");
    await expect.poll(() => page.locator("[data-endpoint]").count()).toBe(1);
    await stage.look();
    expect(await page.getByRole("searchbox", { name: "Filter" }).inputValue()).toBe("ejected");

    await page.locator(".calls summary").first().focus();
    await page.keyboard.press("Enter");
    const open = page.locator(".calls details[open]");
    const text = await open.innerText();
    await stage.call(20);
    await stage.look();
    // What is being read neither closes nor changes.
    expect(await open.innerText()).toBe(text);
    expect(looked.complaints).toEqual([]);
  });

  it("says aloud what broke, and has a name for everything", async () => {
    await using stage = await trouble();
    await using looked = await openPage(browser, { viewport: desktop });
    const { page } = looked;
    await see(page, stage);
    await expect.poll(() => page.locator("#announcements").textContent()).toMatch(/^orders: .* ejected for /);
    const tree = await page.locator("main").ariaSnapshot();
    expect(tree).toContain('img "Latency: now p99');
    expect(tree).toMatch(/button "orders ■ circuit open .* of 31 endpoints open"/);
    expect(tree).toMatch(/rowheader "127\.0\.0\.1:\d+/);
    expect(tree).toContain('combobox "Mode of the circuit of /own"');
    await page.getByRole("button", { name: "Pause" }).click();
    expect(await page.getByRole("button", { name: "Pause" }).getAttribute("aria-pressed")).toBe("true");
    const before = await page.locator("#service").innerText();
    await stage.call(30);
    await stage.look();
    expect(await page.locator("#service").innerText()).toBe(before);
  });
});
