import { setImmediate } from "node:timers/promises";

import type { Sink } from "@proxyless/core";
import { ManualClock, seededRandom } from "@proxyless/core/testing";
import { expect, it, onTestFinished } from "vitest";

import { ApiClient } from "../../packages/discovery-kubernetes/src/api-client.ts";
import { FeedPool } from "../../packages/discovery-kubernetes/src/feed-pool.ts";
import { resolveOptions } from "../../packages/discovery-kubernetes/src/options.ts";
import { ServiceWatch } from "../../packages/discovery-kubernetes/src/service-watch.ts";
import { SliceApi } from "../../packages/discovery-kubernetes/src/slice-api.ts";
import { SliceFeed } from "../../packages/discovery-kubernetes/src/slice-feed.ts";
import { readSlice } from "../../packages/discovery-kubernetes/src/slice.ts";
import { ApiServer } from "./api-server.ts";
import { pods, sliceJson } from "./slices.ts";

const sliceCount = 200;

/** A watch of which everything that it hears comes from the test: its server is silent. */
class Watched {
  readonly log: string[] = [];
  readonly clock: ManualClock = new ManualClock();
  readonly end: AbortController = new AbortController();
  readonly feed: SliceFeed;
  readonly watch: ServiceWatch;

  constructor(url: string) {
    const settings = resolveOptions({ url }, {});
    const api = new SliceApi(new ApiClient(settings), settings);
    const context = { clock: this.clock, random: seededRandom(1), signal: this.end.signal };
    const name = { name: "web", namespace: "default" };
    const sink: Sink = {
      snapshot: ({ endpoints }) => this.log.push(`list of ${endpoints.length}`),
      alive: () => this.log.push("alive"),
      error: ({ message }) => this.log.push(message),
    };
    const scope = { namespace: "default", service: "web", managedBy: settings.managedBy };
    this.feed = new SliceFeed(api, settings, scope, context);
    this.watch = new ServiceWatch(name, new FeedPool(api, settings), settings, sink, context);
  }

  /** Tells of slices; all of them have one endpoint each. */
  put(...numbers: readonly number[]): void {
    for (const n of numbers) {
      const slice = sliceJson({ name: `web-${n}`, service: "web", pods: pods(1, n) });
      this.feed.store.put(readSlice(slice));
    }
    this.watch.changed(this.feed);
  }

  /** @returns how many turns of the event loop it took until so much was told */
  async turnsUntil(count: number): Promise<number> {
    for (let turns = 0; ; turns++) {
      if (this.log.length >= count) return turns;
      // eslint-disable-next-line no-await-in-loop -- one turn after the other
      await setImmediate();
    }
  }
}

async function watched(): Promise<Watched> {
  const server = await ApiServer.start();
  server.pause();
  const made = new Watched(server.url);
  onTestFinished(async () => {
    made.end.abort();
    await Promise.all([made.watch.done, made.feed.done]);
    await server.stop();
  });
  return made;
}

const many = Array.from({ length: sliceCount }, (_, n) => n);

it("a list of many slices is put together in several turns, and what comes meanwhile is told after it, in its order", async () => {
  const made = await watched();
  made.put(...many);
  expect(made.log).toEqual([]);
  made.put(sliceCount);
  made.watch.alive();
  made.watch.error({ class: "transient", message: "trouble" });
  made.watch.alive();
  made.put(sliceCount + 1);
  made.put(sliceCount + 2);
  expect(made.log).toEqual([]);
  await made.clock.advance(100);
  expect(await made.turnsUntil(1)).toBeGreaterThanOrEqual(3);
  await made.turnsUntil(5);
  // A list is of what is known when it is begun.
  const newest = `list of ${sliceCount + 3}`;
  expect(made.log).toEqual([`list of ${sliceCount}`, newest, "alive", "trouble", newest]);
});

it("a watch that ends while its list is put together says nothing more", async () => {
  const made = await watched();
  made.put(...many);
  made.watch.error({ class: "transient", message: "trouble" });
  await setImmediate();
  made.end.abort();
  await made.watch.done;
  for (let turn = 0; turn < 20; turn++) {
    // eslint-disable-next-line no-await-in-loop -- one turn after the other
    await setImmediate();
  }
  expect(made.log).toEqual([]);
});
