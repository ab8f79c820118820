import type { Clock } from "@proxyless/core";
import { Tally } from "@proxyless/dashboard/feed";
import type { CallItem, Command, Feed, NewsItem, PageState } from "@proxyless/dashboard/feed";

import type { Said } from "./agreement.ts";
import { Kept } from "./kept.ts";
import { mergeCommands } from "./merge-commands.ts";
import { mergeStates } from "./merge-states.ts";
import type { PageReport } from "./page-report.ts";

const order = new Intl.Collator("en", { numeric: true });

/** Asks all workers. @returns those who did not answer in time */
export type AskWorkers = () => Promise<ReadonlySet<string>>;

/** The page's view of all workers as one. It asks them at each look, and shows at the next what they have answered. */
export class ClusterFeed implements Feed {
  readonly tally: Tally = new Tally();
  readonly news: Kept<NewsItem> = new Kept(200);
  readonly calls: Kept<CallItem> = new Kept(100);
  readonly #ask: AskWorkers;
  readonly #clock: Clock;
  readonly #onClose: (feed: ClusterFeed) => void;
  readonly #reports = new Map<string, PageReport>();
  readonly #late = new Set<string>();
  #isWatched = false;

  constructor(ask: AskWorkers, clock: Clock, onClose: (feed: ClusterFeed) => void) {
    this.#ask = ask;
    this.#clock = clock;
    this.#onClose = onClose;
  }

  start(): void {
    this.#isWatched = true;
    void this.#askAll();
  }

  stop(): void {
    this.#isWatched = false;
    this.tally.clear();
    this.#reports.clear();
    this.#late.clear();
  }

  close(): void {
    this.stop();
    this.#onClose(this);
  }

  look(): PageState {
    void this.#askAll();
    this.tally.turnEndpoints();
    const state = mergeStates(this.#present());
    for (const [name, { calls }] of Object.entries(state.services))
      this.tally.of(name).of(undefined).sawInFlight(calls);
    return state;
  }

  commands(): readonly Command[] {
    return mergeCommands(this.#present().flatMap(([, { commands }]) => commands));
  }

  /** What a worker answered. */
  take(worker: string, report: PageReport): void {
    if (!this.#isWatched) return;
    this.#reports.set(worker, report);
    if (this.#late.delete(worker)) this.#report("worker.answered", worker, "answers again", "good");
    for (const [name, { routes }] of Object.entries(report.counted)) {
      const own = this.tally.of(name);
      for (const { route, counts, latencies } of routes) own.of(route).add(counts, latencies);
    }
    for (const item of report.news) this.news.add({ ...item, text: `${item.text} · ${worker}` });
    for (const item of report.calls) this.calls.add(item);
  }

  /** The worker has ended. */
  drop(worker: string): void {
    if (this.#reports.delete(worker)) this.#report("worker.ended", worker, "has ended", "plain");
    this.#late.delete(worker);
  }

  /** What they last said, without those that are late: always in the same order, whoever answers first. */
  #present(): readonly Said<PageReport>[] {
    return [...this.#reports]
      .filter(([worker]) => !this.#late.has(worker))
      .toSorted(([one], [other]) => order.compare(one, other));
  }

  async #askAll(): Promise<void> {
    for (const worker of await this.#ask()) {
      if (!this.#isWatched || this.#late.has(worker)) continue;
      this.#late.add(worker);
      this.#report("worker.late", worker, "does not answer in time and is left out", "bad");
    }
  }

  #report(type: string, service: string, text: string, tone: NewsItem["tone"]): void {
    this.news.add({ id: 0, at: this.#clock.wallNow(), type, service, text, tone, count: 1 });
  }
}
