import { memorySource } from "@proxyless/core";
import type { Mesh } from "@proxyless/core";
import { ManualClock } from "@proxyless/core/testing";
import { describe, expect, it } from "vitest";

import { applyPatch } from "../src/page/patch.ts";
import type { PageState, TickMessage, WholeMessage } from "../src/state.ts";
import { eventsOf, nextEvent } from "./support/events.ts";
import { serve } from "./support/served.ts";
import type { Served } from "./support/served.ts";

/** So much that no socket's buffers take it several times, and everything in it is another in each round. */
function longList(round: number): { host: string; port: number; weight: number; version: string }[] {
  const version = `${round}.${"x".repeat(240)}`;
  return Array.from({ length: 4_000 }, (_, i) => {
    return { host: `127.0.${i >> 8}.${i & 255}`, port: 80, weight: round, version };
  });
}

/** Sets a list and waits until the mesh has told all of it, which it does over several turns. */
async function told({ discovery, mesh }: Served, list: ReturnType<typeof longList>): Promise<void> {
  const whole = Promise.withResolvers<undefined>();
  const end = mesh.on("discovery.updated", () => {
    whole.resolve(undefined);
  });
  discovery.set("orders", list);
  await whole.promise;
  end();
}

/** The page's clock; the mesh has its own. */
async function served(): Promise<Served & { readonly clock: ManualClock }> {
  const clock = new ManualClock(1_700_000_000_000);
  return { ...(await serve({ clock, title: "shop" })), clock };
}

describe("the stream of a page", () => {
  it("tells the whole state once, and then what changed", async () => {
    await using page = await served();
    const events = eventsOf(await page.open("events"));
    const first = await nextEvent(events);
    expect(first.name).toBe("whole");
    const whole: WholeMessage = JSON.parse(first.data);
    expect(whole).toMatchObject({ title: "shop", mayOperate: false });
    expect(Object.keys(whole.state.services["orders"]?.endpoints ?? {})).toHaveLength(2);
    let state: unknown = whole.state;
    page.discovery.remove("orders", "127.0.0.1:1");
    page.discovery.add("orders", { host: "127.0.0.1", port: 9, health: "unhealthy" });
    await page.clock.advance(1_000);
    const second = await nextEvent(events);
    expect(second.name).toBe("tick");
    const tick: TickMessage = JSON.parse(second.data);
    state = applyPatch(state, tick.patch);
    const [service] = page.mesh.inspect().services;
    expect(service?.endpoints.map(({ endpoint, gate }) => [endpoint, gate])).toEqual(
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what the patch made of a state
      Object.values((state as PageState).services["orders"]!.endpoints).map(({ about, gate }) => [
        about.address,
        gate,
      ]),
    );
    expect(tick.news.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["endpoint.added", "endpoint.removed", "discovery.updated"]),
    );
    expect(tick.points["orders"]).toMatchObject({ rate: 0, p50: null });
  });

  it("tells who comes later what was said before", async () => {
    await using page = await served();
    page.discovery.remove("orders", "127.0.0.1:1");
    await page.open("events");
    await page.clock.advance(3_000);
    const whole: WholeMessage = JSON.parse((await nextEvent(eventsOf(await page.open("events")))).data);
    expect(whole.news.map(({ type }) => type)).toContain("endpoint.removed");
    expect(whole.history["orders"]).toHaveLength(3);
  });

  it("tells no figures of a time that nobody has watched yet", async () => {
    // By a clock that goes on by itself, however little.
    await using page = await serve();
    const whole: WholeMessage = JSON.parse((await nextEvent(eventsOf(await page.open("events")))).data);
    expect(Object.keys(whole.state.services)).toEqual(["orders"]);
    expect(whole.history).toEqual({});
  });

  it("forgets a service that the mesh has forgotten", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const meshClock = new ManualClock();
    const discovery = memorySource({ orders: ["127.0.0.1:1"] });
    await using page = await serve({ clock }, { clock: meshClock, discovery });
    await page.open("events");
    // A name that somebody put into a URL, and that is no service.
    await page.mesh.fetch("http://nobody/").catch(() => undefined);
    await clock.advance(1_000);
    const wholeNow = async (): Promise<WholeMessage> =>
      JSON.parse((await nextEvent(eventsOf(await page.open("events")))).data);
    expect(Object.keys((await wholeNow()).history).toSorted()).toEqual(["nobody", "orders"]);
    while (page.mesh.inspect().services.length > 1) await meshClock.advance(1_000);
    await clock.advance(1_000);
    const { history, state } = await wholeNow();
    expect([Object.keys(history), Object.keys(state.services)]).toEqual([["orders"], ["orders"]]);
  });

  it("queues nothing for who does not read, and tells everything once it reads again", async () => {
    await using page = await served();
    const slow = await page.open("events");
    slow.pause();
    for (let round = 1; round <= 12; round++) {
      await told(page, longList(round));
      await page.clock.advance(1_000);
    }
    const names: string[] = [];
    let state: unknown;
    const reading = (async (): Promise<void> => {
      for await (const { data, name } of eventsOf(slow)) {
        names.push(name);
        const message: WholeMessage & TickMessage = JSON.parse(data);
        state = name === "whole" ? applyPatch(undefined, message.state) : applyPatch(state, message.patch);
      }
    })();
    // The mesh takes long lists by its own clock.
    const weights = async (): Promise<readonly number[]> => {
      await page.clock.advance(1_000);
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what the patches made of a state
      const service = (state as PageState | undefined)?.services["orders"];
      return [...new Set(Object.values(service?.endpoints ?? {}).map(({ about }) => about.weight))];
    };
    await expect.poll(weights, { timeout: 20_000 }).toEqual([12]);
    expect(names.filter((name) => name === "whole")).toHaveLength(2);
    // What it missed was not kept for it.
    expect(names.indexOf("whole", 1)).toBeLessThan(12);
    await page.dashboard.close();
    await reading;
  });

  it("drops who has read nothing for 15 seconds", async () => {
    await using page = await served();
    const stuck = await page.open("events");
    stuck.pause();
    for (let second = 1; second <= 40 && page.dashboard.watchers > 0; second++) {
      await told(page, longList(second));
      await page.clock.advance(1_000);
    }
    await expect.poll(() => page.dashboard.watchers, { timeout: 10_000 }).toBe(0);
  });

  it("counts nothing and has no timer while nobody watches", async () => {
    await using page = await served();
    expect(page.clock.pendingTimers).toBe(0);
    const stream = await page.open("events");
    const hystrix = await page.open("hystrix.stream");
    expect(page.clock.pendingTimers).toBe(1);
    stream.destroy();
    hystrix.destroy();
    await expect.poll(() => page.dashboard.watchers).toBe(0);
    expect(page.clock.pendingTimers).toBe(0);
  });

  it("ends with the dashboard, and leaves nothing behind", async () => {
    const clock = new ManualClock();
    let listeners = 0;
    await using page = await serve({ clock });
    const { mesh } = page;
    const watched: Pick<Mesh, "inspect" | "on"> = {
      inspect: () => mesh.inspect(),
      on: (type, listener) => {
        const end = mesh.on(type, listener);
        listeners++;
        return () => {
          listeners--;
          end();
        };
      },
    };
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- of a mesh it uses these alone while nobody operates it
    await using other = await serve({ clock, mesh: watched as Mesh });
    const seldom = listeners;
    const streams = [await other.open("events"), await other.open("hystrix.stream")];
    expect(listeners).toBeGreaterThan(seldom);
    const ends = streams.map((stream) => new Promise((resolve) => stream.resume().once("close", resolve)));
    await other.dashboard.close();
    await Promise.all(ends);
    expect([listeners, clock.pendingTimers, other.dashboard.watchers]).toEqual([0, 0, 0]);
    expect((await other.ask("events")).status).toBe(503);
  });
});
