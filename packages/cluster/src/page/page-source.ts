import type { Clock } from "@proxyless/core";
import type { Feed, FeedSource } from "@proxyless/dashboard/feed";

import type { Roster, Subject } from "../roster.ts";
import { ClusterFeed } from "./cluster-feed.ts";
import { isPageReport } from "./page-report.ts";

const topic = "page";

/** Hands what workers say of themselves to every page that is watched. */
export class PageSource implements FeedSource, Subject {
  readonly #roster: Roster;
  readonly #feeds = new Set<ClusterFeed>();

  constructor(roster: Roster) {
    this.#roster = roster;
    roster.speakOf(topic, this);
  }

  /** Of one page. */
  feed(clock: Clock): Feed {
    const ask = async (): Promise<ReadonlySet<string>> => (await this.#roster.ask(topic)).late;
    const feed = new ClusterFeed(ask, clock, () => this.#feeds.delete(feed));
    this.#feeds.add(feed);
    return feed;
  }

  take(worker: string, content: unknown): ReturnType<Subject["take"]> {
    // A worker that reports no mesh has nothing for the page.
    if (content === null || content === undefined) return { isTaken: true };
    if (!isPageReport(content)) return { isTaken: false, problem: "a page that makes no sense" };
    for (const feed of this.#feeds) feed.take(worker, content);
    return { isTaken: true };
  }

  drop(worker: string): void {
    for (const feed of this.#feeds) feed.drop(worker);
  }
}
