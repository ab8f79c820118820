import { systemClock } from "@proxyless/core";
import type { Clock, Mesh, TimerHandle } from "@proxyless/core";
import { emptyRecord, MeshFeed } from "@proxyless/dashboard/feed";
import type { PageState } from "@proxyless/dashboard/feed";

import type { CountedService, PageReport } from "./page-report.ts";

/** Who has not been asked for so long is not watched any more. */
const idleMs = 10_000;

/** A worker's part of the page. It counts calls while it is asked, and stops by itself when that has ended. */
export class WorkerPage {
  readonly #feed: MeshFeed;
  readonly #clock: Clock;
  #timer: TimerHandle | undefined;
  #state: PageState = { services: emptyRecord(), registrations: [] };
  #lastNews = 0;
  #lastCall = 0;

  constructor(mesh: Mesh, clock: Clock = systemClock) {
    this.#feed = new MeshFeed(mesh, clock);
    this.#clock = clock;
  }

  answer(): Promise<PageReport> {
    const { calls, news, tally } = this.#feed;
    if (this.#timer === undefined) this.#feed.start();
    else this.#clock.clearTimer(this.#timer);
    this.#timer = this.#clock.setTimer(
      () => {
        this.#stop();
      },
      idleMs,
      undefined,
      true,
    );
    tally.turn();
    this.#state = this.#feed.look(this.#state);
    const counted = emptyRecord<CountedService>();
    for (const name of Object.keys(this.#state.services)) {
      const own = tally.of(name);
      const routes = own.routes.map(([route, { counts, latencies }]) => ({
        route,
        counts,
        latencies: latencies.parts,
      }));
      counted[name] = { routes, attempts: own.endpoints.total };
    }
    const newNews = news.since(this.#lastNews);
    const newCalls = calls.since(this.#lastCall);
    this.#lastNews = newNews.at(-1)?.id ?? this.#lastNews;
    this.#lastCall = newCalls.at(-1)?.id ?? this.#lastCall;
    return Promise.resolve({
      version: 1,
      state: this.#state,
      counted,
      commands: this.#feed.commands(),
      news: newNews,
      calls: newCalls,
    });
  }

  close(): void {
    this.#stop();
    this.#feed.close();
  }

  #stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#feed.stop();
  }
}
