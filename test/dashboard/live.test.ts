import { setTimeout as wait } from "node:timers/promises";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { agree } from "./support/agreement.ts";
import { attack } from "./support/attack.ts";
import { openPage, startBrowser } from "./support/browser.ts";
import { setStage, watch } from "./support/stage.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 300_000);
afterAll(() => browser.close());

describe("what the page draws is what mesh.inspect() says", () => {
  it("while endpoints are ejected, taken out, put in, and come back", { timeout: 120_000 }, async () => {
    await using stage = await setStage(5, { retry: false, balancer: "round-robin" });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    await stage.call(20);
    expect((await agree(page, stage)).endpoints).toHaveLength(5);

    stage.backends[0]!.behaviour.status = 500;
    await stage.call(60);
    const { endpoints } = await agree(page, stage);
    expect(endpoints.filter(([, state]) => state === "ejected")).toHaveLength(1);

    const [, second, third] = stage.backends;
    stage.discovery.remove("orders", second!.address);
    await agree(page, stage);

    const [host = "", port] = third!.address.split(":");
    stage.discovery.add("orders", { host, port: Number(port), health: "draining", weight: 3 });
    const drained = await agree(page, stage);
    expect(drained.endpoints.map(([, state]) => state)).toContain("draining");

    stage.discovery.add("orders", second!.address);
    await agree(page, stage);

    stage.backends[0]!.behaviour.status = 200;
    await stage.clock.advance(60_000);
    for (let round = 0; round < 20; round++) {
      await stage.call(20);
      await stage.clock.advance(500);
    }
    const back = await agree(page, stage);
    expect(back.endpoints.map(([, state]) => state).filter((state) => state === "ejected")).toEqual([]);
    const news = page.locator("#events li");
    for (const type of ["endpoint.ejected", "endpoint.removed", "endpoint.returned"]) {
      expect(await news.and(page.locator(`[data-type="${type}"]`)).count()).toBeGreaterThan(0);
    }
    expect(looked.complaints).toEqual([]);
  });

  it("while a circuit opens, tries again and closes", async () => {
    const options = { retry: false, circuit: { minCalls: 10, openMs: 5_000, openJitter: 0 } } as const;
    await using stage = await setStage(2, { ...options, outlierDetection: false });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    await stage.call(5);
    expect((await agree(page, stage)).circuits[0]?.[1]).toBe("closed");
    for (const { behaviour } of stage.backends) behaviour.status = 503;
    await stage.call(20);
    expect((await agree(page, stage)).circuits[0]?.[1]).toBe("open");
    expect(await page.locator('[data-service="orders"] .verdict').innerText()).toContain("circuit open");
    await stage.clock.advance(5_000);
    for (const { behaviour } of stage.backends) behaviour.status = 200;
    stage.backends[0]!.behaviour.delayMs = 60_000;
    stage.backends[1]!.behaviour.delayMs = 60_000;
    // What ends as a second does might count for the one or the other.
    await stage.clock.advance(50);
    const probe = stage.call(1);
    await Promise.race(stage.backends.map((backend) => backend.asked()));
    const { circuits, inFlight } = await agree(page, stage);
    expect([circuits[0]?.[1], inFlight]).toEqual(["half-open", "1"]);
    await stage.clock.advance(60_000);
    await probe;
    for (const { behaviour } of stage.backends) behaviour.delayMs = 0;
    await stage.clock.advance(60_000);
    await stage.call(5);
    expect((await agree(page, stage)).circuits[0]?.[1]).toBe("closed");
    expect(looked.complaints).toEqual([]);
  });

  it("while there is a panic, and while attempts are in flight", async () => {
    await using stage = await setStage(3, { retry: false, bulkhead: { maxConcurrent: 8 } });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    for (const { behaviour } of stage.backends) behaviour.delayMs = 60_000;
    const calls = Promise.all([stage.call(1), stage.call(1)]);
    await Promise.race(stage.backends.map((backend) => backend.asked()));
    expect(await agree(page, stage)).toMatchObject({
      inFlight: "2",
      guards: { bulkhead: "2 of 8 in flight" },
    });
    stage.discovery.set(
      "orders",
      stage.backends.map(({ address }, i) => {
        const [host = "", port] = address.split(":");
        return { host, port: Number(port), health: i === 0 ? ("healthy" as const) : ("unhealthy" as const) };
      }),
    );
    expect((await agree(page, stage)).balancer).toContain("in panic");
    await stage.clock.advance(60_000);
    await calls;
    expect(looked.complaints).toEqual([]);
  });
});

describe("what the page draws is what was measured", () => {
  it("while one endpoint turns slow: latency, cost, shares and percentiles", async () => {
    await using stage = await setStage(3, { retry: false, balancer: "success-aware-ewma" });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    await stage.call(3);
    await agree(page, stage);
    // So that each percentile is another one.
    for (const [i, takesMs] of [200, 20, 40].entries()) stage.backends[i]!.behaviour.takesMs = takesMs;
    for (let round = 0; round < 4; round++) {
      await stage.callSlowly(10);
      await agree(page, stage);
    }
    const { endpoints, latency } = await agree(page, stage);
    // Nothing was called since: there is nothing to draw.
    expect(latency).toEqual([undefined, undefined]);
    const shares = Object.fromEntries(endpoints.map(([address, , , , , , share]) => [address, share]));
    const slow = Number.parseFloat(shares[stage.backends[0]!.address] ?? "");
    // A third would be its share.
    expect(slow).toBeLessThan(30);
    expect(looked.complaints).toEqual([]);
  });

  it("while calls are hedged, and while calls are retried", async () => {
    await using stage = await setStage(3, { hedge: { delayMs: 50 }, balancer: "round-robin" });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    await stage.call(40);
    await agree(page, stage);
    stage.backends[0]!.behaviour.takesMs = 300;
    // No more of them than the budget pays for.
    await stage.callSlowly(6, 50);
    const hedged = await agree(page, stage);
    expect(hedged.guards).toMatchObject({ "hedges lately": expect.stringMatching(/^[1-9]/u) });
    stage.backends[0]!.behaviour.takesMs = 0;
    stage.backends[0]!.behaviour.status = 503;
    // A retry waits before it goes.
    stage.mesh.on("call.retried", ({ delayMs }) => {
      setImmediate(() => void stage.clock.advance(Math.ceil(delayMs)));
    });
    await stage.call(9);
    const { traffic } = await agree(page, stage);
    expect(traffic[2]).not.toBe("0 %");
    expect(looked.complaints).toEqual([]);
  });

  it("while the service has too much and calls are throttled", async () => {
    await using stage = await setStage(2, {
      retry: false,
      circuit: false,
      outlierDetection: false,
      adaptiveThrottling: { minRequests: 5 },
    });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    await stage.call(10);
    await agree(page, stage);
    for (const { behaviour } of stage.backends) behaviour.status = 503;
    await stage.call(60);
    const throttled = await agree(page, stage);
    expect(throttled.guards).toMatchObject({ "throttled, critical": expect.stringMatching(/^[1-9]\d %$/u) });
    expect(throttled.traffic[1]).toMatch(/^(?:9\d|100) %$/u);
    expect(looked.complaints).toEqual([]);
  });

  it("while calls wait for a rate, and for a limit that is learnt", async () => {
    await using stage = await setStage(2, {
      retry: false,
      rateLimit: { tokensPerSecond: 4, burst: 16, maxWaitMs: 60_000 },
      adaptiveConcurrency: { initialLimit: 3 },
    });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    await stage.call(5);
    await agree(page, stage);
    for (const { behaviour } of stage.backends) behaviour.takesMs = 30_000;
    // The bucket is full again, and the next tokens come at other times than the looks.
    await stage.clock.advance(550);
    const calls = Promise.all(Array.from({ length: 40 }, () => stage.call(1)));
    await expect.poll(() => stage.mesh.inspect().services[0]?.calls).toBe(40);
    const { guards } = await agree(page, stage);
    expect(guards).toMatchObject({
      rate: "4/s, 0.8 tokens left, 23 waiting",
      "concurrency, adaptive": "3 of 3 in flight, 14 waiting, pressure 0 %",
    });
    while (stage.mesh.inspect().services[0]!.calls > 0) await stage.clock.advance(1_000);
    await calls;
    expect(looked.complaints).toEqual([]);
  });
});

describe("the page in a browser", () => {
  it("asks for nothing but itself, and can run nothing else", async () => {
    await using stage = await setStage(2);
    await using looked = await openPage(browser);
    const { complaints, page, requests } = looked;
    await watch(page, stage);
    await stage.call(3);
    await agree(page, stage);
    await wait(500);
    expect(requests.map((url) => url.slice(stage.url.length - 1))).toEqual(["/", "/session", "/events"]);
    expect(requests.every((url) => url.startsWith(stage.url))).toBe(true);
    expect(complaints).toEqual([]);
    // Whatever got into the page could neither run nor send anything away.
    const escaped: { violated: string[]; title: string } = await page.evaluate(attack);
    expect(escaped.title).not.toBe("ran");
    expect(escaped.violated).toEqual(
      expect.arrayContaining(["require-trusted-types-for", "img-src", "style-src-attr", "connect-src"]),
    );
    expect(looked.answered.every((url) => url.startsWith(stage.url))).toBe(true);
  });

  it("may not be framed by another page", async () => {
    await using stage = await setStage(1);
    await using looked = await openPage(browser);
    await looked.page.goto(`http://127.0.0.1:${stage.served.port}/other`);
    await looked.page.evaluate(
      `document.body.append(Object.assign(document.createElement("iframe"), { src: ${JSON.stringify(stage.url)} }))`,
    );
    await expect
      .poll(() => looked.page.frames().map((frame) => frame.url()), { timeout: 10_000 })
      .toContain("chrome-error://chromewebdata/");
  });

  it("signs in, operates a circuit, and signs out", async () => {
    const token = "correct-horse-battery";
    await using stage = await setStage(2, {}, { token });
    await using looked = await openPage(browser);
    const { page } = looked;
    await page.goto(stage.url);
    await page.getByLabel("Token").fill("wrong-horse-battery!");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("That is not the token.").waitFor();
    expect(await page.locator("#content").isHidden()).toBe(true);
    await page.getByLabel("Token").fill(token);
    await page.keyboard.press("Enter");
    await page.locator("#content").waitFor();
    await agree(page, stage);
    await page.getByLabel("Mode of the circuit of service").selectOption("forced-open");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByText("done").waitFor();
    expect((await agree(page, stage)).circuits[0]?.[1]).toBe("open, forced open");
    await page.reload();
    await page.locator("#content").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    await expect.poll(() => stage.served.dashboard.watchers).toBe(0);
    // The browser itself notes the refusal.
    expect(looked.complaints.filter((text) => !text.includes("403"))).toEqual([]);
  });

  it("stands still while it is paused, can be gone through then, and catches up", async () => {
    await using stage = await setStage(2, { retry: false });
    stage.discovery.set("users", []);
    await stage.mesh.ready("users");
    await using looked = await openPage(browser);
    const { page } = looked;
    // What makes no sense in an address names nothing.
    await page.goto(`${stage.url}#/%E0%A4%A`);
    await page.getByText("live · 2 services, 2 endpoints").waitFor();
    await stage.look();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("paused").waitFor();
    const [first] = stage.backends;
    stage.discovery.remove("orders", first!.address);
    await stage.look();
    await page.locator('[data-service="orders"]').click();
    await page.getByRole("heading", { name: "orders", exact: true }).waitFor();
    expect(await page.locator("[data-endpoint]").count()).toBe(2);
    await stage.look();
    expect(await page.locator("#status").innerText()).toBe("paused");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("live · 2 services, 1 endpoint").waitFor();
    expect((await agree(page, stage)).endpoints).toHaveLength(1);
    expect(await page.locator('#events [data-type="endpoint.removed"]').count()).toBe(1);
    expect(looked.complaints).toEqual([]);
  });

  it("comes back by itself when its connection breaks", async () => {
    await using stage = await setStage(2);
    await using looked = await openPage(browser);
    const { page } = looked;
    await page.goto(stage.url);
    await page.getByText("live · 1 service, 2 endpoints").waitFor();
    await looked.page.context().setOffline(true);
    await page.getByText("connection lost").waitFor();
    await looked.page.context().setOffline(false);
    await page.getByText("live · 1 service, 2 endpoints").waitFor();
    await stage.call(2);
    expect((await agree(page, stage)).endpoints).toHaveLength(2);
  });
});
