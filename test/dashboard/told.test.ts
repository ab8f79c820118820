import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { FakeRegistry } from "../../packages/core/test/registration/support/fake-registry.ts";
import { agree } from "./support/agreement.ts";
import { openPage, startBrowser } from "./support/browser.ts";
import { setStage, watch } from "./support/stage.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
}, 300_000);
afterAll(() => browser.close());

/** What is said of the events of a type, the newest first. */
async function told(page: Page, type: string): Promise<readonly string[]> {
  return page.locator(`#events [data-type="${type}"] span`).allInnerTexts();
}

describe("what the page tells in words", () => {
  it("is why an endpoint was picked, also where the call has closed it", async () => {
    await using stage = await setStage(3, { retry: false, balancer: "round-robin" });
    const [failing = "", healthy = "", draining = ""] = stage.backends.map(({ address }) => address);
    const [host = "", port] = draining.split(":");
    stage.discovery.add("orders", { host, port: Number(port), health: "draining" });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    const explained = async (text: string): Promise<readonly (readonly string[])[]> => {
      const call = page.locator(".calls details").filter({ hasText: text }).first();
      await call.locator("summary").click();
      const parts = ["p", "th, td", "ul li"].map((part) => call.locator(`.explanation ${part}`));
      return Promise.all(parts.map(async (part) => part.allInnerTexts()));
    };
    const hint = "All of this is as it stood at the look after the call, no longer as it was compared.";
    const balanced = "chosen by the balancer round-robin, which takes each in turn.";
    const head = ["Endpoint", "Cost", "In flight", "Latency"];

    await stage.call(1);
    const { endpoints } = await agree(page, stage);
    const called = endpoints.find(([, , , , , , share]) => share === "100 %")?.[0] ?? "";
    const other = called === failing ? healthy : failing;
    const latency = (address: string): string => endpoints.find(([each]) => each === address)?.[7] ?? "";
    expect(await explained("GET")).toEqual([
      [
        `It went to ${called}, ${balanced} At the look after the call one other endpoint was open.`,
        "Not to be chosen:",
        hint,
      ],
      [...head, `${called} (called)`, "–", "0", latency(called), other, "–", "0", latency(other)],
      [`${draining} draining`],
    ]);

    stage.backends[0]!.behaviour.status = 500;
    await stage.call(10);
    const after = await agree(page, stage);
    const [, state, why = ""] = after.endpoints.find(([address]) => address === failing) ?? [];
    expect(state).toBe("ejected");
    const latencyAfter = (address: string): string =>
      after.endpoints.find(([each]) => each === address)?.[7] ?? "";
    expect(await explained("500")).toEqual([
      [
        `It went to ${failing}, ${balanced} At the look after the call one other endpoint was open, and the called one was closed: ${why}.`,
        "Not to be chosen:",
        hint,
      ],
      [
        ...head,
        `${failing} (called)`,
        "–",
        "0",
        latencyAfter(failing),
        healthy,
        "–",
        "0",
        latencyAfter(healthy),
      ],
      [`${draining} draining`],
    ]);
    expect(looked.complaints).toEqual([]);
  });

  it("is what happened to endpoints and circuits", { timeout: 120_000 }, async () => {
    await using stage = await setStage(3, {
      retry: false,
      balancer: "round-robin",
      circuit: { minCalls: 20, openMs: 5_000, openJitter: 0 },
    });
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    const [first, second] = stage.backends;
    stage.discovery.remove("orders", second!.address);
    await agree(page, stage);
    expect(await told(page, "endpoint.removed")).toEqual([`${second!.address} removed with 0 in flight`]);

    first!.behaviour.status = 500;
    await stage.call(10);
    await agree(page, stage);
    expect(await told(page, "endpoint.ejected")).toEqual([
      expect.stringMatching(new RegExp(`^${first!.address} ejected for [\\d.]+ s: 5 consecutive 5xx$`, "u")),
    ]);
    first!.behaviour.status = 200;
    await stage.clock.advance(60_000);
    for (let round = 0; round < 20; round++) {
      await stage.call(5);
      await stage.clock.advance(500);
    }
    await agree(page, stage);
    expect(await told(page, "endpoint.returned")).toEqual([`${first!.address} is back, by probes`]);

    const opened: string[] = [];
    stage.mesh.on("circuit.opened", ({ calls, failureRatio }) => {
      opened.push(
        `circuit opened: ${Math.round(100 * failureRatio)} % of ${calls} calls failed; next try in 5 s`,
      );
    });
    for (const { behaviour } of stage.backends) behaviour.status = 503;
    await stage.call(200);
    await agree(page, stage);
    expect(opened).toHaveLength(1);
    expect(await told(page, "circuit.opened")).toEqual(opened);
    expect(looked.complaints).toEqual([]);
  });

  it("is what this process registered itself as", async () => {
    await using stage = await setStage(1);
    await using looked = await openPage(browser);
    const { page } = looked;
    await watch(page, stage);
    expect((await agree(page, stage)).self).toBe("this process");
    const registry = new FakeRegistry();
    const registrar = registry.registrar(stage.clock, 0);
    const shop = await stage.mesh.register({ registrar, service: "shop", host: "10.0.0.1", port: 80 });
    expect((await agree(page, stage)).self).toBe("this process\nshop: registered (fake)");
    expect(await told(page, "registration.registered")).toEqual(["registered as 10.0.0.1:80 with fake"]);
    const left = shop.deregister();
    await stage.clock.advance(5_000);
    await left;
    expect((await agree(page, stage)).self).toBe("this process");
    expect(looked.complaints).toEqual([]);
  });
});
