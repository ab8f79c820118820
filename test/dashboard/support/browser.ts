import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

import { installServer } from "../../../scripts/servers/index.ts";
import { keepCharts } from "./charts.ts";

/** A page in a real browser, and everything that a page should not do. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** What it asked for, as URLs. */
  readonly requests: readonly string[];
  /** What it asked for and was not kept from. */
  readonly answered: readonly string[];
  /** Console messages of the kinds error and warning, and errors that nobody caught. */
  readonly complaints: readonly string[];
}

/** Starts Chromium without a window; installs it without root if need be. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await installServer("chromium"),
    // Containers have neither a sandbox's kernel rights nor much shared memory; it only ever sees pages of ours.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** Opens an empty page of its own, with no cookies and no cache. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ timezoneId: "UTC", locale: "en-GB", ...options });
  await context.addInitScript(keepCharts);
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  const answered: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("response", (response) => answered.push(response.url()));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, requests, answered, complaints, [Symbol.asyncDispose]: () => context.close() };
}
