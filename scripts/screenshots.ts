// Takes the pictures of docs/dashboard.md, from a mesh that runs and a browser that looks: node scripts/screenshots.ts
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { openPage, startBrowser } from "../test/dashboard/support/browser.ts";
import type { WatchedPage } from "../test/dashboard/support/browser.ts";
import { setScene } from "./dashboard-scene.ts";

const folder = resolve(import.meta.dirname, "../docs/images");
const token = "shown-to-nobody-at-all";
/** So long all is well, and so long there is trouble, in milliseconds: as much of the past as the charts show. */
const wellMs = 100_000;
const troubledMs = 12_000;

const pictures = {
  "dashboard-light": { viewport: { width: 1_400, height: 1_180 }, colorScheme: "light" },
  "dashboard-dark": { viewport: { width: 1_400, height: 1_180 }, colorScheme: "dark" },
  "dashboard-phone": { viewport: { width: 390, height: 844 }, colorScheme: "light", deviceScaleFactor: 2 },
} as const;

async function signIn({ page }: WatchedPage, url: string): Promise<void> {
  await page.goto(`${url}#/orders`);
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await page.locator("#content").waitFor();
}

await mkdir(folder, { recursive: true });
await using scene = await setScene(token);
await using browser = await startBrowser();
const opened: (readonly [string, WatchedPage])[] = [];
for (const [name, options] of Object.entries(pictures)) {
  const looked = await openPage(browser, options);
  await signIn(looked, scene.url);
  opened.push([name, looked]);
}
await wait(wellMs);
scene.break();
await wait(troubledMs);
for (const [name, { page }] of opened) {
  await page.screenshot({ path: join(folder, `${name}.png`) });
  console.log(join(folder, `${name}.png`));
}
// Why an endpoint was picked, on its own: it stands far down the page.
const [, light] = opened[0]!;
await light.page.getByRole("button", { name: "Pause" }).click();
await light.page.locator(".calls summary").filter({ hasText: "2 attempts" }).first().click();
const call = light.page.locator("section", { has: light.page.locator("#calls-title") });
await call.screenshot({ path: join(folder, "dashboard-call.png") });
console.log(join(folder, "dashboard-call.png"));
